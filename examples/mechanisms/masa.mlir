// mechanism: Shared weight dictionaries (MASA)
// paper: Share Your Attention: Transformer Weight Sharing via Matrix-based Dictionary Learning (Zhussip et al., 2025)
// note: a layer's projection is a sum over a dictionary that all layers share; the attention is unchanged
//
// Four atoms for twelve layers, S = L / 3, of 4 heads of 32 each: W = sum over s of c_s D_s, for queries, keys,
// values and output. `attn-opt --attn-hoist-weights` makes the layer's weights once.
func.func @masa(%hidden: tensor<?x?x128xf32> {attn.name = "hidden"},
                %query_atoms: tensor<16x128x32xf32> {attn.name = "query_atoms"},
                %key_atoms: tensor<16x128x32xf32> {attn.name = "key_atoms"},
                %value_atoms: tensor<16x128x32xf32> {attn.name = "value_atoms"},
                %output_atoms: tensor<16x32x128xf32> {attn.name = "output_atoms"},
                %query_shares: tensor<1x4xf32> {attn.name = "query_shares"},
                %key_shares: tensor<1x4xf32> {attn.name = "key_shares"},
                %value_shares: tensor<1x4xf32> {attn.name = "value_shares"},
                %output_shares: tensor<1x4xf32> {attn.name = "output_shares"})
    -> (tensor<?x?x128xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %wq = attn.combine %query_atoms by %query_shares : tensor<16x128x32xf32>, tensor<1x4xf32> -> tensor<4x128x32xf32>
  %wk = attn.combine %key_atoms by %key_shares : tensor<16x128x32xf32>, tensor<1x4xf32> -> tensor<4x128x32xf32>
  %wv = attn.combine %value_atoms by %value_shares : tensor<16x128x32xf32>, tensor<1x4xf32> -> tensor<4x128x32xf32>
  %wo = attn.combine %output_atoms by %output_shares : tensor<16x32x128xf32>, tensor<1x4xf32> -> tensor<4x32x128xf32>
  %x = attn.tokens %hidden : tensor<?x?x128xf32> -> tensor<?x1x?x128xf32>
  %query = attn.expand %x, %wq : tensor<?x1x?x128xf32>, tensor<4x128x32xf32> -> tensor<?x4x?x32xf32>
  %key = attn.expand %x, %wk : tensor<?x1x?x128xf32>, tensor<4x128x32xf32> -> tensor<?x4x?x32xf32>
  %value = attn.expand %x, %wv : tensor<?x1x?x128xf32>, tensor<4x128x32xf32> -> tensor<?x4x?x32xf32>
  %heads = attn.attention %query, %key, %value scale(0.17677669529663687) mask(<causal>)
      : tensor<?x4x?x32xf32>, tensor<?x4x?x32xf32>, tensor<?x4x?x32xf32> -> tensor<?x4x?x32xf32>
  %out = attn.project %heads, %wo : tensor<?x4x?x32xf32>, tensor<4x32x128xf32> -> tensor<?x?x128xf32>
  return %out : tensor<?x?x128xf32>
}
