// mechanism: Knocking-Heads Attention (KHA), linear
// paper: Knocking-Heads Attention (Zhou et al., 2025)
// note: one matrix per role, shared by all heads, lets heads learn from each other; folds into the projections
//
// Written as it is trained: each projection and, behind it, the matrix its heads share. `attn-opt
// --attn-fold-weights` makes one weight of both, `--attn-hoist-weights` makes it once; what is left is
// grouped-query attention. The transformed values are what is cached.
func.func @knocking_heads(%hidden: tensor<?x?x256xf32> {attn.name = "hidden"},
                          %query_weight: tensor<8x256x64xf32> {attn.name = "query_weight"},
                          %key_weight: tensor<2x256x64xf32> {attn.name = "key_weight"},
                          %value_weight: tensor<2x256x64xf32> {attn.name = "value_weight"},
                          %mix_query: tensor<1x64x64xf32> {attn.name = "mix_query"},
                          %mix_key: tensor<1x64x64xf32> {attn.name = "mix_key"},
                          %mix_value: tensor<1x64x64xf32> {attn.name = "mix_value"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %x = attn.tokens %hidden : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
  %q0 = attn.expand %x, %query_weight : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  %q = attn.expand %q0, %mix_query : tensor<?x8x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x8x?x64xf32>
  %k0 = attn.expand %x, %key_weight : tensor<?x1x?x256xf32>, tensor<2x256x64xf32> -> tensor<?x2x?x64xf32>
  %k = attn.expand %k0, %mix_key : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %v0 = attn.expand %x, %value_weight : tensor<?x1x?x256xf32>, tensor<2x256x64xf32> -> tensor<?x2x?x64xf32>
  %v = attn.expand %v0, %mix_value : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %out = attn.attention %q, %k, %v scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
