// mechanism: Gated branches
// paper: Native Sparse Attention: Hardware-Aligned and Natively Trainable Sparse Attention (Yuan et al., ACL 2025)
// note: separately normalised branches, added with a gate per row and head; not a log-sum-exp merge
//
// Two of the three branches of NSA: compressed keys (one per block, made before) and the
// window. The selected branch needs selected key sources. Gates are sigmoids of the token.
func.func @gated_sum(%query: tensor<?x16x?x64xf32> {attn.name = "query"},
                     %block_key: tensor<?x1x?x64xf32> {attn.name = "block_key"},
                     %block_value: tensor<?x1x?x64xf32> {attn.name = "block_value"},
                     %key: tensor<?x1x?x64xf32> {attn.name = "key"},
                     %value: tensor<?x1x?x64xf32> {attn.name = "value"},
                     %block_gate: tensor<?x16x?xf32> {attn.name = "block_gate"},
                     %window_gate: tensor<?x16x?xf32> {attn.name = "window_gate"})
    -> (tensor<?x16x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %blocks = attn.attention %query, %block_key, %block_value scale(0.125)
      : tensor<?x16x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x64xf32>
  %window = attn.attention %query, %key, %value scale(0.125) mask(<causal and window<512>>)
      : tensor<?x16x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x64xf32>
  %out = attn.gated_sum %blocks, %window gates %block_gate, %window_gate : tensor<?x16x?x64xf32>, tensor<?x16x?xf32>
  return %out : tensor<?x16x?x64xf32>
}
