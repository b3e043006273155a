// RUN: attn-opt %s --attn-groups-to-latent --split-input-file | FileCheck %s
// RUN: attn-opt %s --attn-groups-to-latent --attn-absorb-latent --split-input-file | FileCheck %s --check-prefix=ABSORBED

// CHECK-LABEL: func.func @two_groups(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x8xf32>, %[[K:[a-z0-9]+]]: tensor<?x2x?x8xf32>, %[[V:[a-z0-9]+]]: tensor<?x2x?x6xf32>
// CHECK-DAG:     %[[CK:.+]] = attn.join_heads %[[K]] : tensor<?x2x?x8xf32> -> tensor<?x1x?x16xf32>
// CHECK-DAG:     %[[WK:.+]] = attn.selection [0, 0, 1, 1] : tensor<4x16x8xf32>
// CHECK-DAG:     %[[EK:.+]] = attn.expand %[[CK]], %[[WK]]
// CHECK-DAG:     %[[CV:.+]] = attn.join_heads %[[V]]
// CHECK-DAG:     %[[WV:.+]] = attn.selection [0, 0, 1, 1] : tensor<4x12x6xf32>
// CHECK-DAG:     %[[EV:.+]] = attn.expand %[[CV]], %[[WV]]
// CHECK:         attn.attention %[[Q]], %[[EK]], %[[EV]]

// Absorbed, every query head meets the joined heads as one key head.
// ABSORBED-LABEL: func.func @two_groups(
// ABSORBED:         %[[A:.+]] = attn.expand %{{.+}}, %{{.+}} transposed : tensor<?x4x?x8xf32>, tensor<4x16x8xf32> -> tensor<?x4x?x16xf32>
// ABSORBED:         %[[O:.+]] = attn.attention %[[A]], %{{.+}}, %{{.+}} scale(0.25) mask(<causal>) : tensor<?x4x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x12xf32> -> tensor<?x4x?x12xf32>
// ABSORBED:         attn.expand %[[O]]
func.func @two_groups(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x6xf32>) -> tensor<?x4x?x6xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>)
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32> -> tensor<?x4x?x6xf32>
  return %o : tensor<?x4x?x6xf32>
}

// -----

// Uneven groups by a table, other groups of values, keys rotated before: all are picked.
// CHECK-LABEL: func.func @uneven_groups(
// CHECK:         attn.selection [0, 1, 1, 1] : tensor<4x16x8xf32>
// CHECK:         attn.selection [0, 0, 0, 0] : tensor<4x8x8xf32>
// CHECK:         attn.attention %{{.+}}, %{{.+}}, %{{.+}} scale(0.25) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>
func.func @uneven_groups(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x1x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %r = attn.rope %k <dims = 8> : tensor<?x2x?x8xf32>
  %o = attn.attention %q, %r, %v scale(0.25) heads(key = [0, 1, 1, 1])
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// -----

// One head is a latent already.
// CHECK-LABEL: func.func @multi_query(
// CHECK-NOT:     attn.join_heads
func.func @multi_query(%q: tensor<?x4x?x8xf32>, %k: tensor<?x1x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %o = attn.attention %q, %k, %k scale(0.25)
      : tensor<?x4x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}
