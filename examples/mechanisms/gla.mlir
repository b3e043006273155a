// mechanism: Grouped Latent Attention (GLA-2)
// paper: Hardware-Efficient Attention for Fast Decoding (Zadouri et al., 2025)
// note: two latents of 128 in place of one of 256; half the query heads read each, one device may hold each
//
// Heads of 64, so a group's latent is 2 * 64 wide; each is normalised by itself when it is appended.
// The rotary key of 32 is shared. Absorbed: the latent is key and value; the output projection sums over
// the groups, which is the all-reduce where they lie on two devices. Unverified: the rotary key's size.
func.func @gla(%query: tensor<?x8x?x160xf32> {attn.name = "query"},
               %latent: tensor<?x2x?x128xf32> {attn.name = "latent"},
               %rope_key: tensor<?x1x?x32xf32> {attn.name = "rope_key"},
               %value_up: tensor<8x128x64xf32> {attn.name = "value_up"},
               %output_weight: tensor<8x64x512xf32> {attn.name = "output_weight"})
    -> (tensor<?x?x512xf32> {attn.name = "out"}) attributes {attn.entry = "decode"} {
  %key = attn.concat %latent, %rope_key : tensor<?x2x?x128xf32>, tensor<?x1x?x32xf32> -> tensor<?x2x?x160xf32>
  %sum = attn.attention %query, %key, %latent scale(0.10206207261596577) mask(<causal>)
      : tensor<?x8x?x160xf32>, tensor<?x2x?x160xf32>, tensor<?x2x?x128xf32> -> tensor<?x8x?x128xf32>
  %heads = attn.expand %sum, %value_up : tensor<?x8x?x128xf32>, tensor<8x128x64xf32> -> tensor<?x8x?x64xf32>
  %out = attn.project %heads, %output_weight : tensor<?x8x?x64xf32>, tensor<8x64x512xf32> -> tensor<?x?x512xf32>
  return %out : tensor<?x?x512xf32>
}
