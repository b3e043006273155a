// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90a --attn-lower-nvgpu | FileCheck %s

// Causal: mask code right of the diagonal's tile, then none. The kernel is all that is left, with its launch numbers.
// CHECK: attn.gpu_entries = [{kernel = "causal_kernel", name = "causal"
// CHECK-SAME: numbers = array<i64: 384, 197184, 128, 128, 8, 128, 128, 1, 4, 0, 1, 2, 3, 4, -1, -1, 0, 0, 5,
// CHECK-NOT: func.func
// CHECK: llvm.mlir.global internal @attn_counters
// CHECK-LABEL: llvm.func @causal_kernel(
// CHECK-SAME: llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 384>
// CHECK: llvm.nvvm.redux.sync.umax
// CHECK: mbarrier.init
// CHECK: scf.if
// CHECK: llvm.nvvm.setmaxnreg.dec.sync.aligned.u32
// Flagged tiles before new ones. Then the keys of a tile: two chunks of 64 columns.
// CHECK: ld.shared.b32 $0, [$1];\0Ast.shared.b32 [$1], 0;
// CHECK: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// CHECK: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// Cards for two consumers.
// CHECK-COUNT-2: st.shared.v4.b32
// CHECK: llvm.nvvm.setmaxnreg.inc.sync.aligned.u32
// CHECK: ld.shared.v4.b32
// The first tile, and the two loops; QK and the previous PV are in flight together. The second keeps the rows' reference.
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK: scf.for
// CHECK: wgmma.wait_group.sync.aligned 1
// CHECK: arith.cmpi sge
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK: scf.for
// CHECK: wgmma.wait_group.sync.aligned 1
// CHECK-NOT: arith.cmpi sge
// CHECK-NOT: arith.maxnumf
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK-NOT: scf.for
// Rows whose sum left its range flag the tile.
// CHECK: arith.cmpf uge
// CHECK: @f st.shared.b32 [$2], $3;
// CHECK: llvm.return
func.func @causal(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> (tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
  return %o, %l : tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
}

// -----

// Without a mask one loop is enough; f16; heads by a table; three consumers take turns.
// CHECK: llvm.mlir.global internal constant @heads_kernel_key_heads(dense<[0, 1, 0]> : tensor<3xi32>) {addr_space = 4
// CHECK-LABEL: llvm.func @heads_kernel(
// CHECK: bar.arrive $0, 256
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16
// CHECK: scf.for
// CHECK: bar.sync $0, 256
// CHECK-NOT: scf.for
// CHECK: llvm.return
func.func @heads(%q: tensor<?x3x?x64xf16>, %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x64xf16>) -> tensor<?x3x?x64xf16> {
  %o = attn.attention %q, %k, %v scale(0.125) heads(query = [0, 1, 2], key = [0, 1, 0], value = [0, 1, 0]) : tensor<?x3x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16> -> tensor<?x3x?x64xf16>
  return %o : tensor<?x3x?x64xf16>
}

// -----

// A window has two ends: a third loop, with mask code again.
// CHECK-LABEL: llvm.func @window_kernel(
// CHECK-COUNT-3: wgmma.wait_group.sync.aligned 1
// CHECK: llvm.return
func.func @window(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<100>>) : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

// A score region runs on registers; what depends on the head alone is read once.
// CHECK: llvm.mlir.global internal constant @score_kernel_table0
// CHECK-LABEL: llvm.func @score_kernel(
// CHECK: %[[SLOPE:.*]] = llvm.bitcast %{{.*}} : i32 to f32
// CHECK: arith.mulf %[[SLOPE]]
// CHECK: llvm.return
func.func @score(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %m = attn.lookup %h in [0.5, 0.25]
    %d = arith.subi %j, %i : index
    %w = arith.index_cast %d : index to i32
    %f = arith.sitofp %w : i32 to f32
    %p = arith.mulf %m, %f : f32
    %r = arith.addf %s, %p : f32
    attn.yield %r : f32
  } : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
