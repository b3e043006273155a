// RUN: attn-opt %s --attn-fold-weights=strict --split-input-file --verify-diagnostics

func.func @output_of_one_head(%o: tensor<?x1x?x8xf32>, %up: tensor<4x8x8xf32>, %w: tensor<4x8x8xf32>) -> tensor<?x?x8xf32> {
  %h = attn.expand %o, %up : tensor<?x1x?x8xf32>, tensor<4x8x8xf32> -> tensor<?x4x?x8xf32>
  // expected-error @below {{expected the expansion to keep 4 heads, found it makes them of one; the output projection stays apart}}
  %y = attn.project %h, %w : tensor<?x4x?x8xf32>, tensor<4x8x8xf32> -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
