// The whole way to the LLVM dialect, one kernel per kind of vector unit.
// RUN: attn-opt %s --attn-to-llvm=target=cpu:x86-64-v4 | FileCheck %s --check-prefixes=CHECK,V4
// RUN: attn-opt %s --attn-to-llvm=target=cpu:x86-64-v3 | FileCheck %s --check-prefixes=CHECK,V3
// RUN: attn-opt %s --attn-to-llvm=target=cpu:x86-64 | FileCheck %s --check-prefixes=CHECK,V1 --implicit-check-not=llvm.intr.fma --implicit-check-not=llvm.intr.fmuladd --implicit-check-not=llvm.fptrunc --implicit-check-not=llvm.fpext
// RUN: attn-opt %s --attn-to-llvm=target=cpu:aarch64 | FileCheck %s --check-prefixes=CHECK,ARM
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v3 --attn-plan --attn-to-llvm=target=cpu:x86-64-v3 | FileCheck %s --check-prefixes=CHECK,V3

// CHECK-DAG: llvm.func @kernel(%{{[^,]*}}: !llvm.ptr, %{{[^,]*}}: i64, %{{[^,]*}}: i32) -> i32
// CHECK-DAG: llvm.func internal @kernel_work0_scores
// CHECK-DAG: omp.parallel
// CHECK-NOT: unrealized_conversion_cast

// V4-DAG: llvm.intr.fmuladd{{.*}} vector<16xf32>
// V4-DAG: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// V4-DAG: llvm.fpext {{.*}} : vector<16xf16> to vector<16xf32>

// V3-DAG: llvm.intr.fmuladd{{.*}} vector<8xf32>
// V3-DAG: llvm.fpext {{.*}} : vector<8xf16> to vector<8xf32>

// V1-DAG: llvm.fmul {{.*}} : vector<4xf32>
// V1-DAG: llvm.bitcast {{.*}} : vector<4xf16> to vector<4xi16>

// ARM-DAG: llvm.intr.fmuladd{{.*}} vector<4xf32>
// ARM-DAG: llvm.fpext {{.*}} : vector<4xf16> to vector<4xf32>
func.func @kernel(%q: tensor<?x4x?x32xf16>, %k: tensor<?x2x?x32xf16>, %v: tensor<?x2x?x32xf16>) -> tensor<?x4x?x32xf16> {
  %out = attn.attention %q, %k, %v scale(0.25) mask(<causal>) : tensor<?x4x?x32xf16>, tensor<?x2x?x32xf16>, tensor<?x2x?x32xf16> -> tensor<?x4x?x32xf16>
  return %out : tensor<?x4x?x32xf16>
}
