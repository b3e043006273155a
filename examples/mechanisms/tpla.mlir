// mechanism: Tensor-parallel latent attention (TPLA)
// paper: TPLA: Tensor Parallel Latent Attention for Efficient Disaggregated Prefill and Decode Inference (Tang et al., 2025)
// note: one latent cut in two shards; every head attends to both, each with a softmax of its own, and outputs add up
//
// Absorbed decoding of a 512 latent on two devices, here as one function: the sum is the all-reduce. It is not
// equal to MLA; prefill stays the exact one. An orthogonal map that balances the shards is folded into
// the weights before. Unverified: the constants that correct norm and logits after the cut.
func.func @tpla(%query: tensor<?x16x?x512xf32> {attn.name = "query"},
                %rope_query: tensor<?x16x?x64xf32> {attn.name = "rope_query"},
                %latent: tensor<?x1x?x512xf32> {attn.name = "latent"},
                %rope_key: tensor<?x1x?x64xf32> {attn.name = "rope_key"},
                %value_up0: tensor<16x256x128xf32> {attn.name = "value_up_0"},
                %value_up1: tensor<16x256x128xf32> {attn.name = "value_up_1"})
    -> (tensor<?x16x?x128xf32> {attn.name = "out"}) attributes {attn.entry = "decode", attn.width = 2048 : i64} {
  %q0 = attn.columns %query from 0 : tensor<?x16x?x512xf32> -> tensor<?x16x?x256xf32>
  %c0 = attn.columns %latent from 0 : tensor<?x1x?x512xf32> -> tensor<?x1x?x256xf32>
  %query0 = attn.concat %q0, %rope_query : tensor<?x16x?x256xf32>, tensor<?x16x?x64xf32> -> tensor<?x16x?x320xf32>
  %key0 = attn.concat %c0, %rope_key : tensor<?x1x?x256xf32>, tensor<?x1x?x64xf32> -> tensor<?x1x?x320xf32>
  %sum0 = attn.attention %query0, %key0, %c0 scale(0.07216878364870323) mask(<causal>)
      : tensor<?x16x?x320xf32>, tensor<?x1x?x320xf32>, tensor<?x1x?x256xf32> -> tensor<?x16x?x256xf32>
  %out0 = attn.expand %sum0, %value_up0 : tensor<?x16x?x256xf32>, tensor<16x256x128xf32> -> tensor<?x16x?x128xf32>
  %q1 = attn.columns %query from 256 : tensor<?x16x?x512xf32> -> tensor<?x16x?x256xf32>
  %c1 = attn.columns %latent from 256 : tensor<?x1x?x512xf32> -> tensor<?x1x?x256xf32>
  %query1 = attn.concat %q1, %rope_query : tensor<?x16x?x256xf32>, tensor<?x16x?x64xf32> -> tensor<?x16x?x320xf32>
  %key1 = attn.concat %c1, %rope_key : tensor<?x1x?x256xf32>, tensor<?x1x?x64xf32> -> tensor<?x1x?x320xf32>
  %sum1 = attn.attention %query1, %key1, %c1 scale(0.07216878364870323) mask(<causal>)
      : tensor<?x16x?x320xf32>, tensor<?x1x?x320xf32>, tensor<?x1x?x256xf32> -> tensor<?x16x?x256xf32>
  %out1 = attn.expand %sum1, %value_up1 : tensor<?x16x?x256xf32>, tensor<16x256x128xf32> -> tensor<?x16x?x128xf32>
  %out = attn.add %out0, %out1 : tensor<?x16x?x128xf32>
  return %out : tensor<?x16x?x128xf32>
}
