// RUN: attn-opt %s --attn-share-kv --verify-diagnostics

func.func @pair(%a: tensor<?x4x?x8xf32>, %c: tensor<?x4x?x8xf32> {attn.cache = "layer 0"},
// expected-error @below {{expected argument 2, which names the cache "layer 0", to be 'tensor<?x4x?x8xf32>' like argument 1, found 'tensor<?x2x?x8xf32>'; one cache has one shape}}
                %d: tensor<?x2x?x8xf32> {attn.cache = "layer 0"}) -> (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) {
  %o = attn.attention %a, %c, %c scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  %p = attn.attention %a, %d, %d scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o, %p : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>
}
