func.func @prefill(%query: tensor<?x4x?x64xbf16> {attn.name = "query"}, %key: tensor<?x2x?x64xbf16> {attn.name = "key"},
                   %value: tensor<?x2x?x64xbf16> {attn.name = "value"})
    -> (tensor<?x4x?x64xbf16> {attn.name = "out"}, tensor<?x4x?xf32> {attn.name = "lse"}) {
  %out, %lse = attn.attention %query, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
  return %out, %lse : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
}
