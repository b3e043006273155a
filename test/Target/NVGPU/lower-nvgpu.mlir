// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90a --attn-lower-nvgpu | FileCheck %s

// Causal: mask code right of the diagonal's tile, then none. The kernel is all that is left, with its launch numbers.
// CHECK: attn.gpu_entries = [{kernel = "causal_kernel", name = "causal"
// CHECK-SAME: numbers = array<i64: 384, 197184, 128, 128, 8, 128, 128, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, -1, -1, 0, 0, 5,
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
// CHECK-NOT: llvm.nvvm.vote.ballot.sync
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

// -----

// Rows that a NaN of an excluded key has reached are found by their sums and computed again, key by key.
// CHECK-LABEL: llvm.func @strict_kernel(
// CHECK-COUNT-3: wgmma.wait_group.sync.aligned 0
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK-COUNT-2: llvm.nvvm.vote.ballot.sync
// CHECK: scf.for
// CHECK: bar.warp.sync
// CHECK: scf.for
// CHECK-COUNT-5: llvm.nvvm.shfl.sync.bfly.f32
// CHECK: llvm.return
func.func @strict(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, overlap = 1, persistent = 1, strict = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

// Masks that depend on data. A prefix bounds the visited keys; the lengths are read once per tile of rows.
// CHECK-LABEL: llvm.func @prefix_kernel(
// CHECK: llvm.load {{.*}} -> i64
// CHECK: arith.trunci
// CHECK: llvm.return
func.func @prefix(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %n: tensor<?xi64>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<prefix_length<0>>, %n : tensor<?xi64>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// Documents: ids of the keys and of the rows' positions are compared; both rows of a thread share a load.
// CHECK-LABEL: llvm.func @documents_kernel(
// CHECK: wgmma.wait_group.sync.aligned
// CHECK: llvm.load {{.*}} -> i32
// CHECK: arith.cmpi eq
// CHECK: llvm.return
func.func @documents(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %ids: tensor<?x?xi32>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0>>, %ids : tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// A dense mask is read per pair, a block mask at the pair's block; bytes are widened.
// CHECK-LABEL: llvm.func @dense_kernel(
// CHECK: llvm.load {{.*}} -> i8
// CHECK: arith.extsi
// CHECK: llvm.return
func.func @dense(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %m: tensor<1x2x?x?xi8>, %b: tensor<?x1x?x?xi32>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<dense<0> and blocks<64, 64, 1>>, %m, %b : tensor<1x2x?x?xi8>, tensor<?x1x?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// Score programs: constants end in one multiplication (50 tanh(x / 50), x = 0.125 s: e^2x = 2^(0.125 / 50 * 2 log2 e s)), positions
// become real numbers once per row, and `afn` takes the unit's own tanh.
// CHECK-LABEL: llvm.func @capped_kernel(
// CHECK: arith.constant 0.00721347
// CHECK: llvm.nvvm.rcp.approx
// CHECK-NOT: arith.divf
// CHECK: llvm.return
func.func @capped(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 50.0 : f32
    %y = arith.divf %x, %c : f32
    %t = math.tanh %y : f32
    %z = arith.mulf %t, %c : f32
    attn.yield %z : f32
  } : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// CHECK-LABEL: llvm.func @fast_kernel(
// CHECK: tanh.approx.f32
// CHECK: llvm.return
func.func @fast(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %t = math.tanh %x fastmath<afn> : f32
    attn.yield %t : f32
  } : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// peek: the loop without mask code asks for the next tiles in front of its powers, and products of the next step wait only if the answer was no.
// CHECK-LABEL: llvm.func @peek_kernel(
// CHECK-NOT: mbarrier.test_wait
// CHECK-COUNT-2: setp.ne.b32 P1, $2, 0;\0A@P1 bra.uni DONE;\0ALAB_WAIT:\0Ambarrier.try_wait
// CHECK: bar.sync $0, 256
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK-COUNT-2: mbarrier.test_wait.parity.shared.b64 p, [$1], $2;
// CHECK: llvm.nvvm.ex2.approx.ftz.f
// CHECK: llvm.return
func.func @peek(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// q_in_registers: three steps of 16 columns are loaded once per tile, their buffer is free at once, and products find them in registers.
// CHECK-LABEL: llvm.func @held_kernel(
// CHECK-NOT: ldmatrix
// CHECK-COUNT-3: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: bar.warp.sync -1;
// CHECK: mbarrier.arrive.release.cta
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, {$33, $34, $35, $36}, db, p, 1, 1, 0;{{.*}}, {$41, $42, $43, $44}, db, o, 1, 1, 0;
// CHECK-NOT: ldmatrix
// CHECK: llvm.return
func.func @held(%q: tensor<?x2x?x40xbf16>, %k: tensor<?x2x?x40xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x2x?x40xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x2x?x40xbf16>
  return %o : tensor<?x2x?x40xbf16>
}
