// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_80 --attn-lower-nvgpu | FileCheck %s

// A block per tile of rows; keys and values by address. 32 rows per warp: each key and value operand is multiplied twice.
// CHECK: attn.gpu_entries = [{kernel = "causal_kernel", name = "causal"
// CHECK-SAME: numbers = array<i64: 128, {{[0-9]+}}, 128, 64, 8, 64, 64, 1, 4, 0, 2,
// CHECK-NOT: func.func
// CHECK-LABEL: llvm.func @causal_kernel(
// CHECK-NOT: llvm.byval
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128>, nvvm.minctasm = 2
// One thread leaves where keys, values and queries lie, and the tile's facts.
// CHECK: scf.while
// CHECK-COUNT-3: st.shared.v2.b64
// CHECK: st.shared.v4.b32
// CHECK: barrier.cta.sync.aligned.all
// Queries, then keys and values of the first tile; past the end zeros arrive.
// CHECK: selp.b32 z, 16, 0, q;{{.*}}cp.async.cg.shared.global.L2::128B [$0+{{[0-9]+}}], [a], 16, z;
// CHECK: cp.async.commit_group
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// The loop with mask code, and the one that keeps the rows' reference.
// CHECK: scf.for
// CHECK: cp.async.wait_group 1
// CHECK: barrier.cta.sync.aligned.all
// CHECK: cp.async.cg
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: arith.cmpi sge
// CHECK: llvm.nvvm.shfl.sync.bfly.f32
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK: scf.for
// CHECK: cp.async.wait_group 1
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT: arith.cmpi sge
// CHECK-NOT: arith.maxnumf
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-NOT: scf.for
// A block in doubt computes its rows once more.
// CHECK: bar.red.or.pred
// CHECK: st.global.v4.b32
// CHECK: llvm.return
func.func @causal(%q: tensor<?x8x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> (tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>
  return %o, %l : tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>
}

// -----

// One stage: values load under the scores, the next keys under the softmax. f16 has no second attempt.
// CHECK-LABEL: llvm.func @half_kernel(
// CHECK-NOT: scf.while
// CHECK: scf.for
// CHECK: cp.async.wait_group 0
// CHECK: cp.async.cg
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: cp.async.wait_group 0
// CHECK: cp.async.cg
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-NOT: bar.red
// CHECK: llvm.return
func.func @half(%q: tensor<?x2x?x256xf16>, %k: tensor<?x2x?x256xf16>, %v: tensor<?x2x?x256xf16>) -> tensor<?x2x?x256xf16> {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x256xf16>, tensor<?x2x?x256xf16>, tensor<?x2x?x256xf16> -> tensor<?x2x?x256xf16>
  return %o : tensor<?x2x?x256xf16>
}

// -----

// 72 columns are four and a half steps: what the fifth multiplies beyond them is zero. A window has two ends, and three loops. Parts of a
// tile: scores of 16 keys at a time.
// CHECK-LABEL: llvm.func @window_kernel(
// CHECK: st.shared.v4.b32 [$0], {$1, $1, $1, $1};
// CHECK-COUNT-3: scf.for %{{.*}} iter_args
// CHECK: llvm.return
func.func @window(%q: tensor<?x2x?x72xbf16>, %k: tensor<?x2x?x72xbf16>, %v: tensor<?x2x?x72xbf16>) -> tensor<?x2x?x72xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<100>>) schedule<rows = 64, keys = 32, register_keys = 16, stages = 2, consumers = 4, p_in_registers = 1> : tensor<?x2x?x72xbf16>, tensor<?x2x?x72xbf16>, tensor<?x2x?x72xbf16> -> tensor<?x2x?x72xbf16>
  return %o : tensor<?x2x?x72xbf16>
}

// -----

// One stage, parts in turn: weighted values of the first part stand before the scores of the second, so the values are waited for, and met, behind
// the first scores; the next keys follow the last scores.
// CHECK-LABEL: llvm.func @turns_kernel(
// CHECK: scf.for
// CHECK: cp.async.wait_group 0
// CHECK: barrier.cta.sync.aligned.all
// CHECK: cp.async.cg
// CHECK: cp.async.commit_group
// CHECK-NOT: .trans.
// CHECK: mma.sync.aligned.m16n8k16
// CHECK-NOT: .trans.
// CHECK: cp.async.wait_group 0
// CHECK-NOT: ldmatrix
// CHECK: barrier.cta.sync.aligned.all
// CHECK-NOT: cp.async
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-NOT: cp.async
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-NOT: .trans.
// CHECK: barrier.cta.sync.aligned.all
// CHECK-NOT: .trans.
// CHECK: cp.async.cg
// CHECK: cp.async.commit_group
// CHECK-NOT: cp.async.wait_group
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK: scf.yield
// CHECK: llvm.return
func.func @turns(%q: tensor<?x2x?x192xbf16>, %k: tensor<?x2x?x192xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 128, keys = 32, register_keys = 16, stages = 1, consumers = 4, p_in_registers = 1, blocks = 2, overlap = 0> : tensor<?x2x?x192xbf16>, tensor<?x2x?x192xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// The same with overlap: the second part's scores come first.
// CHECK-LABEL: llvm.func @overlapped_kernel(
// CHECK: scf.for
// CHECK: cp.async.wait_group 0
// CHECK: cp.async.commit_group
// CHECK-NOT: cp.async.wait_group
// CHECK-COUNT-2: llvm.nvvm.ex2
// CHECK: cp.async.wait_group 0
// CHECK: llvm.return
func.func @overlapped(%q: tensor<?x2x?x192xbf16>, %k: tensor<?x2x?x192xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 128, keys = 32, register_keys = 16, stages = 1, consumers = 4, p_in_registers = 1, blocks = 2, overlap = 1> : tensor<?x2x?x192xbf16>, tensor<?x2x?x192xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

// Strict rows, masks that read data, masks per head: the code that warpgroups have, too. Different tables have different symbols.
// CHECK-DAG: @mixed_kernel_mask_of_head(dense<[0, 1]>
// CHECK-DAG: @mixed_kernel_mask_of_head2(dense<[1, 0]>
// CHECK: llvm.func @mixed_kernel(
// CHECK: llvm.load {{.*}} -> i32
// CHECK: llvm.nvvm.vote.ballot.sync
// CHECK: bar.warp.sync
// CHECK: llvm.return
func.func @mixed(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %ids: tensor<?x?xi32>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<document<0> and per_head<[causal, causal and window<9>], [0, 1]> and per_head<[causal, causal and window<5>], [1, 0]>>, %ids : tensor<?x?xi32>)
      schedule<rows = 64, keys = 32, stages = 2, consumers = 4, p_in_registers = 1, strict = 1> : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

// Decode: packed rows; a warp without rows copies and computes nothing; parts of the key range meet in the workspace.
// CHECK: numbers = array<i64: 128, {{[0-9]+}}, 64, 32, 8, 128, 128, 0, 4, 1, 2, 2, 4, 256,
// CHECK-LABEL: llvm.func @decode_kernel(
// CHECK: cp.async.cg
// CHECK: ld.global.v4.b32
// CHECK: scf.for
// CHECK: cp.async.wait_group 1
// CHECK: scf.if
// CHECK: mma.sync.aligned.m16n8k16
// CHECK: st.global.b32
// CHECK: st.global.v2.f32
// CHECK: atom.acq_rel.gpu.global.add.u32
// CHECK: ld.relaxed.gpu.global.v4.f32
// CHECK: llvm.return
func.func @decode(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x8x?x128xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}
