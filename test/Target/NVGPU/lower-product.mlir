// RUN: attn-opt %s --split-input-file --attn-attach-target=target=sm_90a --attn-tile --canonicalize --cse --attn-lower-nvgpu | FileCheck %s

// A product of tokens and weights goes to the tensor cores: one kernel for few rows, one for many, and the lengths choose.
// Few rows of few columns (16 x 128) have a slim tile, which gives more blocks.
// CHECK: llvm.mlir.global internal @up_0_expand_few_shared() {{.*}} : !llvm.array<49152 x i8>
// CHECK-LABEL: llvm.func @up_0_expand_few(
// CHECK-SAME: nvvm.maxntid = array<i32: 64>
// CHECK: cp.async.cg.shared.global [$0], [$1], 16, $2;
// CHECK: scf.for
// CHECK: cp.async.wait_group 6;
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: st.global.v4.b32
// CHECK: llvm.mlir.global internal @up_0_expand_shared() {{.*}} : !llvm.array<49152 x i8>
// CHECK-LABEL: llvm.func @up_0_expand(
// CHECK-SAME: nvvm.maxntid = array<i32: 256>
// CHECK: llvm.func @up(
// CHECK: %[[FEW:.*]] = arith.cmpi ule
// CHECK: scf.if %[[FEW]]
// CHECK: llvm.call @attn_gpu_tokens
// CHECK: else
// CHECK: llvm.call @attn_gpu_tokens
func.func @up(%x: tensor<?x1x?x512xbf16>, %w: tensor<16x512x128xbf16>) -> tensor<?x16x?x128xbf16> {
  %r = attn.expand %x, %w : tensor<?x1x?x512xbf16>, tensor<16x512x128xbf16> -> tensor<?x16x?x128xbf16>
  return %r : tensor<?x16x?x128xbf16>
}

// -----

// Transposed weights are read as they lie. Many columns (16 x 512) have a narrow tile.
// CHECK: llvm.mlir.global internal @down_0_expand_few_shared() {{.*}} : !llvm.array<40960 x i8>
// CHECK-LABEL: llvm.func @down_0_expand(
// CHECK-NOT: .trans
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-NOT: .trans
// CHECK: module @attn_host
func.func @down(%x: tensor<?x16x?x128xf16>, %w: tensor<16x512x128xf16>) -> tensor<?x16x?x512xf16> {
  %r = attn.expand %x, %w transposed : tensor<?x16x?x128xf16>, tensor<16x512x128xf16> -> tensor<?x16x?x512xf16>
  return %r : tensor<?x16x?x512xf16>
}

// -----

// The sum over heads is part of the depth.
// CHECK-LABEL: llvm.func @heads_0_project(
// CHECK: mma.sync
func.func @heads(%x: tensor<?x4x?x64xbf16>, %w: tensor<4x64x256xbf16>) -> tensor<?x?x256xbf16> {
  %r = attn.project %x, %w : tensor<?x4x?x64xbf16>, tensor<4x64x256xbf16> -> tensor<?x?x256xbf16>
  return %r : tensor<?x?x256xbf16>
}

// -----

// Float32, and sizes that 16-byte accesses do not divide, stay loops: columns on lanes.
// CHECK-LABEL: llvm.func @wide_0_expand(
// CHECK-NOT: mma.sync
// CHECK: module @attn_host
func.func @wide(%x: tensor<?x1x?x64xf32>, %w: tensor<2x64x32xf32>) -> tensor<?x2x?x32xf32> {
  %r = attn.expand %x, %w : tensor<?x1x?x64xf32>, tensor<2x64x32xf32> -> tensor<?x2x?x32xf32>
  return %r : tensor<?x2x?x32xf32>
}

// -----

// CHECK-LABEL: llvm.func @odd_0_expand(
// CHECK-NOT: mma.sync
// CHECK: module @attn_host
func.func @odd(%x: tensor<?x1x?x64xbf16>, %w: tensor<2x64x20xbf16>) -> tensor<?x2x?x20xbf16> {
  %r = attn.expand %x, %w : tensor<?x1x?x64xbf16>, tensor<2x64x20xbf16> -> tensor<?x2x?x20xbf16>
  return %r : tensor<?x2x?x20xbf16>
}
