// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// Operands are loaded before the tiles that are done are stored: those of the next 32 value columns, and under the
// weights those of the scores behind the next.
// CHECK-LABEL: func.func private @woven_work0_values(
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK-LABEL: func.func private @woven_work0_item(
// CHECK: vpermi2b
// CHECK-COUNT-7: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
func.func @woven(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 32, keys = 64, panels = 2, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = short_table> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %out : tensor<?x4x?x64xbf16>
}
