// RUN: attn-opt %s --attn-expand-latent | FileCheck %s
// RUN: attn-opt %s --attn-expand-latent=strict --attn-absorb-latent=strict | FileCheck %s --check-prefix=BACK

// The second run expands and absorbs again: what comes out is what went in.

// CHECK-LABEL: func.func @mla(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x24xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x40xf32>
// CHECK-SAME:    %[[KU:[a-z0-9]+]]: tensor<4x32x16xf32>
// CHECK-SAME:    %[[VU:[a-z0-9]+]]: tensor<4x32x12xf32>
// BACK-LABEL: func.func @mla(
// BACK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x24xf32>
// BACK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x40xf32>
func.func @mla(%q: tensor<?x4x?x24xf32>, %c: tensor<?x1x?x40xf32>, %ku: tensor<4x32x16xf32>, %vu: tensor<4x32x12xf32>)
    -> tensor<?x4x?x12xf32> {
  // CHECK-DAG: %[[L:.+]] = attn.columns %[[C]] from 0 : tensor<?x1x?x40xf32> -> tensor<?x1x?x32xf32>
  // CHECK-DAG: %[[N:.+]] = attn.expand %{{.+}}, %[[KU]] : tensor<?x1x?x32xf32>, {{.*}} -> tensor<?x4x?x16xf32>
  // CHECK-DAG: %[[P:.+]] = attn.columns %[[C]] from 32 : tensor<?x1x?x40xf32> -> tensor<?x1x?x8xf32>
  // CHECK-DAG: %[[K:.+]] = attn.concat %[[N]], %[[P]]
  // CHECK-DAG: %[[V:.+]] = attn.expand %{{.+}}, %[[VU]] : tensor<?x1x?x32xf32>, {{.*}} -> tensor<?x4x?x12xf32>
  // CHECK:     %[[O:.+]] = attn.attention %[[Q]], %[[K]], %[[V]] scale(0.25)
  // CHECK:     return %[[O]]
  // BACK:      %[[A:.+]] = attn.concat
  // BACK:      %[[O:.+]] = attn.attention %[[A]], %[[C]], %{{.+}} scale(0.25)
  // BACK:      %[[E:.+]] = attn.expand %[[O]]
  // BACK:      return %[[E]]
  %v = attn.columns %c from 0 : tensor<?x1x?x40xf32> -> tensor<?x1x?x32xf32>
  %qn = attn.columns %q from 0 : tensor<?x4x?x24xf32> -> tensor<?x4x?x16xf32>
  %qa = attn.expand %qn, %ku transposed : tensor<?x4x?x16xf32>, tensor<4x32x16xf32> -> tensor<?x4x?x32xf32>
  %qp = attn.columns %q from 16 : tensor<?x4x?x24xf32> -> tensor<?x4x?x8xf32>
  %a = attn.concat %qa, %qp : tensor<?x4x?x32xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x40xf32>
  %o = attn.attention %a, %c, %v scale(0.25)
      : tensor<?x4x?x40xf32>, tensor<?x1x?x40xf32>, tensor<?x1x?x32xf32> -> tensor<?x4x?x32xf32>
  %e = attn.expand %o, %vu : tensor<?x4x?x32xf32>, tensor<4x32x12xf32> -> tensor<?x4x?x12xf32>
  return %e : tensor<?x4x?x12xf32>
}

// Weights follow the query heads, so the new key heads are read as the query heads are.
// CHECK-LABEL: func.func @query_table(
func.func @query_table(%x: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>) -> tensor<?x4x?x4xf32> {
  // CHECK: attn.attention %{{.+}}, %{{.+}}, %{{.+}} scale(1.0) heads(query = [0, 1, 1, 0], key = [0, 1, 1, 0])
  %q = attn.expand %x, %w transposed : tensor<?x2x?x8xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x4xf32>
  %o = attn.attention %q, %c, %c scale(1.0) heads(query = [0, 1, 1, 0])
      : tensor<?x2x?x4xf32>, tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32> -> tensor<?x4x?x4xf32>
  return %o : tensor<?x4x?x4xf32>
}

// A plain projection belongs to the query.
// CHECK-LABEL: func.func @query_projection(
func.func @query_projection(%x: tensor<?x1x?x8xf32>, %k: tensor<?x1x?x8xf32>, %w: tensor<2x8x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: %[[Q:.+]] = attn.expand
  // CHECK: attn.attention %[[Q]],
  %q = attn.expand %x, %w : tensor<?x1x?x8xf32>, tensor<2x8x8xf32> -> tensor<?x2x?x8xf32>
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
