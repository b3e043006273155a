// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// The weave: the scores of two blocks of 32 keys first, if the panel before has not left them; then each product of a later block's
// scores comes before a share of the weights of this one, and behind the last block come the first of the next panel. No vector
// operation looks for a maximum; weights are packed by a selection of bits; sums are added where they stand.
// CHECK-LABEL: func.func private @woven_work0_item(
// A new key tile: no scores are begun.
// CHECK: %[[NONE:.*]] = arith.constant -1 : i32
// CHECK: memref.store %[[NONE]], %{{.*}} : memref<1x16xi32>
// CHECK: vector.reduction <or>
// CHECK: scf.for {{.*}} -> (i1)
// The factors of raised references, then two blocks of two steps each.
// CHECK-COUNT-2: math.roundeven
// CHECK: scf.if
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// The loop: keys and queries of this panel or of the next; 32 pairs of weights in eight shares, each behind a product.
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>) {
// CHECK: %[[NEXT:.*]] = arith.cmpi sge
// CHECK: arith.select %[[NEXT]], %{{.*}}, %{{.*}} : index
// CHECK: %[[PANEL:.*]] = arith.select %[[NEXT]], %{{.*}}, %{{.*}} : index
// CHECK: arith.muli %[[PANEL]]
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.inline_asm has_side_effects "", "=v,0"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: tdpbf16ps
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pternlog.d.512"
// CHECK: scf.yield
// Then the next panel is noted.
// CHECK-COUNT-2: memref.store %{{.*}}, %{{.*}} : memref<1x16xi32>
func.func @woven(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) mask(<causal>) schedule<rows = 32, keys = 128, panels = 2, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 2, overlap = 1, maximum = lazy> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %out : tensor<?x4x?x64xbf16>
}
