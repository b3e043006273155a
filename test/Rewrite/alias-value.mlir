// RUN: attn-opt %s --attn-alias-value --split-input-file | FileCheck %s

// The latent is the first part of the keys.
// CHECK-LABEL: func.func @latent_before_the_rotary_key(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x8x?x12xf32>
// CHECK:         %[[K:.+]] = attn.concat
// CHECK:         %[[V:.+]] = attn.columns %[[K]] from 0 : tensor<?x1x?x12xf32> -> tensor<?x1x?x8xf32>
// CHECK:         attn.attention %[[Q]], %[[K]], %[[V]]
func.func @latent_before_the_rotary_key(%q: tensor<?x8x?x12xf32>, %c: tensor<?x1x?x8xf32>, %r: tensor<?x1x?x4xf32>) -> tensor<?x8x?x8xf32> {
  %k = attn.concat %c, %r : tensor<?x1x?x8xf32>, tensor<?x1x?x4xf32> -> tensor<?x1x?x12xf32>
  %o = attn.attention %q, %k, %c scale(0.25) mask(<causal>)
      : tensor<?x8x?x12xf32>, tensor<?x1x?x12xf32>, tensor<?x1x?x8xf32> -> tensor<?x8x?x8xf32>
  return %o : tensor<?x8x?x8xf32>
}

// -----

// Values inside a later part: the part's place and the range's add up.
// CHECK-LABEL: func.func @columns_of_a_later_part(
// CHECK:         %[[K:.+]] = attn.concat
// CHECK:         %[[V:.+]] = attn.columns %[[K]] from 6 : tensor<?x2x?x12xf32> -> tensor<?x2x?x4xf32>
// CHECK:         attn.attention %{{.+}}, %[[K]], %[[V]]
func.func @columns_of_a_later_part(%q: tensor<?x4x?x12xf32>, %r: tensor<?x1x?x4xf32>, %c: tensor<?x2x?x8xf32>) -> tensor<?x4x?x4xf32> {
  %k = attn.concat %r, %c : tensor<?x1x?x4xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x12xf32>
  %v = attn.columns %c from 2 : tensor<?x2x?x8xf32> -> tensor<?x2x?x4xf32>
  %o = attn.attention %q, %k, %v scale(0.25)
      : tensor<?x4x?x12xf32>, tensor<?x2x?x12xf32>, tensor<?x2x?x4xf32> -> tensor<?x4x?x4xf32>
  return %o : tensor<?x4x?x4xf32>
}

// -----

// Nothing to do, and nothing said: values of their own, and a range that is one already.
// CHECK-LABEL: func.func @values_from_elsewhere(
// CHECK-NOT:     attn.columns
// CHECK:         attn.attention
func.func @values_from_elsewhere(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %o = attn.attention %q, %k, %v scale(0.25)
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}
