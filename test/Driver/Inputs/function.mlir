// A function by hand: two query heads read one key head.
func.func @pair(%q: tensor<?x2x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>)
    -> tensor<?x2x?x16xf32> {
  %out = attn.attention %q, %k, %v scale(0.25)
    : tensor<?x2x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x2x?x16xf32>
  return %out : tensor<?x2x?x16xf32>
}
