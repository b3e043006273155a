// mechanism: Weighted Grouped-Query Attention (WGQA)
// paper: Weighted Grouped Query Attention in Transformers (Chinnakonduru and Mohapatra, 2024)
// note: a group's key is a learned weighted sum of its heads' keys; folded into the projections it is plain GQA
//
// K_g = sum over the heads h of group g of a_h K_h, V_g with b_h: rows of coefficients, zero outside the
// group. Both sums are linear in the projections, so the weights are combined, once, with
// `attn-opt --attn-hoist-weights`. Unverified: the shapes of the row and column variants of the public code.
func.func @wgqa(%hidden: tensor<?x?x256xf32> {attn.name = "hidden"},
                %query_weight: tensor<16x256x16xf32> {attn.name = "query_weight"},
                %key_weight: tensor<16x256x16xf32> {attn.name = "key_weight"},
                %value_weight: tensor<16x256x16xf32> {attn.name = "value_weight"},
                %key_shares: tensor<4x16xf32> {attn.name = "key_shares"},
                %value_shares: tensor<4x16xf32> {attn.name = "value_shares"})
    -> (tensor<?x16x?x16xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %wk = attn.combine %key_weight by %key_shares : tensor<16x256x16xf32>, tensor<4x16xf32> -> tensor<4x256x16xf32>
  %wv = attn.combine %value_weight by %value_shares : tensor<16x256x16xf32>, tensor<4x16xf32> -> tensor<4x256x16xf32>
  %x = attn.tokens %hidden : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
  %query = attn.expand %x, %query_weight : tensor<?x1x?x256xf32>, tensor<16x256x16xf32> -> tensor<?x16x?x16xf32>
  %key = attn.expand %x, %wk : tensor<?x1x?x256xf32>, tensor<4x256x16xf32> -> tensor<?x4x?x16xf32>
  %value = attn.expand %x, %wv : tensor<?x1x?x256xf32>, tensor<4x256x16xf32> -> tensor<?x4x?x16xf32>
  %out = attn.attention %query, %key, %value scale(0.25) mask(<causal>)
      : tensor<?x16x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32> -> tensor<?x16x?x16xf32>
  return %out : tensor<?x16x?x16xf32>
}
