// mechanism: Effectively compressed KV heads
// paper: Effectively Compress KV Heads for LLM (Yu et al., 2024)
// note: four heads' keys become one by a basis found on sample data, folded into the projections before anything runs
//
// 8 heads in 2 groups. A group's key is the sum over its heads of k_h U_h, and its queries go through U_h, so that
// <q_h U_h, k> stands for <q_h, k_h>; values and output likewise. All of it is in the weights, which
// `attn-opt --attn-hoist-weights` moves to a function that runs once.
// Unverified: only the abstract is certain; this is the plain form of what it says. Rotated keys need a
// path of their own, which is left out.
func.func @compressed_kv_heads(%hidden: tensor<?x?x256xf32> {attn.name = "hidden"},
                               %query_weight: tensor<8x256x32xf32> {attn.name = "query_weight"},
                               %key_weight: tensor<8x256x32xf32> {attn.name = "key_weight"},
                               %value_weight: tensor<8x256x32xf32> {attn.name = "value_weight"},
                               %output_weight: tensor<8x32x256xf32> {attn.name = "output_weight"},
                               %key_basis: tensor<8x32x32xf32> {attn.name = "key_basis"},
                               %value_basis: tensor<8x32x32xf32> {attn.name = "value_basis"},
                               %value_inverse: tensor<8x32x32xf32> {attn.name = "value_inverse"})
    -> (tensor<?x?x256xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %sums = arith.constant dense<[[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
                                [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<2x8xf32>
  %wq = attn.compose %query_weight, %key_basis : tensor<8x256x32xf32>, tensor<8x32x32xf32> -> tensor<8x256x32xf32>
  %wk8 = attn.compose %key_weight, %key_basis : tensor<8x256x32xf32>, tensor<8x32x32xf32> -> tensor<8x256x32xf32>
  %wk = attn.combine %wk8 by %sums : tensor<8x256x32xf32>, tensor<2x8xf32> -> tensor<2x256x32xf32>
  %wv8 = attn.compose %value_weight, %value_basis : tensor<8x256x32xf32>, tensor<8x32x32xf32> -> tensor<8x256x32xf32>
  %wv = attn.combine %wv8 by %sums : tensor<8x256x32xf32>, tensor<2x8xf32> -> tensor<2x256x32xf32>
  %wo = attn.compose %value_inverse, %output_weight : tensor<8x32x32xf32>, tensor<8x32x256xf32> -> tensor<8x32x256xf32>
  %x = attn.tokens %hidden : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
  %query = attn.expand %x, %wq : tensor<?x1x?x256xf32>, tensor<8x256x32xf32> -> tensor<?x8x?x32xf32>
  %key = attn.expand %x, %wk : tensor<?x1x?x256xf32>, tensor<2x256x32xf32> -> tensor<?x2x?x32xf32>
  %value = attn.expand %x, %wv : tensor<?x1x?x256xf32>, tensor<2x256x32xf32> -> tensor<?x2x?x32xf32>
  %heads = attn.attention %query, %key, %value scale(0.17677669529663687) mask(<causal>)
      : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
  %out = attn.project %heads, %wo : tensor<?x8x?x32xf32>, tensor<8x32x256xf32> -> tensor<?x?x256xf32>
  return %out : tensor<?x?x256xf32>
}
