// mechanism: Compressed Convolutional Grouped-Query Attention (CCGQA)
// paper: Compressed Convolutional Attention: Efficient Attention in a Compressed Latent Space (Figliolia et al., 2025)
// note: queries and keys are narrower than the model, convolved along time, and add means of each other
//
// 8 query and 2 key heads of 32 in a model of 512, projected as 10 heads: a convolution per channel and one inside
// each head, both of width 2; means of the two projections; unit length times sqrt(32), keys also times a
// temperature; half of a head rotated. Half of a value is the token before it. Beside its keys and values a sequence
// is remembered by the last two tokens of the projections and the last hidden state, all zero at its start, so that
// both entries go on where a call ended. Unverified: the factor 1/sqrt(32) on the scores.
func.func private @cca(
    %hidden: tensor<?x?x512xf32>, %key_cache: tensor<?x2x?x32xf32>, %value_cache: tensor<?x2x?x32xf32>,
    %rows_before: tensor<?x10x2x32xf32>, %hidden_before: tensor<?x1x1x512xf32>, %weight: tensor<10x512x32xf32>,
    %taps: tensor<10x2x32xf32>, %mix: tensor<10x32x32xf32>, %mix_before: tensor<10x32x32xf32>,
    %temperature: tensor<2x32xf32>, %value_weight: tensor<2x512x16xf32>, %value_weight_before: tensor<2x512x16xf32>,
    %output_weight: tensor<8x32x512xf32>)
    -> (tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>) {
  %axis = arith.constant 2 : index
  %token = arith.constant 1 : index
  %keys = tensor.dim %key_cache, %axis : tensor<?x2x?x32xf32>
  %length = tensor.dim %hidden, %token : tensor<?x?x512xf32>
  %start = arith.subi %keys, %length : index
  %x = attn.tokens %hidden : tensor<?x?x512xf32> -> tensor<?x1x?x512xf32>
  %r0 = attn.expand %x, %weight : tensor<?x1x?x512xf32>, tensor<10x512x32xf32> -> tensor<?x10x?x32xf32>
  // Convolution per channel, then inside each head; the second one remembers a token of the first.
  %r1 = attn.short_conv %r0, %taps after(%rows_before : tensor<?x10x2x32xf32>) : tensor<?x10x?x32xf32>, tensor<10x2x32xf32>
  %before = attn.short_conv %rows_before, %taps : tensor<?x10x2x32xf32>, tensor<10x2x32xf32>
  %r2 = attn.expand %r1, %mix : tensor<?x10x?x32xf32>, tensor<10x32x32xf32> -> tensor<?x10x?x32xf32>
  %r3 = attn.shift %r1 by 1 after(%before : tensor<?x10x2x32xf32>) : tensor<?x10x?x32xf32>
  %r4 = attn.expand %r3, %mix_before : tensor<?x10x?x32xf32>, tensor<10x32x32xf32> -> tensor<?x10x?x32xf32>
  %r5 = attn.add %r2, %r4 : tensor<?x10x?x32xf32>
  // Means: of a query and its key, of a key and the mean of its group's queries (linear in the weights).
  %half = attn.scale %r0 by 0.5 : tensor<?x10x?x32xf32>
  %q_half = attn.select_heads %half [0, 1, 2, 3, 4, 5, 6, 7] : tensor<?x10x?x32xf32> -> tensor<?x8x?x32xf32>
  %k_half = attn.select_heads %half [8, 9] : tensor<?x10x?x32xf32> -> tensor<?x2x?x32xf32>
  %k_of_q = attn.select_heads %half [8, 8, 8, 8, 9, 9, 9, 9] : tensor<?x10x?x32xf32> -> tensor<?x8x?x32xf32>
  %eighths = arith.constant dense<[[0.125, 0.125, 0.125, 0.125, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                                   [0.0, 0.0, 0.0, 0.0, 0.125, 0.125, 0.125, 0.125, 0.0, 0.0]]> : tensor<2x10xf32>
  %mean_weight = attn.combine %weight by %eighths : tensor<10x512x32xf32>, tensor<2x10xf32> -> tensor<2x512x32xf32>
  %q_of_k = attn.expand %x, %mean_weight : tensor<?x1x?x512xf32>, tensor<2x512x32xf32> -> tensor<?x2x?x32xf32>
  %q3 = attn.select_heads %r5 [0, 1, 2, 3, 4, 5, 6, 7] : tensor<?x10x?x32xf32> -> tensor<?x8x?x32xf32>
  %k3 = attn.select_heads %r5 [8, 9] : tensor<?x10x?x32xf32> -> tensor<?x2x?x32xf32>
  %q5 = attn.add %q3, %q_half, %k_of_q : tensor<?x8x?x32xf32>
  %k5 = attn.add %k3, %k_half, %q_of_k : tensor<?x2x?x32xf32>
  %q6 = attn.norm %q5 <kind = l2, scale = 5.656854249492381> : tensor<?x8x?x32xf32>
  %k6 = attn.norm %k5 gain(%temperature : tensor<2x32xf32>) <kind = l2, scale = 5.656854249492381> : tensor<?x2x?x32xf32>
  %query = attn.rope %q6 at %start <dims = 16> : tensor<?x8x?x32xf32>
  %k7 = attn.rope %k6 at %start <dims = 16> : tensor<?x2x?x32xf32>
  %v0 = attn.expand %x, %value_weight : tensor<?x1x?x512xf32>, tensor<2x512x16xf32> -> tensor<?x2x?x16xf32>
  %last = attn.shift %x by 1 after(%hidden_before : tensor<?x1x1x512xf32>) : tensor<?x1x?x512xf32>
  %v1 = attn.expand %last, %value_weight_before : tensor<?x1x?x512xf32>, tensor<2x512x16xf32> -> tensor<?x2x?x16xf32>
  %v2 = attn.concat %v0, %v1 : tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32> -> tensor<?x2x?x32xf32>
  %key = attn.append %key_cache, %k7 : tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>
  %value = attn.append %value_cache, %v2 : tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>
  %heads = attn.attention %query, %key, %value scale(0.17677669529663687) mask(<causal>)
      : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
  %out = attn.project %heads, %output_weight : tensor<?x8x?x32xf32>, tensor<8x32x512xf32> -> tensor<?x?x512xf32>
  %rows_after = attn.carry %rows_before, %r0 : tensor<?x10x2x32xf32>, tensor<?x10x?x32xf32>
  %hidden_after = attn.carry %hidden_before, %x : tensor<?x1x1x512xf32>, tensor<?x1x?x512xf32>
  return %out, %key, %value, %rows_after, %hidden_after
      : tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>
}
func.func @cca_layer_prefill(
    %hidden: tensor<?x?x512xf32> {attn.name = "hidden"},
    %key_cache: tensor<?x2x?x32xf32> {attn.name = "key_cache"},
    %value_cache: tensor<?x2x?x32xf32> {attn.name = "value_cache"},
    %rows_before: tensor<?x10x2x32xf32> {attn.name = "rows_before"},
    %hidden_before: tensor<?x1x1x512xf32> {attn.name = "hidden_before"},
    %weight: tensor<10x512x32xf32> {attn.name = "query_key_weight"},
    %taps: tensor<10x2x32xf32> {attn.name = "taps"},
    %mix: tensor<10x32x32xf32> {attn.name = "mix"},
    %mix_before: tensor<10x32x32xf32> {attn.name = "mix_before"},
    %temperature: tensor<2x32xf32> {attn.name = "temperature"},
    %value_weight: tensor<2x512x16xf32> {attn.name = "value_weight"},
    %value_weight_before: tensor<2x512x16xf32> {attn.name = "value_weight_before"},
    %output_weight: tensor<8x32x512xf32> {attn.name = "output_weight"})
    -> (tensor<?x?x512xf32> {attn.name = "out"}, tensor<?x2x?x32xf32> {attn.name = "key_cache_out"},
        tensor<?x2x?x32xf32> {attn.name = "value_cache_out"}, tensor<?x10x2x32xf32> {attn.name = "rows_after"},
        tensor<?x1x1x512xf32> {attn.name = "hidden_after"}) attributes {attn.entry = "layer-prefill"} {
  %r:5 = call @cca(%hidden, %key_cache, %value_cache, %rows_before, %hidden_before, %weight, %taps, %mix, %mix_before,
      %temperature, %value_weight, %value_weight_before, %output_weight)
      : (tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>,
         tensor<?x1x1x512xf32>, tensor<10x512x32xf32>, tensor<10x2x32xf32>, tensor<10x32x32xf32>,
         tensor<10x32x32xf32>, tensor<2x32xf32>, tensor<2x512x16xf32>, tensor<2x512x16xf32>, tensor<8x32x512xf32>)
      -> (tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>)
  return %r#0, %r#1, %r#2, %r#3, %r#4
      : tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>
}
func.func @cca_layer_decode(
    %hidden: tensor<?x?x512xf32> {attn.name = "hidden"},
    %key_cache: tensor<?x2x?x32xf32> {attn.name = "key_cache"},
    %value_cache: tensor<?x2x?x32xf32> {attn.name = "value_cache"},
    %rows_before: tensor<?x10x2x32xf32> {attn.name = "rows_before"},
    %hidden_before: tensor<?x1x1x512xf32> {attn.name = "hidden_before"},
    %weight: tensor<10x512x32xf32> {attn.name = "query_key_weight"},
    %taps: tensor<10x2x32xf32> {attn.name = "taps"},
    %mix: tensor<10x32x32xf32> {attn.name = "mix"},
    %mix_before: tensor<10x32x32xf32> {attn.name = "mix_before"},
    %temperature: tensor<2x32xf32> {attn.name = "temperature"},
    %value_weight: tensor<2x512x16xf32> {attn.name = "value_weight"},
    %value_weight_before: tensor<2x512x16xf32> {attn.name = "value_weight_before"},
    %output_weight: tensor<8x32x512xf32> {attn.name = "output_weight"})
    -> (tensor<?x?x512xf32> {attn.name = "out"}, tensor<?x2x?x32xf32> {attn.name = "key_cache_out"},
        tensor<?x2x?x32xf32> {attn.name = "value_cache_out"}, tensor<?x10x2x32xf32> {attn.name = "rows_after"},
        tensor<?x1x1x512xf32> {attn.name = "hidden_after"}) attributes {attn.entry = "layer-decode"} {
  %r:5 = call @cca(%hidden, %key_cache, %value_cache, %rows_before, %hidden_before, %weight, %taps, %mix, %mix_before,
      %temperature, %value_weight, %value_weight_before, %output_weight)
      : (tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>,
         tensor<?x1x1x512xf32>, tensor<10x512x32xf32>, tensor<10x2x32xf32>, tensor<10x32x32xf32>,
         tensor<10x32x32xf32>, tensor<2x32xf32>, tensor<2x512x16xf32>, tensor<2x512x16xf32>, tensor<8x32x512xf32>)
      -> (tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>)
  return %r#0, %r#1, %r#2, %r#3, %r#4
      : tensor<?x?x512xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x10x2x32xf32>, tensor<?x1x1x512xf32>
}
