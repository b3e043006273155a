// RUN: attn-opt %s --attn-elaborate=entry=layer-prefill,layer-decode --split-input-file | FileCheck %s
// RUN: attn-opt %s --attn-elaborate --split-input-file | FileCheck %s --check-prefix=DEFAULT

// Layers are written for who asks for them.
// DEFAULT-NOT: _layer_

attn.spec @grouped {
  width = 32, query_heads = 4, key_heads = 2, qk_size = 8, norm_gain,
  rope = #attn.rope<dims = 8>, query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = rms>
}
// CHECK-LABEL: func.func @grouped_layer_prefill(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x32xf32> {attn.name = "hidden"}
// CHECK-SAME:    %[[KC:[a-z0-9]+]]: tensor<?x2x?x8xf32> {attn.name = "key_cache"}
// CHECK-SAME:    %[[VC:[a-z0-9]+]]: tensor<?x2x?x8xf32> {attn.name = "value_cache"}
// CHECK-SAME:    %[[WQ:[a-z0-9]+]]: tensor<4x32x8xf32> {attn.name = "query_weight"}
// CHECK-SAME:    %[[GQ:[a-z0-9]+]]: tensor<8xf32> {attn.name = "query_gain"}
// CHECK-SAME:    %[[WK:[a-z0-9]+]]: tensor<2x32x8xf32> {attn.name = "key_weight"}
// CHECK-SAME:    %[[GK:[a-z0-9]+]]: tensor<8xf32> {attn.name = "key_gain"}
// CHECK-SAME:    %[[WV:[a-z0-9]+]]: tensor<2x32x8xf32> {attn.name = "value_weight"}
// CHECK-SAME:    %[[WO:[a-z0-9]+]]: tensor<4x8x32xf32> {attn.name = "output_weight"}
// CHECK-SAME:    -> (tensor<?x?x32xf32> {attn.name = "out"}, tensor<?x2x?x8xf32> {attn.name = "key_cache_out"}, tensor<?x2x?x8xf32> {attn.name = "value_cache_out"})
// CHECK-SAME:    attn.entry = "layer-prefill"
// CHECK-DAG:     %[[T:.+]] = attn.tokens %[[X]]
// CHECK-DAG:     %[[KEYS:.+]] = tensor.dim %[[KC]]
// CHECK-DAG:     %[[ROWS:.+]] = tensor.dim %[[X]]
// CHECK:         %[[S:.+]] = arith.subi %[[KEYS]], %[[ROWS]]
// CHECK:         %[[Q:.+]] = attn.expand %[[T]], %[[WQ]]
// CHECK:         %[[QN:.+]] = attn.norm %[[Q]] gain(%[[GQ]]
// CHECK:         %[[QR:.+]] = attn.rope %[[QN]] at %[[S]]
// CHECK:         %[[KG:.+]] = attn.append %[[KC]], %{{.+}}
// CHECK:         %[[VG:.+]] = attn.append %[[VC]], %{{.+}}
// CHECK:         %[[O:.+]] = attn.attention %[[QR]], %[[KG]], %[[VG]]
// CHECK:         %[[Y:.+]] = attn.project %[[O]], %[[WO]]
// CHECK:         return %[[Y]], %[[KG]], %[[VG]]

// CHECK-LABEL: func.func @grouped_layer_decode(
// CHECK-SAME:    attn.entry = "layer-decode"

// -----

attn.spec @latent {
  width = 32, query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 4, q_rank = 12>, norm_gain,
  rope = #attn.rope<dims = 4>, key_norm = #attn.norm_kind<kind = rms>
}
// Expanded: the weights meet the cache.
// CHECK-LABEL: func.func @latent_layer_prefill(
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x20xf32> {attn.name = "cache"}
// CHECK-SAME:    %[[QD:[a-z0-9]+]]: tensor<1x32x12xf32> {attn.name = "query_down"}
// CHECK-SAME:    %[[QG:[a-z0-9]+]]: tensor<12xf32> {attn.name = "query_latent_gain"}
// CHECK-SAME:    %[[QU:[a-z0-9]+]]: tensor<4x12x12xf32> {attn.name = "query_weight"}
// CHECK-SAME:    %[[LD:[a-z0-9]+]]: tensor<1x32x20xf32> {attn.name = "latent_down"}
// CHECK-SAME:    %[[KU:[a-z0-9]+]]: tensor<4x16x8xf32> {attn.name = "key_up"}
// CHECK-SAME:    %[[VU:[a-z0-9]+]]: tensor<4x16x8xf32> {attn.name = "value_up"}
// CHECK:         %[[G:.+]] = attn.append %[[C]], %{{.+}}
// CHECK:         attn.expand %{{.+}}, %[[KU]] : tensor<?x1x?x16xf32>
// CHECK:         attn.expand %{{.+}}, %[[VU]] : tensor<?x1x?x16xf32>
// CHECK:         attn.attention

