// RUN: attn-opt %s --attn-fold-heads=strict --split-input-file --verify-diagnostics
// RUN: attn-opt %s --attn-fold-heads --split-input-file 2>&1 | FileCheck %s

// CHECK: remark: expected the selection of heads next to the attention

func.func @rotated_after(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %s = attn.select_heads %k [0, 0, 1, 1] : tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  %r = attn.rope %s <dims = 8> : tensor<?x4x?x8xf32>
  // expected-error @below {{expected the selection of heads next to the attention, found attn.rope in between; select the heads after it}}
  %o = attn.attention %q, %r, %k scale(1.0)
      : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// -----

func.func @planned_already(%q: tensor<?x2x?x8xf32>, %k: tensor<?x1x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.select_heads %k [0, 0] : tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  // expected-error @below {{expected an attention without a schedule}}
  %o = attn.attention %q, %s, %s scale(1.0) schedule<rows = 8, panels = 1, keys = 16>
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
