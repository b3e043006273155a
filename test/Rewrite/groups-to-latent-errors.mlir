// RUN: attn-opt %s --attn-groups-to-latent=strict --split-input-file --verify-diagnostics

func.func @reversed_grouping(%q: tensor<?x2x?x8xf32>, %k: tensor<?x4x?x8xf32>, %v: tensor<?x4x?x8xf32>) -> tensor<?x4x?x8xf32> {
  // expected-error @below {{expected one query head per score head, in order, found 2 query heads for 4 score heads; the weights of a latent are counted by query heads}}
  %o = attn.attention %q, %k, %v scale(0.25)
      : tensor<?x2x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}
