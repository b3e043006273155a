// RUN: attn-opt %s --split-input-file --attn-attach-target=target=sm_90a --attn-plan --attn-tile --canonicalize --cse --attn-lower-nvgpu | FileCheck %s

// Rotary: sines of a token once per block, heads on warps, pairs on lanes, two neighbours each; then the attention on what lies between.
// CHECK: attn.gpu_entries = []
// CHECK-NOT: func.func
// CHECK: llvm.mlir.global internal constant @device_attn_frequencies
// CHECK-SAME: addr_space = 1
// CHECK: llvm.mlir.global internal @prefill_0_rope_shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<256 x i8>
// CHECK-LABEL: llvm.func @prefill_0_rope(
// CHECK-SAME: %{{.*}}: i64, %{{.*}}: i64, {{.*}}!llvm.ptr<1>
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128>
// CHECK: arith.divui
// CHECK: scf.for
// CHECK: llvm.load {{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> f64
// CHECK: llvm.store {{.*}} : f32, !llvm.ptr<3>
// CHECK: "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK: scf.for
// CHECK: scf.for
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> f32
// CHECK: llvm.store {{.*}} : bf16, !llvm.ptr<1>
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: llvm.return
// CHECK-LABEL: llvm.func @prefill_1_attention(
// CHECK: module @attn_host
// CHECK: llvm.func @attn_gpu_attention(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)
// CHECK: llvm.func @attn_gpu_tokens(
// CHECK: llvm.mlir.global internal constant @prefill_0_rope_shape(dense<[128, 1, 1, 9, 1]>
// CHECK: llvm.func @attn_gpu_reserve(!llvm.ptr, i64) -> i64
// CHECK: llvm.func @prefill(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: !llvm.ptr) -> i32 attributes {attn.steps = ["rope", "attention"]}
// CHECK: %[[CODE:.*]] = llvm.call @attn_gpu_begin
// CHECK: arith.cmpi eq, %[[CODE]]
// CHECK: scf.if
// CHECK: llvm.call @attn_gpu_reserve
// CHECK: llvm.call @attn_gpu_tokens
// CHECK: llvm.call @attn_gpu_attention
// CHECK: llvm.call @attn_gpu_end
// CHECK: else
// CHECK: scf.yield %[[CODE]]
func.func @prefill(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %r = attn.rope %q <dims = 64> : tensor<?x4x?x64xbf16>
  %o = attn.attention %r, %k, %v scale(0.125) mask(<causal>) : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}

// -----

// A norm is the work of a warp: a sum per lane, an exchange in a fixed order, then each lane's elements, four neighbours of 16 bits.
// CHECK-LABEL: llvm.func @norm_0_norm(
// CHECK-SAME: nvvm.maxntid = array<i32: 128>
// CHECK: %[[SUMS:.*]]:4 = scf.for
// CHECK: llvm.load {{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> bf16
// CHECK-COUNT-5: llvm.nvvm.shfl.sync.bfly.f32
// CHECK: "llvm.sqrt.f32"
// CHECK: arith.divf
// CHECK-NOT: barrier
// CHECK: scf.for
// CHECK: llvm.load {{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> bf16
// CHECK: llvm.load {{.*}} {alignment = 2 : i64} : !llvm.ptr<1> -> bf16
// CHECK: llvm.load {{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> bf16
// CHECK: llvm.load {{.*}} {alignment = 2 : i64} : !llvm.ptr<1> -> bf16
// CHECK: llvm.store {{.*}} {alignment = 8 : i64} : bf16, !llvm.ptr<1>
func.func @norm(%x: tensor<?x4x?x128xbf16>, %gain: tensor<128xbf16>) -> tensor<?x4x?x128xbf16> {
  %r = attn.norm %x gain(%gain : tensor<128xbf16>) <kind = rms> : tensor<?x4x?x128xbf16>
  return %r : tensor<?x4x?x128xbf16>
}

// -----

// What cannot be shown to be independent runs one after the other: taps of a convolution add to sums in shared memory.
// CHECK-LABEL: llvm.func @conv_0_short_conv(
// CHECK: scf.for
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: scf.for {{.*}} to {{.*}} step
// CHECK: scf.for
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: scf.for
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: llvm.return
func.func @conv(%x: tensor<?x4x?x64xbf16>, %taps: tensor<4x3x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %r = attn.short_conv %x, %taps : tensor<?x4x?x64xbf16>, tensor<4x3x64xbf16>
  return %r : tensor<?x4x?x64xbf16>
}

// -----

// Rows of a cache that grows elsewhere are copied: the host compares the addresses.
// CHECK-LABEL: llvm.func @append_0_append(
// CHECK-LABEL: llvm.func @append_1_append(
// CHECK: llvm.func @append(
// CHECK: arith.cmpi ne
// CHECK: scf.if
// CHECK: llvm.call @attn_gpu_tokens
// CHECK: llvm.call @attn_gpu_tokens
func.func @append(%cache: tensor<?x2x?x64xbf16>, %rows: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %r = attn.append %cache, %rows : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>
  return %r : tensor<?x2x?x64xbf16>
}

// -----

// Many heads of few tokens: blocks share a token, up to four of 16 warps each.
// CHECK-LABEL: llvm.func @many_heads_0_rope(
// CHECK-SAME: nvvm.maxntid = array<i32: 512>
// CHECK: "llvm.nvvm.read.ptx.sreg.ctaid.y"
// CHECK: "llvm.nvvm.read.ptx.sreg.nctaid.y"
// CHECK: @many_heads_0_rope_shape(dense<[512, 1, 4,
func.func @many_heads(%q: tensor<?x64x?x64xbf16>) -> tensor<?x64x?x64xbf16> {
  %r = attn.rope %q <dims = 64> : tensor<?x64x?x64xbf16>
  return %r : tensor<?x64x?x64xbf16>
}

// -----

// Heads that turn by angles of their own have tables of their own, one after the other: a warp does it all.
// CHECK-LABEL: llvm.func @own_angles_0_rope(
// CHECK-NOT: ctaid.y
// CHECK: @own_angles_0_rope_shape(dense<[128, 4, 1,
func.func @own_angles(%q: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %r = attn.rope %q <dims = 64, bases = [100.0, 10000.0]> : tensor<?x2x?x64xbf16>
  return %r : tensor<?x2x?x64xbf16>
}
