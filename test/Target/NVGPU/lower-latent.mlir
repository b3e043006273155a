// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90a --attn-lower-nvgpu | FileCheck %s

// Absorbed MLA: values are columns of the keys, so the value operand has no tensor map of its own (role 3 is the keys'), and one load
// serves both products. Two consumer warpgroups with 256 of 512 columns each.
// CHECK: attn.gpu_entries = [{kernel = "decode_kernel", name = "decode"
// CHECK-SAME: numbers = array<i64: 384, 222936, 64, 64, 16, 576, 512, 0, 16, 1, 1, 1, 16, 256, 0, 1, 0, 1, 1, 2, 3, -1, -1,
// CHECK-LABEL: llvm.func @decode_kernel(
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 384>, nvvm.minctasm = 1 : i32
// CHECK: llvm.nvvm.setmaxnreg.dec.sync.aligned.u32
// Nine chunks of a tile, each with its own barrier; halves of the values are freed apart.
// CHECK: mbarrier.try_wait
// CHECK-COUNT-4: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// CHECK: mbarrier.try_wait
// CHECK-COUNT-5: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// CHECK-NOT: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// Its other warps load queries, for the next unit while this one ends.
// CHECK: cp.async.cg.shared.global
// CHECK: llvm.nvvm.setmaxnreg.inc.sync.aligned.u32
// The first consumer: scores of its tile, softmax, own weights from registers, then the other's from shared memory.
// CHECK: scf.for
// CHECK: LAB_CHUNK8{{.*}}wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK: st.shared.b32
// CHECK: fence.proxy.async.shared::cta
// Lanes that leave row references arrive for themselves. Sums are rescaled only where a reference grew.
// CHECK: st.shared.f32
// CHECK: mbarrier.arrive.release.cta.shared::cta.b64
// CHECK: scf.if
// CHECK: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16{{.*}}, db, o, 1, 1, 1;
// CHECK: ld.shared.f32
// CHECK: llvm.nvvm.shfl.sync.idx.f32
// CHECK: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16{{.*}}, da, db, o, 1, 1, 0, 1;
// The second: the other's weighted values run under its softmax.
// CHECK: scf.for
// CHECK: LAB_CHUNK8
// CHECK: ld.shared.f32
// CHECK: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16{{.*}}, da, db, o, 1, 1, 0, 1;
// CHECK: wgmma.wait_group.sync.aligned 1
// CHECK: st.shared.b32
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16{{.*}}, db, o, 1, 1, 1;
// Both end with the same code. Row sums go to one of two places, by the number of the unit: a consumer may be a unit ahead of the other's reads.
// CHECK: %[[TURN:.*]] = arith.andi %{{arg[0-9]+}}, %{{c1_.*}} : i32
// CHECK: %[[PLACES:.*]] = arith.addi %{{.*}}, %c221696_i32
// CHECK: %[[OTHER:.*]] = arith.muli %[[TURN]], %{{c512_.*}} : i32
// CHECK: %[[PLACE:.*]] = arith.addi %[[PLACES]], %[[OTHER]] : i32
// CHECK: %[[ROW:.*]] = arith.addi %[[PLACE]], %{{.*}} : i32
// CHECK: %[[OWN:.*]] = arith.addi %[[ROW]], %{{.*}} : i32
// CHECK: "st.shared.f32 [$0], $1;", "r,f,~{memory}" %[[OWN]],
// CHECK: bar.sync $0, 256;
// CHECK-NOT: wgmma.mma_async
// CHECK: llvm.return
func.func @decode(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> (tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>) {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o, %l = attn.attention %q, %k, %v scale(0.07) mask(<causal>) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>
  return %o, %l : tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>
}

// -----

// Values behind the rotary columns: what only scores read comes last, though it lies first, and the weights take its place.
// CHECK-LABEL: llvm.func @rope_first_kernel(
// CHECK: LAB_CHUNK1:{{.*}}LAB_CHUNK4:{{.*}}LAB_CHUNK0:
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16
func.func @rope_first(%q: tensor<?x40x?x320xf16>, %k: tensor<?x1x?x320xf16>) -> tensor<?x40x?x256xf16> {
  %v = attn.columns %k from 64 : tensor<?x1x?x320xf16> -> tensor<?x1x?x256xf16>
  %o = attn.attention %q, %k, %v scale(0.1) : tensor<?x40x?x320xf16>, tensor<?x1x?x320xf16>, tensor<?x1x?x256xf16> -> tensor<?x40x?x256xf16>
  return %o : tensor<?x40x?x256xf16>
}
