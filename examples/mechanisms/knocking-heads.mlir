// mechanism: Knocking-Heads Attention (KHA), linear
// paper: Knocking-Heads Attention (Zhou et al., 2025)
// note: one matrix per role, shared by all heads, lets heads learn from each other; folds into the projections
//
// Unfolded form: queries and keys through shared matrices before the product; the transformed
// values are what is cached.
func.func @knocking_heads(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                          %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                          %value: tensor<?x2x?x64xf32> {attn.name = "value"},
                          %mix_query: tensor<1x64x64xf32> {attn.name = "mix_query"},
                          %mix_key: tensor<1x64x64xf32> {attn.name = "mix_key"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %q = attn.expand %query, %mix_query : tensor<?x8x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x8x?x64xf32>
  %k = attn.expand %key, %mix_key : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %out = attn.attention %q, %k, %value scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
