// RUN: attn-opt %s --attn-elaborate=entry=prefill-core,decode-core --split-input-file | FileCheck %s
// RUN: attn-opt %s --attn-elaborate --split-input-file | FileCheck %s --check-prefix=DEFAULT

// Cores are written for who asks for them.
// DEFAULT-NOT: _core

// The attention alone, between what makes its operands: no norm, no rotation, no projection.
attn.spec @latent {
  query_heads = 16, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>, v_size = 96,
  rope = #attn.rope<dims = 64>, key_norm = #attn.norm_kind<kind = rms>, norm_gain
}
// Expanded: keys and values of every head. The scale is that of the expanded heads in both forms.
// CHECK-LABEL: func.func @latent_prefill_core(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x16x?x192xf32> {attn.name = "query"}
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x16x?x192xf32> {attn.name = "key"}
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x16x?x96xf32> {attn.name = "value"}
// CHECK-SAME:    -> (tensor<?x16x?x96xf32> {attn.name = "out"}, tensor<?x16x?xf32> {attn.name = "lse"})
// CHECK-SAME:    attn.entry = "prefill-core"
// CHECK-NEXT:    %[[O:.+]], %[[L:.+]] = attn.attention %[[Q]], %[[K]], %[[V]] scale(0.07216878364870323) mask(<causal>)
// CHECK-NEXT:    return %[[O]], %[[L]]

// Absorbed: one head of keys, whose first columns are the values.
// CHECK-LABEL: func.func @latent_decode_core(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x16x?x576xf32> {attn.name = "query"}
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x576xf32> {attn.name = "cache"}
// CHECK-SAME:    -> (tensor<?x16x?x512xf32> {attn.name = "out"}, tensor<?x16x?xf32> {attn.name = "lse"})
// CHECK-SAME:    attn.entry = "decode-core"
// CHECK-NEXT:    %[[V:.+]] = attn.columns %[[C]] from 0 : tensor<?x1x?x576xf32> -> tensor<?x1x?x512xf32>
// CHECK-NEXT:    %[[O:.+]], %[[L:.+]] = attn.attention %[[Q]], %[[C]], %[[V]] scale(0.07216878364870323) mask(<causal>)
// CHECK-NEXT:    return %[[O]], %[[L]]

// -----

// A form that was written down is that of both.
attn.spec @expanded {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, form = "expanded"}
// CHECK-LABEL: func.func @expanded_prefill_core(
// CHECK-SAME:    tensor<?x2x?x24xf32> {attn.name = "key"}
// CHECK-LABEL: func.func @expanded_decode_core(
// CHECK-SAME:    tensor<?x2x?x24xf32> {attn.name = "key"}

// -----

// Without a latent: heads, mask, score region and sinks stay.
attn.spec @grouped {
  query_heads = 4, key_heads = 2, qk_size = 8, rope = #attn.rope<dims = 8>, query_norm = #attn.norm_kind<kind = rms>,
  softcap = 20.0, sinks, mask = #attn.mask<causal and window<64>>, layers = array<i64: 1>, kv_from = 0
}
// CHECK-LABEL: func.func @grouped_decode_core(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x8xf32> {attn.name = "query"}
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x8xf32> {attn.name = "key"}
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x2x?x8xf32> {attn.name = "value"}
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<4xf32> {attn.name = "sinks"}
// CHECK-SAME:    attn.kv_from = 0
// CHECK-NOT:     attn.rope
// CHECK-NOT:     attn.norm
// CHECK:         attn.attention %[[Q]], %[[K]], %[[V]] scale({{.*}}) mask(<causal and window<64>>) sinks(%[[S]] : tensor<4xf32>) score
// CHECK:         math.tanh
