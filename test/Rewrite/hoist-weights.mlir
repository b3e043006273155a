// RUN: attn-opt %s --attn-hoist-weights | FileCheck %s

// What reads tokens stays, and so does the weight that others read.
// CHECK-LABEL: func.func @layer_weights(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<4x16x8xf32> {attn.name = "key_weight"}, %[[C:[a-z0-9]+]]: tensor<2x4xf32>, %[[T:[a-z0-9]+]]: tensor<1x8x8xf32>)
// CHECK-SAME:    -> (tensor<2x16x8xf32> {attn.name = "folded0"})
// CHECK-SAME:    attributes {attn.entry = "weights"}
// CHECK:         %[[M:.+]] = attn.combine %[[W]] by %[[C]]
// CHECK:         %[[F:.+]] = attn.compose %[[M]], %[[T]]
// CHECK:         return %[[F]]

// CHECK-LABEL: func.func @layer(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x1x?x16xf32>, %[[T:[a-z0-9]+]]: tensor<1x8x8xf32>, %[[F:[a-z0-9]+]]: tensor<2x16x8xf32> {attn.name = "folded0"})
// CHECK:         %[[K:.+]] = attn.expand %[[X]], %[[F]]
// CHECK:         attn.expand %[[K]], %[[T]]
func.func @layer(%x: tensor<?x1x?x16xf32>, %w: tensor<4x16x8xf32> {attn.name = "key_weight"}, %c: tensor<2x4xf32>, %t: tensor<1x8x8xf32>) -> tensor<?x2x?x8xf32> {
  %m = attn.combine %w by %c : tensor<4x16x8xf32>, tensor<2x4xf32> -> tensor<2x16x8xf32>
  %f = attn.compose %m, %t : tensor<2x16x8xf32>, tensor<1x8x8xf32> -> tensor<2x16x8xf32>
  %k = attn.expand %x, %f : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %r = attn.expand %k, %t : tensor<?x2x?x8xf32>, tensor<1x8x8xf32> -> tensor<?x2x?x8xf32>
  return %r : tensor<?x2x?x8xf32>
}

// CHECK-NOT:   @nothing_weights
// CHECK-LABEL: func.func @nothing(
func.func @nothing(%x: tensor<?x1x?x16xf32>, %w: tensor<4x16x8xf32>) -> tensor<?x4x?x8xf32> {
  %k = attn.expand %x, %w : tensor<?x1x?x16xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x8xf32>
  return %k : tensor<?x4x?x8xf32>
}
