// RUN: attn-opt %s --attn-alias-value=strict --split-input-file --verify-diagnostics

// The keys' rotary part has two heads, the values one: no tile of the keys holds them for both.
func.func @heads_differ(%q: tensor<?x8x?x12xf32>, %c: tensor<?x1x?x8xf32>, %r: tensor<?x2x?x4xf32>) -> tensor<?x8x?x8xf32> {
  %k = attn.concat %c, %r : tensor<?x1x?x8xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x12xf32>
  // expected-error @below {{expected each score head to read its key and its value from one head, found 2 key heads and 1 value heads; the values stay a load of their own}}
  %o = attn.attention %q, %k, %c scale(0.25)
      : tensor<?x8x?x12xf32>, tensor<?x2x?x12xf32>, tensor<?x1x?x8xf32> -> tensor<?x8x?x8xf32>
  return %o : tensor<?x8x?x8xf32>
}
