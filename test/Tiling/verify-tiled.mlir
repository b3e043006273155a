// RUN: attn-opt %s --attn-tile --attn-verify-tiled | FileCheck %s

// Specs may stay: reports read them.
// CHECK: attn.spec @s
attn.spec @s {query_heads = 8, qk_size = 64}
// CHECK: attn.work
func.func @f(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
  %out = attn.attention %x, %x, %x scale(0.125) schedule<rows = 32, keys = 64> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
