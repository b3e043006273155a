func.func @masked(%q: tensor<?x4x?x32xbf16>, %k: tensor<?x4x?x32xbf16>, %v: tensor<?x4x?x32xbf16>,
                  %documents: tensor<?x?xi32>) -> tensor<?x4x?x32xbf16> {
  %out = attn.attention %q, %k, %v scale(0.125) mask(<document<0>>, %documents : tensor<?x?xi32>)
    : tensor<?x4x?x32xbf16>, tensor<?x4x?x32xbf16>, tensor<?x4x?x32xbf16> -> tensor<?x4x?x32xbf16>
  return %out : tensor<?x4x?x32xbf16>
}
