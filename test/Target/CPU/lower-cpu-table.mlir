// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// Powers from a table: an addition leaves their exponents in 16 bits, and the second attempt takes the polynomial without a weave.
// Panels of 64 rows: two blocks for each 32 keys, and values' products with one left operand for four right ones. The weights are added
// up there: each of the four blocks of value columns takes four of a tile's sixteen rows.
// CHECK-LABEL: func.func private @powers_work0_values(
// CHECK: scf.for
// CHECK: scf.for
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-16: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK-NOT: avx512bf16
// CHECK-COUNT-4: memref<1x64xf32>, vector<16xf32>
// CHECK-LABEL: func.func private @powers_work0_item(
// CHECK: math.roundeven
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>) {
// CHECK: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK: llvm.inline_asm "vpshufb $2, $1, $0 {$4}"
// CHECK: llvm.inline_asm "vpermi2b $3, $2, $0 {$4} {z}"
// CHECK-NOT: avx512bf16
// CHECK: } else {
// CHECK: llvm.x86.avx512.mask.reduce.ps.512
func.func @powers(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 64, keys = 128, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = table, bypass = keys> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %out : tensor<?x4x?x64xbf16>
}
