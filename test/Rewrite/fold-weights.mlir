// RUN: attn-opt %s --attn-fold-weights --split-input-file | FileCheck %s

// One matrix for all heads, behind the heads' own.
// CHECK-LABEL: func.func @shared_map(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x1x?x16xf32>, %[[W:[a-z0-9]+]]: tensor<4x16x8xf32>, %[[T:[a-z0-9]+]]: tensor<1x8x8xf32>
// CHECK:         %[[F:.+]] = attn.compose %[[W]], %[[T]] : tensor<4x16x8xf32>, tensor<1x8x8xf32> -> tensor<4x16x8xf32>
// CHECK:         %[[K:.+]] = attn.expand %[[X]], %[[F]]
// CHECK:         return %[[K]]
func.func @shared_map(%x: tensor<?x1x?x16xf32>, %w: tensor<4x16x8xf32>, %t: tensor<1x8x8xf32>) -> tensor<?x4x?x8xf32> {
  %k = attn.expand %x, %w : tensor<?x1x?x16xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x8xf32>
  %m = attn.expand %k, %t : tensor<?x4x?x8xf32>, tensor<1x8x8xf32> -> tensor<?x4x?x8xf32>
  return %m : tensor<?x4x?x8xf32>
}

// -----

// Three in a row become one; the output projection takes what is before it.
// CHECK-LABEL: func.func @chain(
// CHECK-COUNT-1: attn.expand
// CHECK-NOT:     attn.expand
// CHECK:         attn.project
func.func @chain(%x: tensor<?x1x?x8xf32>, %a: tensor<4x8x8xf32>, %b: tensor<1x8x8xf32>, %c: tensor<4x8x8xf32>, %o: tensor<4x8x8xf32>) -> tensor<?x?x8xf32> {
  %0 = attn.expand %x, %a : tensor<?x1x?x8xf32>, tensor<4x8x8xf32> -> tensor<?x4x?x8xf32>
  %1 = attn.expand %0, %b : tensor<?x4x?x8xf32>, tensor<1x8x8xf32> -> tensor<?x4x?x8xf32>
  %2 = attn.norm %1 <> : tensor<?x4x?x8xf32>
  %3 = attn.expand %2, %c : tensor<?x4x?x8xf32>, tensor<4x8x8xf32> -> tensor<?x4x?x8xf32>
  %4 = attn.project %3, %o : tensor<?x4x?x8xf32>, tensor<4x8x8xf32> -> tensor<?x?x8xf32>
  return %4 : tensor<?x?x8xf32>
}

// -----

// A chain that is narrow in the middle is a low-rank map: folded, it would cost more.
// CHECK-LABEL: func.func @low_rank(
// CHECK-NOT:     attn.compose
// CHECK:         return
func.func @low_rank(%x: tensor<?x1x?x16xf32>, %down: tensor<1x16x4xf32>, %up: tensor<4x4x16xf32>) -> tensor<?x4x?x16xf32> {
  %c = attn.expand %x, %down : tensor<?x1x?x16xf32>, tensor<1x16x4xf32> -> tensor<?x1x?x4xf32>
  %q = attn.expand %c, %up : tensor<?x1x?x4xf32>, tensor<4x4x16xf32> -> tensor<?x4x?x16xf32>
  return %q : tensor<?x4x?x16xf32>
}

// -----

// The middle is cached: others read it.
// CHECK-LABEL: func.func @read_twice(
// CHECK-NOT:     attn.compose
// CHECK:         return
func.func @read_twice(%x: tensor<?x1x?x16xf32>, %w: tensor<4x16x8xf32>, %t: tensor<1x8x8xf32>) -> (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) {
  %k = attn.expand %x, %w : tensor<?x1x?x16xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x8xf32>
  %m = attn.expand %k, %t : tensor<?x4x?x8xf32>, tensor<1x8x8xf32> -> tensor<?x4x?x8xf32>
  return %k, %m : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>
}
