// A score that reads an element of its key.
func.func @reads_keys(%q: tensor<?x2x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>)
    -> tensor<?x2x?x16xf32> {
  %out = attn.attention %q, %k, %v scale(0.25) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %zero = arith.constant 0 : index
    %x = tensor.extract %k[%b, %zero, %j, %zero] : tensor<?x1x?x16xf32>
    %r = arith.addf %s, %x : f32
    attn.yield %r : f32
  } : tensor<?x2x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x2x?x16xf32>
  return %out : tensor<?x2x?x16xf32>
}
