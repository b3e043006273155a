// RUN: attn-opt %s --attn-expand-latent=strict --split-input-file --verify-diagnostics
// RUN: attn-opt %s --attn-expand-latent --split-input-file 2>&1 | FileCheck %s

// CHECK: remark: expected one key head, or one per query head

func.func @grouped_keys(%x: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x4xf32>, %w: tensor<4x4x8xf32>) -> tensor<?x4x?x4xf32> {
  %q = attn.expand %x, %w transposed : tensor<?x4x?x8xf32>, tensor<4x4x8xf32> -> tensor<?x4x?x4xf32>
  // expected-error @below {{expected one key head, or one per query head in the order of the score heads; found 2 key heads for 4 query heads; keep the keys absorbed}}
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x4x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x4x?x4xf32>
  return %o : tensor<?x4x?x4xf32>
}

// -----

func.func @rotated_after(%x: tensor<?x2x?x8xf32>, %k: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>) -> tensor<?x2x?x4xf32> {
  %a = attn.expand %x, %w transposed : tensor<?x2x?x8xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x4xf32>
  %q = attn.rope %a <dims = 4> : tensor<?x2x?x4xf32>
  // expected-error @below {{expected the transposed expansion to make the queries itself, found attn.rope in between; keep the keys absorbed}}
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x2x?x4xf32>, tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// -----

func.func @output_read_twice(%q: tensor<?x2x?x4xf32>, %k: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>)
    -> (tensor<?x2x?x4xf32>, tensor<?x2x?x8xf32>) {
  // expected-error @below {{expected the expansion to be the only reader of the output, found others; keep the output's expansion}}
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x2x?x4xf32>, tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x4xf32>
  %e = attn.expand %o, %w : tensor<?x2x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  return %o, %e : tensor<?x2x?x4xf32>, tensor<?x2x?x8xf32>
}

// -----

func.func @grouped_values(%q: tensor<?x4x?x4xf32>, %k: tensor<?x2x?x4xf32>, %w: tensor<4x4x8xf32>) -> tensor<?x4x?x8xf32> {
  // expected-error @below {{expected one weight head, or one per score head over values that are shared or have heads in that order; found 4 weight heads and 2 value heads for 4 score heads; keep the output's expansion}}
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x4x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x4x?x4xf32>
  %e = attn.expand %o, %w : tensor<?x4x?x4xf32>, tensor<4x4x8xf32> -> tensor<?x4x?x8xf32>
  return %e : tensor<?x4x?x8xf32>
}

// -----

func.func private @weight() -> tensor<2x4x8xf32>
func.func @weight_made_later(%q: tensor<?x2x?x4xf32>, %k: tensor<?x1x?x4xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error @below {{expected the weight of the output's expansion to exist before the attention, found it made later; move its maker up}}
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x2x?x4xf32>, tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x4xf32>
  %w = func.call @weight() : () -> tensor<2x4x8xf32>
  %e = attn.expand %o, %w : tensor<?x2x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  return %e : tensor<?x2x?x8xf32>
}
