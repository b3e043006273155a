// RUN: attn-opt %s --split-input-file --attn-tile --attn-cpu-entry-points --canonicalize --cse | FileCheck %s

// The kernel keeps its code under a private name; the public name checks, then calls it.
// CHECK-DAG: llvm.func @omp_set_num_threads(i32)
// CHECK-DAG: llvm.func @omp_get_max_threads() -> i32
// CHECK-LABEL: func.func @scale(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr, %[[COUNT:.*]]: i64, %[[THREADS:.*]]: i32) -> i32
// CHECK-DAG: %[[WRONG:.*]] = arith.constant 999001 : i32
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i64
// CHECK: arith.cmpi eq, %[[COUNT]], %[[TWO]] : i64
// CHECK: llvm.icmp "ne" %[[ARGS]]
// CHECK: scf.if %{{.*}} -> (i32)
// The sizes of the second tensor are those of the first, argument 1, kind 4.
// CHECK: %[[BATCH:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: arith.cmpi ne, %{{.*}}, %[[BATCH]] : i64
// CHECK: omp_get_max_threads
// CHECK: llvm.call @omp_set_num_threads
// CHECK: call @scale.body(
// CHECK: llvm.call @omp_set_num_threads
// CHECK: } else {
// CHECK: scf.yield %[[WRONG]]
// CHECK: func.func private @scale.body(%{{[^{]*}}) -> i32 attributes {llvm.linkage = #llvm.linkage<internal>} {
func.func @scale(%x: tensor<?x2x?x8xf32> {attn.name = "x"}) -> tensor<?x2x?x8xf32> attributes {attn.entry = "prefill"} {
  %s = attn.scale %x by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// -----

// An index comes as a rank-0 tensor of i64; a bound is rounded up.
// CHECK-LABEL: func.func @bounds(
// CHECK: arith.ceildivsi
// CHECK: arith.cmpi slt
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: arith.index_cast %{{.*}} : i64 to index
// CHECK: call @bounds.body(
func.func @bounds(%x: tensor<?x2x?x8xf32>, %blocks: tensor<?x1x?x?xi8>, %start: index) -> tensor<?x2x?x8xf32> {
  %r = attn.rope %x at %start <dims = 8> : tensor<?x2x?x8xf32>
  %out = attn.attention %r, %x, %x scale(0.125) mask(<blocks<16, 32, 0>>, %blocks : tensor<?x1x?x?xi8>) schedule<rows = 32, keys = 64> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

// -----

// Only what attn-tile made is an entry, and only if it is public; specs have served.
// CHECK-NOT: attn.spec
// CHECK-DAG: func.func @other(%{{.*}}: index) -> index
// CHECK-DAG: func.func private @hidden(%{{.*}}: memref<
// CHECK-NOT: .body
attn.spec @s {query_heads = 8, qk_size = 64}
func.func @other(%i: index) -> index {
  return %i : index
}
func.func private @hidden(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %x by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}
