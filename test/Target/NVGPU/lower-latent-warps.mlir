// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_80 --attn-lower-nvgpu | FileCheck %s
// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90 --attn-lower-nvgpu | FileCheck %s --check-prefix=LARGE

// Absorbed MLA without a copy engine: four warps have the same 16 rows and 128 of 512 columns each. The value operand is the keys' (role 3), and one copy
// of a tile serves both products.
// CHECK: numbers = array<i64: 128, 79120, 16, 16, 16, 576, 512, 0, 16, 1, 2, 1, 16, 256, 0, 1, 0, 1, 1, 2,
// CHECK-LABEL: llvm.func @decode_kernel(
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128>, nvvm.minctasm = 2 : i32
// Two tiles are on their way when the units' loop begins its first.
// CHECK-COUNT-2: cp.async.commit_group
// CHECK: scf.for
// CHECK: cp.async.wait_group 1
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// CHECK: cp.async.commit_group
// Nine of 36 steps of columns for each warp: one step of queries and one of 16 keys at a time, from scores of zero.
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16 {q0, q1, q2, q3}
// CHECK-SAME: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, {q0, q1, q2, q3}, {k0, k1}, {$0, $1, $2, $3}
// The team adds its parts; weights take their place when all have read them.
// CHECK: st.shared.v4.f32
// CHECK: bar.sync $0, $1;
// CHECK-COUNT-6: ld.shared.v4.f32
// CHECK-NOT: ld.shared.v4.f32
// CHECK: bar.sync $0, $1;
// Weights and row factors for all warps, then the warp's columns of the values.
// CHECK: st.shared.b32
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// CHECK: ld.shared.f32
// CHECK: scf.if
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// Row references and sums for all warps at the end.
// CHECK: st.shared.f32
// CHECK: llvm.return
// More shared memory holds larger tiles.
// LARGE-LABEL: llvm.func @decode_kernel(
// LARGE-SAME: nvvm.maxntid = array<i32: 128>
func.func @decode(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> (tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>) {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o, %l = attn.attention %q, %k, %v scale(0.07) mask(<causal>) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>
  return %o, %l : tensor<?x16x?x512xbf16>, tensor<?x16x?xf32>
}

// -----

// 64 rows: a tile's values multiply beside the next one's scores, so there is one meeting of the block per tile.
// LARGE-LABEL: llvm.func @many_kernel(
// LARGE-SAME: nvvm.maxntid = array<i32: 256>
// LARGE: scf.for
// LARGE: cp.async.wait_group 0
// LARGE: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE-NOT: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE: ldmatrix.sync.aligned.m8n8.x4.shared.b16 {q0, q1, q2, q3}
// LARGE-NOT: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE: scf.if
// LARGE: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// LARGE-NOT: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE: bar.sync $0, $1;
// LARGE-NOT: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE: scf.yield
// The last tile's values follow.
// LARGE: llvm.nvvm.barrier.cta.sync.aligned.all
// LARGE: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-LABEL: llvm.func @many_kernel(
func.func @many(%q: tensor<?x128x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x128x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o = attn.attention %q, %k, %v scale(0.07) : tensor<?x128x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x128x?x512xbf16>
  return %o : tensor<?x128x?x512xbf16>
}

// -----

// 18 steps for four warps: the last has three, so products behind the third look whether they are the warp's.
// CHECK-LABEL: llvm.func @uneven_kernel(
// CHECK: setp.lt.s32 p, ${{[0-9]+}}, 18;
// CHECK-SAME: @p ldmatrix.sync.aligned.m8n8.x4.shared.b16 {q0, q1, q2, q3}
// CHECK-SAME: @p mma.sync.aligned.m16n8k16
func.func @uneven(%q: tensor<?x12x?x288xbf16>, %k: tensor<?x1x?x288xbf16>) -> tensor<?x12x?x256xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x288xbf16> -> tensor<?x1x?x256xbf16>
  %o = attn.attention %q, %k, %v scale(0.1) : tensor<?x12x?x288xbf16>, tensor<?x1x?x288xbf16>, tensor<?x1x?x256xbf16> -> tensor<?x12x?x256xbf16>
  return %o : tensor<?x12x?x256xbf16>
}
