// RUN: attn-opt %s --attn-elaborate | FileCheck %s
// RUN: attn-opt %s --attn-elaborate --attn-elaborate | FileCheck %s
// RUN: attn-opt %s --attn-elaborate=entry=decode | FileCheck %s --check-prefix=ONLY

// The second run shows that elaborating twice changes nothing; the third that entries can be picked.
// ONLY-NOT: attn.entry = "prefill"
// ONLY-NOT: attn.entry = "append"
// ONLY: @grouped_decode
// ONLY-NOT: attn.entry = "prefill"
// ONLY-NOT: attn.entry = "append"

// CHECK: attn.spec @grouped
attn.spec @grouped {query_heads = 8, key_heads = 2, value_heads = 4, qk_size = 64, v_size = 32, dtype = bf16}

// CHECK-LABEL: func.func @grouped_prefill(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x8x?x64xbf16> {attn.name = "query"}
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x64xbf16> {attn.name = "key"}
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x4x?x32xbf16> {attn.name = "value"}
// CHECK-SAME:    -> (tensor<?x8x?x32xbf16> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
// CHECK-SAME:    attributes {attn.entry = "prefill", attn.spec = @grouped}
// CHECK-NEXT:    %[[O:.+]], %[[L:.+]] = attn.attention %[[Q]], %[[K]], %[[V]] scale(0.125) mask(<causal>)
// CHECK:         return %[[O]], %[[L]]
// CHECK-LABEL: func.func @grouped_decode(
// CHECK-SAME:    attn.entry = "decode"
// CHECK:         attn.attention

// Without norms and rotation a token is cached as it comes.
// CHECK-LABEL: func.func @grouped_append(
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x64xbf16> {attn.name = "key"}
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x4x?x32xbf16> {attn.name = "value"}
// CHECK-SAME:    index {attn.name = "start"}
// CHECK-SAME:    -> (tensor<?x2x?x64xbf16> {attn.name = "key_cache"}, tensor<?x4x?x32xbf16> {attn.name = "value_cache"})
// CHECK-NEXT:    return %[[K]], %[[V]]

// Queries are normalised, then rotated at Sk - Sq + row.
attn.spec @positions {
  query_heads = 4, key_heads = 2, qk_size = 64, norm_gain, rope = #attn.rope<dims = 32>,
  query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = l2>,
  value_norm = #attn.norm_kind<kind = layer>
}
// CHECK-LABEL: func.func @positions_prefill(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x64xf32>
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x64xf32>
// CHECK-SAME:    %[[G:[a-z0-9]+]]: tensor<64xf32> {attn.name = "query_gain"}
// CHECK-DAG:     %[[N:.+]] = attn.norm %[[Q]] gain(%[[G]] : tensor<64xf32>) <kind = rms>
// CHECK-DAG:     %[[SK:.+]] = tensor.dim %[[K]]
// CHECK-DAG:     %[[SQ:.+]] = tensor.dim %[[Q]]
// CHECK:         %[[AT:.+]] = arith.subi %[[SK]], %[[SQ]]
// CHECK:         %[[R:.+]] = attn.rope %[[N]] at %[[AT]] <dims = 32>
// CHECK:         attn.attention %[[R]], %[[K]],

// Keys and values are normalised and rotated once, on their way into the cache.
// CHECK-LABEL: func.func @positions_append(
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x64xf32> {attn.name = "key"}
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x2x?x64xf32> {attn.name = "value"}
// CHECK-SAME:    %[[S:[a-z0-9]+]]: index {attn.name = "start"}
// CHECK-SAME:    %[[KG:[a-z0-9]+]]: tensor<64xf32> {attn.name = "key_gain"}
// CHECK-SAME:    %[[VG:[a-z0-9]+]]: tensor<64xf32> {attn.name = "value_gain"}
// CHECK:         %[[N:.+]] = attn.norm %[[K]] gain(%[[KG]] : tensor<64xf32>)
// CHECK:         %[[R:.+]] = attn.rope %[[N]] at %[[S]] <dims = 32>
// CHECK:         %[[W:.+]] = attn.norm %[[V]] gain(%[[VG]] : tensor<64xf32>) <kind = layer>
// CHECK:         return %[[R]], %[[W]]

