// RUN: attn-opt %s --attn-share-kv --split-input-file | FileCheck %s

// Two layers of a pair: one cache, and one expansion of it.
// CHECK-LABEL: func.func @pair(
// CHECK-SAME:    %[[A:[a-z0-9]+]]: tensor<?x4x?x8xf32>, %[[B:[a-z0-9]+]]: tensor<?x4x?x8xf32>, %[[C:[a-z0-9]+]]: tensor<?x1x?x16xf32> {attn.cache = "layer 0"}, %[[W:[a-z0-9]+]]: tensor<4x16x8xf32>)
// CHECK:         %[[K:.+]] = attn.expand %[[C]], %[[W]]
// CHECK-NOT:     attn.expand
// CHECK:         attn.attention %[[A]], %[[K]], %[[K]]
// CHECK:         attn.attention %[[B]], %[[K]], %[[K]]
func.func @pair(%a: tensor<?x4x?x8xf32>, %b: tensor<?x4x?x8xf32>, %c: tensor<?x1x?x16xf32> {attn.cache = "layer 0"},
                %d: tensor<?x1x?x16xf32> {attn.cache = "layer 0"}, %w: tensor<4x16x8xf32>) -> (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) {
  %k = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x8xf32>
  %o = attn.attention %a, %k, %k scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  %l = attn.expand %d, %w : tensor<?x1x?x16xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x8xf32>
  %p = attn.attention %b, %l, %l scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o, %p : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>
}

// -----

// Caches of two layers stay two.
// CHECK-LABEL: func.func @apart(
// CHECK-COUNT-2: attn.cache
func.func @apart(%a: tensor<?x4x?x8xf32>, %c: tensor<?x4x?x8xf32> {attn.cache = "layer 0"}, %d: tensor<?x4x?x8xf32> {attn.cache = "layer 1"}) -> (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) {
  %o = attn.attention %a, %c, %c scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  %p = attn.attention %a, %d, %d scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o, %p : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>
}
