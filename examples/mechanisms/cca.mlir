// mechanism: Compressed Convolutional Grouped-Query Attention (CCGQA)
// paper: Compressed Convolutional Attention: Efficient Attention in a Compressed Latent Space (Figliolia et al., 2025)
// note: queries and keys are narrower than the model, convolved along time, and add means of each other
//
// 8 query and 2 key heads of 32 in a model of 512: a convolution per channel and one inside each head, both of
// width 2; means of the two projections; unit length times sqrt(32), keys also times a temperature; half of a
// head rotated. Half of a value is the token before it. Unverified: the factor 1/sqrt(32) on the scores.
func.func @cca(%hidden: tensor<?x?x512xf32> {attn.name = "hidden"},
               %query_weight: tensor<8x512x32xf32> {attn.name = "query_weight"},
               %key_weight: tensor<2x512x32xf32> {attn.name = "key_weight"},
               %query_taps: tensor<8x2x32xf32> {attn.name = "query_taps"},
               %key_taps: tensor<2x2x32xf32> {attn.name = "key_taps"},
               %query_mix: tensor<8x32x32xf32> {attn.name = "query_mix"},
               %query_mix_before: tensor<8x32x32xf32> {attn.name = "query_mix_before"},
               %key_mix: tensor<2x32x32xf32> {attn.name = "key_mix"},
               %key_mix_before: tensor<2x32x32xf32> {attn.name = "key_mix_before"},
               %temperature: tensor<2x32xf32> {attn.name = "temperature"},
               %value_weight: tensor<2x512x16xf32> {attn.name = "value_weight"},
               %value_weight_before: tensor<2x512x16xf32> {attn.name = "value_weight_before"},
               %output_weight: tensor<8x32x512xf32> {attn.name = "output_weight"})
    -> (tensor<?x?x512xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %x = attn.tokens %hidden : tensor<?x?x512xf32> -> tensor<?x1x?x512xf32>
  %q0 = attn.expand %x, %query_weight : tensor<?x1x?x512xf32>, tensor<8x512x32xf32> -> tensor<?x8x?x32xf32>
  %k0 = attn.expand %x, %key_weight : tensor<?x1x?x512xf32>, tensor<2x512x32xf32> -> tensor<?x2x?x32xf32>
  // Convolution per channel, then inside each head.
  %q1 = attn.short_conv %q0, %query_taps : tensor<?x8x?x32xf32>, tensor<8x2x32xf32>
  %q2 = attn.expand %q1, %query_mix : tensor<?x8x?x32xf32>, tensor<8x32x32xf32> -> tensor<?x8x?x32xf32>
  %q3 = attn.shift %q1 by 1 : tensor<?x8x?x32xf32>
  %q4 = attn.expand %q3, %query_mix_before : tensor<?x8x?x32xf32>, tensor<8x32x32xf32> -> tensor<?x8x?x32xf32>
  %k1 = attn.short_conv %k0, %key_taps : tensor<?x2x?x32xf32>, tensor<2x2x32xf32>
  %k2 = attn.expand %k1, %key_mix : tensor<?x2x?x32xf32>, tensor<2x32x32xf32> -> tensor<?x2x?x32xf32>
  %k3 = attn.shift %k1 by 1 : tensor<?x2x?x32xf32>
  %k4 = attn.expand %k3, %key_mix_before : tensor<?x2x?x32xf32>, tensor<2x32x32xf32> -> tensor<?x2x?x32xf32>
  // Means: of a query and its key, of a key and the mean of its group's queries (linear in the weights).
  %q_half = attn.scale %q0 by 0.5 : tensor<?x8x?x32xf32>
  %k_half = attn.scale %k0 by 0.5 : tensor<?x2x?x32xf32>
  %k_of_q = attn.select_heads %k_half [0, 0, 0, 0, 1, 1, 1, 1] : tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
  %eighths = arith.constant dense<[[0.125, 0.125, 0.125, 0.125, 0.0, 0.0, 0.0, 0.0],
                                   [0.0, 0.0, 0.0, 0.0, 0.125, 0.125, 0.125, 0.125]]> : tensor<2x8xf32>
  %mean_weight = attn.combine %query_weight by %eighths : tensor<8x512x32xf32>, tensor<2x8xf32> -> tensor<2x512x32xf32>
  %q_of_k = attn.expand %x, %mean_weight : tensor<?x1x?x512xf32>, tensor<2x512x32xf32> -> tensor<?x2x?x32xf32>
  %q5 = attn.add %q2, %q4, %q_half, %k_of_q : tensor<?x8x?x32xf32>
  %k5 = attn.add %k2, %k4, %k_half, %q_of_k : tensor<?x2x?x32xf32>
  %q6 = attn.norm %q5 <kind = l2, scale = 5.656854249492381> : tensor<?x8x?x32xf32>
  %k6 = attn.norm %k5 gain(%temperature : tensor<2x32xf32>) <kind = l2, scale = 5.656854249492381> : tensor<?x2x?x32xf32>
  %query = attn.rope %q6 <dims = 16> : tensor<?x8x?x32xf32>
  %key = attn.rope %k6 <dims = 16> : tensor<?x2x?x32xf32>
  %v0 = attn.expand %x, %value_weight : tensor<?x1x?x512xf32>, tensor<2x512x16xf32> -> tensor<?x2x?x16xf32>
  %v1 = attn.expand %x, %value_weight_before : tensor<?x1x?x512xf32>, tensor<2x512x16xf32> -> tensor<?x2x?x16xf32>
  %v2 = attn.shift %v1 by 1 : tensor<?x2x?x16xf32>
  %value = attn.concat %v0, %v2 : tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32> -> tensor<?x2x?x32xf32>
  %heads = attn.attention %query, %key, %value scale(0.17677669529663687) mask(<causal>)
      : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
  %out = attn.project %heads, %output_weight : tensor<?x8x?x32xf32>, tensor<8x32x512xf32> -> tensor<?x?x512xf32>
  return %out : tensor<?x?x512xf32>
}