// The bias comes before the cap.
attn.spec @scores {
  query_heads = 2, qk_size = 8, alibi = array<f64: 0.5, 0.25>, softcap = 30.0, scale = 1.5, sinks,
  mask = #attn.mask<causal and window<16>>
}
// CHECK-LABEL: func.func @scores_prefill(
// CHECK-SAME:    %[[SINKS:[a-z0-9]+]]: tensor<2xf32> {attn.name = "sinks"}
// CHECK:         attn.attention {{.*}} scale(1.5) mask(<causal and window<16>>) sinks(%[[SINKS]] : tensor<2xf32>)
// CHECK:       ^bb0(%[[S:.+]]: f32, %{{.+}}: index, %[[H:.+]]: index, %[[I:.+]]: index, %[[J:.+]]: index):
// CHECK:         %[[M:.+]] = attn.lookup %[[H]] in [0.5, 0.25]
// CHECK:         %[[D:.+]] = arith.subi %[[J]], %[[I]]
// CHECK:         %[[B:.+]] = arith.addf %[[S]],
// CHECK:         %[[CAP:.+]] = arith.constant 3.000000e+01
// CHECK:         %[[X:.+]] = arith.divf %[[B]], %[[CAP]]
// CHECK:         %[[T:.+]] = math.tanh %[[X]]
// CHECK:         %[[R:.+]] = arith.mulf %[[T]], %[[CAP]]
// CHECK:         attn.yield %[[R]]

