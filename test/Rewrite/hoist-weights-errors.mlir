// RUN: attn-opt %s --attn-hoist-weights --verify-diagnostics

// expected-note @below {{found it here}}
func.func private @f_weights()

// expected-error @below {{expected the name @f_weights to be free for the weights of the function; rename one of them}}
func.func @f(%x: tensor<?x1x?x16xf32>, %w: tensor<4x16x8xf32>, %c: tensor<2x4xf32>) -> tensor<?x2x?x8xf32> {
  %m = attn.combine %w by %c : tensor<4x16x8xf32>, tensor<2x4xf32> -> tensor<2x16x8xf32>
  %k = attn.expand %x, %m : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  return %k : tensor<?x2x?x8xf32>
}
