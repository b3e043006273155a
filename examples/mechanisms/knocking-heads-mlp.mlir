// mechanism: Knocking-Heads Attention (KHA), gated values
// paper: Knocking-Heads Attention (Zhou et al., 2025)
// note: one gated network, shared by all heads, on the values; it does not fold, so its result is cached
//
// 2 (V W_up * sigmoid(V W_gate)) W_down, before the values are cached. The gate is not linear: no
// projection law moves past it, and a latent permits only the linear form.
func.func @knocking_heads_mlp(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                              %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                              %value: tensor<?x2x?x64xf32> {attn.name = "value"},
                              %up: tensor<1x64x64xf32> {attn.name = "up"},
                              %gate: tensor<1x64x64xf32> {attn.name = "gate"},
                              %down: tensor<1x64x64xf32> {attn.name = "down"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %u = attn.expand %value, %up : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %g = attn.expand %value, %gate : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %o = attn.gate %u by %g : tensor<?x2x?x64xf32>
  %d = attn.expand %o, %down : tensor<?x2x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x2x?x64xf32>
  %v = attn.scale %d by 2.0 : tensor<?x2x?x64xf32>
  %out = attn.attention %query, %key, %v scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