// Other normalisers have no log-sum-exp.
attn.spec @weights {query_heads = 2, qk_size = 8, normalizer = #attn.normalizer<relu>, mask = #attn.mask<all>}
// CHECK-LABEL: func.func @weights_prefill(
// CHECK-SAME:    -> (tensor<?x2x?x8xf32> {attn.name = "out"})
// CHECK:         normalizer<relu>

// Tables pass through; score heads are as many as their entries.
attn.spec @tables {
  query_heads = 2, key_heads = 3, qk_size = 8,
  query_map = array<i64: 0, 1, 1, 0>, key_map = array<i64: 0, 0, 2, 2>, value_map = array<i64: 2, 2, 0, 0>
}
// CHECK-LABEL: func.func @tables_prefill(
// CHECK:         heads(query = [0, 1, 1, 0], key = [0, 0, 2, 2], value = [2, 2, 0, 0])
// CHECK-SAME:    -> tensor<?x4x?x8xf32>

// More key heads than query heads: the output has as many heads as there are keys.
attn.spec @reverse {query_heads = 2, key_heads = 4, qk_size = 8}
// CHECK-LABEL: func.func @reverse_prefill(
// CHECK-SAME:    -> (tensor<?x4x?x8xf32>

// A query head turns with the base of the key head it meets.
attn.spec @bases {query_heads = 4, key_heads = 2, qk_size = 8, rope = #attn.rope<dims = 8, bases = [10.0, 20.0]>}
// CHECK-LABEL: func.func @bases_prefill(
// CHECK:         attn.rope {{.*}}bases = [10.0, 10.0, 20.0, 20.0]
// CHECK-LABEL: func.func @bases_append(
// CHECK:         attn.rope {{.*}}bases = [10.0, 20.0]

// Another layer's cache is read: nothing to append.
attn.spec @reader {query_heads = 4, key_heads = 2, qk_size = 8, layers = array<i64: 3>, kv_from = 2}
// CHECK-LABEL: func.func @reader_prefill(
// CHECK-SAME:    attn.kv_from = 2
// CHECK-LABEL: func.func @reader_decode(
// CHECK-SAME:    attn.kv_from = 2
// CHECK-NOT:   func.func @reader_append(

// A latent without a form: prefill expanded, decode absorbed.
attn.spec @latent {
  query_heads = 4, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, v_size = 24,
  rope = #attn.rope<dims = 8>, key_norm = #attn.norm_kind<kind = rms>
}
// CHECK-LABEL: func.func @latent_prefill(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x24xf32> {attn.name = "query"}
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x40xf32> {attn.name = "cache"}
// CHECK-SAME:    %[[KU:[a-z0-9]+]]: tensor<4x32x16xf32> {attn.name = "key_up"}
// CHECK-SAME:    %[[VU:[a-z0-9]+]]: tensor<4x32x24xf32> {attn.name = "value_up"}
// CHECK:         %[[R:.+]] = attn.rope %[[Q]] at %{{.+}} <dims = 8, start = 16>
// CHECK:         %[[L:.+]] = attn.columns %[[C]] from 0
// CHECK:         %[[N:.+]] = attn.expand %[[L]], %[[KU]]
// CHECK:         %[[P:.+]] = attn.columns %[[C]] from 32
// CHECK:         %[[K:.+]] = attn.concat %[[N]], %[[P]]
// CHECK:         %[[V:.+]] = attn.expand %[[L]], %[[VU]]
// CHECK:         attn.attention %[[R]], %[[K]], %[[V]]

// Keys are the cache itself, values its first columns.
// CHECK-LABEL: func.func @latent_decode(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x24xf32> {attn.name = "query"}
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x40xf32> {attn.name = "cache"}
// CHECK-DAG:     %[[V:.+]] = attn.columns %[[C]] from 0 : tensor<?x1x?x40xf32> -> tensor<?x1x?x32xf32>
// CHECK-DAG:     %[[A:.+]] = attn.concat %{{.+}}, %{{.+}} : tensor<?x4x?x32xf32>, tensor<?x4x?x8xf32>
// CHECK:         %[[O:.+]], %[[LSE:.+]] = attn.attention %[[A]], %[[C]], %[[V]]
// CHECK:         %[[E:.+]] = attn.expand %[[O]]
// CHECK:         return %[[E]], %[[LSE]]

// The norm is the latent's; the rotary key turns from its first element.
// CHECK-LABEL: func.func @latent_append(
// CHECK-SAME:    %[[L:[a-z0-9]+]]: tensor<?x1x?x32xf32> {attn.name = "latent"}
// CHECK-SAME:    %[[P:[a-z0-9]+]]: tensor<?x1x?x8xf32> {attn.name = "rope_key"}
// CHECK-SAME:    %[[S:[a-z0-9]+]]: index {attn.name = "start"}
// CHECK-SAME:    -> (tensor<?x1x?x40xf32> {attn.name = "cache"})
// CHECK-DAG:     %[[N:.+]] = attn.norm %[[L]] <kind = rms>
// CHECK-DAG:     %[[R:.+]] = attn.rope %[[P]] at %[[S]] <dims = 8>
// CHECK:         %[[C:.+]] = attn.concat %[[N]], %[[R]]
// CHECK:         return %[[C]]

// A form holds for both.
attn.spec @expanded {query_heads = 2, latent = #attn.latent<kv_rank = 8, nope = 8>, form = "expanded"}
// CHECK-LABEL: func.func @expanded_decode(
// CHECK:         %[[K:.+]] = attn.expand
// CHECK:         %[[V:.+]] = attn.expand
// CHECK:         attn.attention %{{.+}}, %[[K]], %[[V]]
// CHECK-NEXT:    return

attn.spec @absorbed {query_heads = 2, latent = #attn.latent<kv_rank = 8, nope = 8>, form = "absorbed"}
// CHECK-LABEL: func.func @absorbed_prefill(
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x8xf32> {attn.name = "cache"}
// CHECK:         attn.attention %{{.+}}, %[[C]], %[[C]]
