// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// Sums of the next block of value columns follow those of this one, register by register. The weights' own sums are made of words of
// each step, eight of 16 rows for each of two blocks, in two turns.
// CHECK-LABEL: func.func private @asks_work0_values(
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-16: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK: scf.yield
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK: } else {
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"

// Panels are loaded one ahead in the first tile, and leave in the last.
// CHECK-LABEL: func.func private @asks_work0_item(
// CHECK: %[[SOME:.*]] = arith.cmpi slt
// CHECK: scf.for %[[TILE:.*]] = %[[LOW:.*]] to %[[HIGH:.*]] step
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[TILE]], %[[LOW]]
// CHECK: %[[LAST:.*]] = arith.cmpi eq, %{{.*}}, %[[HIGH]]
// CHECK: %[[VISIBLE:.*]] = arith.andi %[[SOME]]
// CHECK: scf.if %[[FIRST]]
// CHECK: vector.shuffle
// CHECK: scf.if %[[VISIBLE]]
// The rows to ask for: one of keys, one of values, eight of queries or of outputs with each 32 keys. Two lines of each come behind the
// products of the weave.
// CHECK-COUNT-2: memref.store %{{.*}} : memref<4x10xi64>
// CHECK: scf.if %[[FIRST]]
// CHECK-COUNT-8: memref.store %{{.*}} : memref<4x10xi64>
// CHECK: scf.if %[[LAST]]
// CHECK-COUNT-8: memref.store %{{.*}} : memref<4x10xi64>
// CHECK: "llvm.x86.tdpbf16ps"
// CHECK: memref.load %{{.*}} : memref<4x10xi64>
// CHECK-COUNT-20: "llvm.intr.prefetch"
// CHECK-NOT: llvm.intr.prefetch
// CHECK: call @asks_work0_values(
// CHECK: scf.if %[[LAST]]
// CHECK: vector.shuffle
func.func @asks(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 32, keys = 128, panels = 4, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = short_table> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %out : tensor<?x4x?x64xbf16>
}