// Absorbed: the weights meet the query and the output; values are columns of the cache.
// CHECK-LABEL: func.func @latent_layer_decode(
// CHECK:         %[[G:.+]] = attn.append
// CHECK-DAG:     %[[V:.+]] = attn.columns %[[G]] from 0
// CHECK-DAG:     attn.expand %{{.+}}, %{{.+}} transposed
// CHECK:         %[[O:.+]] = attn.attention %{{.+}}, %[[G]], %[[V]]
// CHECK:         %[[E:.+]] = attn.expand %[[O]]
// CHECK:         attn.project %[[E]]

// -----

// A layer that reads another's cache neither makes nor returns one.
attn.spec @owner {width = 32, query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 0>}
attn.spec @reader {width = 32, query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 1>, kv_from = 0}
// CHECK-LABEL: func.func @reader_layer_decode(
// CHECK-SAME:    %[[KC:[a-z0-9]+]]: tensor<?x1x?x8xf32> {attn.name = "key_cache"}
// CHECK-NOT:     key_weight
// CHECK-SAME:    -> (tensor<?x?x32xf32> {attn.name = "out"}) attributes {attn.entry = "layer-decode", attn.kv_from = 0
// CHECK:         attn.attention %{{.+}}, %[[KC]]

// -----

// Biases stand behind their projections; limits behind those.
attn.spec @biased {
  width = 32, query_heads = 4, key_heads = 2, qk_size = 8, rope = #attn.rope<dims = 8>,
  bias = ["query", "key", "value", "output"], clip_qkv = 6.0
}
// CHECK-LABEL: func.func @biased_layer_prefill(
// CHECK-SAME:    tensor<4x32x8xf32> {attn.name = "query_weight"}, %[[BQ:[a-z0-9]+]]: tensor<4x8xf32> {attn.name = "query_bias"}
// CHECK-SAME:    tensor<2x32x8xf32> {attn.name = "key_weight"}, %[[BK:[a-z0-9]+]]: tensor<2x8xf32> {attn.name = "key_bias"}
// CHECK-SAME:    tensor<2x32x8xf32> {attn.name = "value_weight"}, %[[BV:[a-z0-9]+]]: tensor<2x8xf32> {attn.name = "value_bias"}
// CHECK-SAME:    tensor<4x8x32xf32> {attn.name = "output_weight"}, %[[BO:[a-z0-9]+]]: tensor<32xf32> {attn.name = "output_bias"}
// CHECK:         %[[Q:.+]] = attn.bias %{{.+}}, %[[BQ]]
// CHECK:         %[[QC:.+]] = attn.clamp %[[Q]] to 6.0
// CHECK:         attn.rope %[[QC]]
// CHECK:         %[[K:.+]] = attn.bias %{{.+}}, %[[BK]]
// CHECK:         attn.clamp %[[K]] to 6.0
// CHECK:         %[[V:.+]] = attn.bias %{{.+}}, %[[BV]]
// CHECK:         attn.clamp %[[V]] to 6.0
// CHECK:         %[[P:.+]] = attn.project
// CHECK:         %[[Y:.+]] = attn.bias %[[P]], %[[BO]]
// CHECK:         return %[[Y]]

// -----

// With a query latent, the bias is on the way to it, as that of the keys' latent is.
attn.spec @biased_latent {
  width = 32, query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 4, q_rank = 12>, norm_gain,
  rope = #attn.rope<dims = 4>, key_norm = #attn.norm_kind<kind = rms>, bias = ["query", "latent", "output"]
}
// CHECK-LABEL: func.func @biased_latent_layer_decode(
// CHECK-SAME:    %[[BQ:[a-z0-9]+]]: tensor<1x12xf32> {attn.name = "query_down_bias"}
// CHECK-NOT:     "query_bias"
// CHECK-SAME:    %[[BL:[a-z0-9]+]]: tensor<1x20xf32> {attn.name = "latent_down_bias"}
// CHECK:         %[[Q:.+]] = attn.bias %{{.+}}, %[[BQ]]
// CHECK:         attn.norm %[[Q]]
// CHECK:         %[[L:.+]] = attn.bias %{{.+}}, %[[BL]]
// CHECK:         attn.columns %[[L]] from 0
