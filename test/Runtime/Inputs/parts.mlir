// Several attentions of one entry, an output that is an input, and one that is returned twice.
func.func @parts(%query: tensor<?x4x?x64xbf16>, %old_key: tensor<?x2x?x64xbf16>, %old_value: tensor<?x2x?x64xbf16>,
                 %key: tensor<?x2x?x64xbf16>, %value: tensor<?x2x?x64xbf16>, %share: tensor<?x4x?xf32>)
    -> (tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>, tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>, tensor<?x4x?xf32>) {
  %end = arith.constant 1000 : index
  %o0, %l0 = attn.attention %query, %old_key, %old_value scale(0.125) mask(<causal>) offset(%end)
      : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
  %o1, %l1 = attn.attention %query, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
  %out, %lse = attn.merge %o0, %o1 lse %l0, %l1 : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
  %sum = attn.gated_sum %o0, %o1 gates %share, %share : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
  return %out, %lse, %sum, %lse, %share
      : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>, tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>, tensor<?x4x?xf32>
}
