func.func @prefill(%query: tensor<?x8x?x64xbf16> {attn.name = "query"}, %key: tensor<?x2x?x64xbf16> {attn.name = "key"},
                   %value: tensor<?x2x?x64xbf16> {attn.name = "value"})
    -> (tensor<?x8x?x64xbf16> {attn.name = "out"}) {
  %out = attn.attention %query, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x8x?x64xbf16>
  return %out : tensor<?x8x?x64xbf16>
}
