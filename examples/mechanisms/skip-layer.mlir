// mechanism: Skip-Layer Attention (SLA)
// paper: Skip-Layer Attention: Bridging Abstract and Detailed Dependencies in Transformers (Chen et al., 2024)
// note: some heads read the keys and values of an earlier layer, the others those of their own
//
// 6 of 8 heads skip, as a third party's reading has it best. Heads of both classes are concatenated, which
// the output projection does by summing. Unverified: how many layers back, and which heads.
func.func @skip_layer(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                      %earlier_key: tensor<?x6x?x64xf32> {attn.name = "earlier_key", attn.cache = "earlier layer, keys"},
                      %earlier_value: tensor<?x6x?x64xf32> {attn.name = "earlier_value", attn.cache = "earlier layer, values"},
                      %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                      %value: tensor<?x2x?x64xf32> {attn.name = "value"},
                      %skip_output: tensor<6x64x512xf32> {attn.name = "skip_output_weight"},
                      %own_output: tensor<2x64x512xf32> {attn.name = "own_output_weight"})
    -> (tensor<?x?x512xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %skipping = attn.select_heads %query [0, 1, 2, 3, 4, 5] : tensor<?x8x?x64xf32> -> tensor<?x6x?x64xf32>
  %staying = attn.select_heads %query [6, 7] : tensor<?x8x?x64xf32> -> tensor<?x2x?x64xf32>
  %skipped = attn.attention %skipping, %earlier_key, %earlier_value scale(0.125) mask(<causal>)
      : tensor<?x6x?x64xf32>, tensor<?x6x?x64xf32>, tensor<?x6x?x64xf32> -> tensor<?x6x?x64xf32>
  %stayed = attn.attention %staying, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x2x?x64xf32>
  %a = attn.project %skipped, %skip_output : tensor<?x6x?x64xf32>, tensor<6x64x512xf32> -> tensor<?x?x512xf32>
  %b = attn.project %stayed, %own_output : tensor<?x2x?x64xf32>, tensor<2x64x512xf32> -> tensor<?x?x512xf32>
  %out = attn.add %a, %b : tensor<?x?x512xf32>
  return %out : tensor<?x?x512xf32>
}
