func.func @packed(%q: tensor<?x2x?x64xbf16> {attn.name = "query"}, %k: tensor<?x2x?x64xbf16> {attn.name = "key"}, %v: tensor<?x2x?x64xbf16> {attn.name = "value"}, %ids: tensor<?x?xi32> {attn.name = "ids"}) -> (tensor<?x2x?x64xbf16> {attn.name = "out"})
    attributes {attn.entry = "prefill"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0>>, %ids : tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
func.func @wide(%q: tensor<?x2x?x64xbf16> {attn.name = "query"}, %k: tensor<?x2x?x64xbf16> {attn.name = "key"}, %v: tensor<?x2x?x64xbf16> {attn.name = "value"}, %ids: tensor<?x?xi64> {attn.name = "ids"}) -> (tensor<?x2x?x64xbf16> {attn.name = "out"})
    attributes {attn.entry = "prefill"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<document<0>>, %ids : tensor<?x?xi64>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
func.func @two(%q: tensor<?x2x?x64xbf16> {attn.name = "query"}, %k: tensor<?x2x?x64xbf16> {attn.name = "key"}, %v: tensor<?x2x?x64xbf16> {attn.name = "value"}, %ids: tensor<?x?xi32> {attn.name = "ids"}, %parts: tensor<?x?xi32> {attn.name = "parts"}) -> (tensor<?x2x?x64xbf16> {attn.name = "out"})
    attributes {attn.entry = "prefill"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0> and document<1>>, %ids, %parts : tensor<?x?xi32>, tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
func.func @either(%q: tensor<?x2x?x64xbf16> {attn.name = "query"}, %k: tensor<?x2x?x64xbf16> {attn.name = "key"}, %v: tensor<?x2x?x64xbf16> {attn.name = "value"}, %ids: tensor<?x?xi32> {attn.name = "ids"}) -> (tensor<?x2x?x64xbf16> {attn.name = "out"})
    attributes {attn.entry = "prefill"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<40> or causal and document<0>>, %ids : tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
func.func @not_others(%q: tensor<?x2x?x64xbf16> {attn.name = "query"}, %k: tensor<?x2x?x64xbf16> {attn.name = "key"}, %v: tensor<?x2x?x64xbf16> {attn.name = "value"}, %ids: tensor<?x?xi32> {attn.name = "ids"}) -> (tensor<?x2x?x64xbf16> {attn.name = "out"})
    attributes {attn.entry = "prefill"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and not document<0>>, %ids : tensor<?x?xi32>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
