// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90a --attn-lower-nvgpu | FileCheck %s

// All threads make a table of the smallest and largest id of each block of 64 keys, four blocks per warp at once.
// CHECK-LABEL: llvm.func @documents_kernel(
// CHECK: llvm.nvvm.barrier.cta.sync
// CHECK: st.shared.v2.b32
// CHECK: llvm.nvvm.barrier.cta.sync
// CHECK-COUNT-8: llvm.load {{.*}} -> i32
// CHECK-COUNT-4: red.shared.min.s32
// CHECK-NOT: red.shared.min.s32
// CHECK: llvm.nvvm.barrier.cta.sync
// CHECK: llvm.nvvm.setmaxnreg.dec
// The threads that load keys and queries wait for the tile's key range.
// CHECK: ld.shared.v4.b32
// CHECK: llvm.nvvm.cp.async.bulk.tensor
// CHECK: ld.shared.v4.b32
// CHECK: llvm.nvvm.cp.async.bulk.tensor
// The scout makes the next batch entry's table by itself, ...
// CHECK: bar.warp.sync
// CHECK: red.shared.min.s32
// CHECK: bar.warp.sync
// ... and looks for the blocks that hold one of the rows' ids.
// CHECK: ld.shared.v2.b32
// CHECK: redux.sync.min.s32
// CHECK: redux.sync.max.s32
// CHECK: ld.shared.v2.b32
// CHECK: redux.sync.min.s32
// CHECK: redux.sync.max.s32
// CHECK: st.shared.v4.b32
// CHECK-SAME: mbarrier.arrive.release
// CHECK: llvm.nvvm.setmaxnreg.inc
// CHECK: llvm.return
func.func @documents(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %ids: tensor<?x?xi32>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0>>, %ids : tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// Ids of 64 bits are limited to 32, and two blocks are on their way at once.
// CHECK-LABEL: llvm.func @wide_kernel(
// CHECK-COUNT-4: llvm.load {{.*}} -> i64
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: arith.trunci
// CHECK-COUNT-2: red.shared.min.s32
// CHECK-NOT: red.shared.min.s32
// CHECK: llvm.nvvm.setmaxnreg.dec
func.func @wide(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %ids: tensor<?x?xi64>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<document<0>>, %ids : tensor<?x?xi64>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
