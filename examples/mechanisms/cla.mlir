// mechanism: Cross-Layer Attention (CLA2)
// paper: Reducing Transformer Key-Value Cache Size with Cross-Layer Attention (Brandon et al., NeurIPS 2024)
// note: every second layer reads the keys and values of the layer before it
//
// The paper's recommended point is MQA with pairs of layers. The second layer has queries of
// its own and no append: its cache is the first layer's, already rotated. Its layer entries, with
// `--entry=layer-prefill` and `layer-decode`, take that cache as it is.
attn.spec @cla_first {
  width = 2048, query_heads = 16, key_heads = 1,
  qk_size = 128, rope = #attn.rope<dims = 128>,
  layers = array<i64: 0>
}
attn.spec @cla_second {
  width = 2048, query_heads = 16, key_heads = 1,
  qk_size = 128, rope = #attn.rope<dims = 128>,
  layers = array<i64: 1>, kv_from = 0
}
