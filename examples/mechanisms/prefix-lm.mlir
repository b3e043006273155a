// mechanism: Prefix language model
// paper: Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer (Raffel et al., JMLR 2020)
// note: the prompt is seen in both directions, the rest causally; one prompt length per batch entry
//
// A length known at compile time is `prefix<n>` and fits a spec; one per sequence is an operand.
func.func @prefix_lm(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                     %key: tensor<?x8x?x64xf32> {attn.name = "key"},
                     %value: tensor<?x8x?x64xf32> {attn.name = "value"},
                     %prefix: tensor<?xi64> {attn.name = "prefix_length"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
    attributes {attn.entry = "prefill"} {
  %out, %lse = attn.attention %query, %key, %value scale(0.125)
      mask(<causal or prefix_length<0>>, %prefix : tensor<?xi64>)
      : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>
     -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %out, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}
