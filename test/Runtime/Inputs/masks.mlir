func.func @documents(%q: tensor<?x4x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>, %ids: tensor<?x?xi32>)
    -> tensor<?x4x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and document<0>>, %ids : tensor<?x?xi32>)
      : tensor<?x4x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x4x?x128xbf16>
  return %o : tensor<?x4x?x128xbf16>
}
func.func @prefix(%q: tensor<?x4x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>, %length: tensor<?xi64>)
    -> tensor<?x4x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal or prefix_length<0>>, %length : tensor<?xi64>)
      : tensor<?x4x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x4x?x128xbf16>
  return %o : tensor<?x4x?x128xbf16>
}
func.func @dense(%q: tensor<?x4x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>, %see: tensor<1x1x?x?xi8>)
    -> tensor<?x4x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<dense<0>>, %see : tensor<1x1x?x?xi8>)
      : tensor<?x4x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x4x?x128xbf16>
  return %o : tensor<?x4x?x128xbf16>
}
func.func @blocks(%q: tensor<?x4x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>, %see: tensor<?x4x?x?xi32>)
    -> tensor<?x4x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and blocks<64, 128, 0>>, %see : tensor<?x4x?x?xi32>)
      : tensor<?x4x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x4x?x128xbf16>
  return %o : tensor<?x4x?x128xbf16>
}
