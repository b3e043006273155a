// RUN: attn-opt %s --attn-absorb-latent=strict --split-input-file --verify-diagnostics
// RUN: attn-opt %s --attn-absorb-latent --split-input-file 2>&1 | FileCheck %s

// Without `strict` the same sentences are remarks, and the module passes unchanged.
// CHECK: remark: expected the expansion to make the keys itself, found attn.rope in between
// CHECK: func.func @rotated_keys

func.func @rotated_keys(%q: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %v: tensor<?x2x?x8xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  %r = attn.rope %k <dims = 8> : tensor<?x2x?x8xf32>
  // expected-error @below {{expected the expansion to make the keys itself, found attn.rope in between, which turns by a token's position and does not commute with an expansion; keep them expanded}}
  %o = attn.attention %q, %r, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @normalised_part(%q: tensor<?x2x?x12xf32>, %c: tensor<?x1x?x4xf32>, %p: tensor<?x1x?x4xf32>,
                           %v: tensor<?x2x?x8xf32>, %w: tensor<2x4x8xf32>) -> tensor<?x2x?x8xf32> {
  %e = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  %n = attn.norm %e <kind = rms> : tensor<?x2x?x8xf32>
  %k = attn.concat %n, %p : tensor<?x2x?x8xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x12xf32>
  // expected-error @below {{found attn.norm in between, which divides by the length of the whole vector and does not commute}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x12xf32>, tensor<?x2x?x12xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @scaled_values(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %e = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  %v = attn.scale %e by 0.5 : tensor<?x2x?x8xf32>
  // expected-error @below {{expected the expansion to make the values itself, found attn.scale in between, which attn-fold-scale or attn-fold-heads removes; run it first}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @partly_expanded_values(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x2x?x12xf32> {
  %e = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  %v = attn.concat %e, %c : tensor<?x2x?x8xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x12xf32>
  // expected-error @below {{found attn.concat in between, so that only a part of each vector is an expansion; concatenate before expanding}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x12xf32> -> tensor<?x2x?x12xf32>
  return %o : tensor<?x2x?x12xf32>
}

// -----

// Each of two key heads serves two query heads, so there are two weights for four queries.
func.func @grouped_weights(%q: tensor<?x4x?x8xf32>, %c: tensor<?x1x?x4xf32>, %v: tensor<?x1x?x8xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x4x?x8xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  // expected-error @below {{expected key weights of one head, or one per query head in the order of the score heads; found 2 weight heads for 4 query heads; keep the keys expanded}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// -----

func.func @grouped_value_weights(%q: tensor<?x4x?x8xf32>, %k: tensor<?x1x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x4x?x8xf32> {
  %v = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  // expected-error @below {{expected value weights of one head, or one per score head in order; found 2 weight heads for 4 score heads; keep the values expanded}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x4x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// -----

func.func @planned_already(%q: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %v: tensor<?x2x?x8xf32>, %w: tensor<2x4x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  // expected-error @below {{expected an attention without a schedule, which a rewrite would make invalid; rewrite before planning}}
  %o = attn.attention %q, %k, %v scale(1.0) schedule<rows = 8, panels = 1, keys = 16>
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

// A gate is not linear: what it makes of an expansion is not an expansion.
func.func @gated_values(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>) -> tensor<?x2x?x8xf32> {
  %u = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %v = attn.gate %u by %u : tensor<?x2x?x8xf32>
  // expected-error @below {{expected the expansion to make the values itself, found attn.gate in between, which is not linear and does not commute with an expansion; keep them expanded}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @shifted_keys(%q: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>) -> tensor<?x2x?x8xf32> {
  %u = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %n = attn.shift %u by 1 : tensor<?x2x?x8xf32>
  // expected-error @below {{expected the expansion to make the keys itself, found attn.shift in between, which can come before the expansion; write it there}}
  %o = attn.attention %q, %n, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

// EL-attention's value bias would move past a softmax, but not past rows that see no key.
func.func @biased_values(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>, %b: tensor<2x8xf32>) -> tensor<?x2x?x8xf32> {
  %u = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %v = attn.bias %u, %b : tensor<?x2x?x8xf32>, tensor<2x8xf32>
  // expected-error @below {{found attn.bias in between, which adds a constant, so that it is not linear and does not commute}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @clipped_keys(%q: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>) -> tensor<?x2x?x8xf32> {
  %u = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %k = attn.clamp %u to 6.0 : tensor<?x2x?x8xf32>
  // expected-error @below {{found attn.clamp in between, which is not linear and does not commute}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @convolved_keys(%q: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>, %t: tensor<2x2x8xf32>) -> tensor<?x2x?x8xf32> {
  %u = attn.expand %c, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %k = attn.short_conv %u, %t : tensor<?x2x?x8xf32>, tensor<2x2x8xf32>
  // expected-error @below {{found attn.short_conv in between, which weighs each channel of a token by itself and does not commute}}
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
