// RUN: attn-opt %s --attn-to-tiled=target=sm_80 --attn-lower-nvgpu | FileCheck %s

// Before the first copies all threads look at ids: of the rows, then of the keys that the causal word leaves. Both words of the mask are asked at once.
// CHECK-LABEL: llvm.func @documents_kernel(
// CHECK: st.shared.v4.b32 [$0], {$1, $2, $1, $3};
// CHECK: st.shared.v4.b32 [$0], {$1, $2, $1, $3};
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// CHECK-COUNT-2: red.shared.min.s32 [$0], $1;
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// CHECK: scf.for
// CHECK: red.shared.add.u32 [$0+16], $3;
// CHECK: scf.for
// CHECK: red.shared.add.u32 [$0+16], $3;
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// What they found bounds the key tiles; the block's card and its copies come behind.
// CHECK-COUNT-10: ld.shared.b32
// CHECK: st.shared.v2.b64
// CHECK: cp.async.cg.shared.global
func.func @documents(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %ids: tensor<?x?xi32>, %parts: tensor<?x?xi32>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0> and document<1>>, %ids, %parts : tensor<?x?xi32>, tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// Without such words nobody looks.
// CHECK-LABEL: llvm.func @causal_kernel(
// CHECK-NOT: red.shared
// CHECK: llvm.return
func.func @causal(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
