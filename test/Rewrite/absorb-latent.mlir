// RUN: attn-opt %s --attn-absorb-latent | FileCheck %s
// RUN: attn-opt %s --attn-absorb-latent=strict | FileCheck %s

// Both laws, and the shared rotary part: keys become the cache itself.
// CHECK-LABEL: func.func @mla(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x24xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<?x1x?x40xf32>
// CHECK-SAME:    %[[KU:[a-z0-9]+]]: tensor<4x32x16xf32>
// CHECK-SAME:    %[[VU:[a-z0-9]+]]: tensor<4x32x12xf32>
func.func @mla(%q: tensor<?x4x?x24xf32>, %c: tensor<?x1x?x40xf32>, %ku: tensor<4x32x16xf32>, %vu: tensor<4x32x12xf32>)
    -> (tensor<?x4x?x12xf32>, tensor<?x4x?xf32>) {
  // CHECK-DAG: %[[V:.+]] = attn.columns %[[C]] from 0 : tensor<?x1x?x40xf32> -> tensor<?x1x?x32xf32>
  // CHECK-DAG: %[[QN:.+]] = attn.columns %[[Q]] from 0 : tensor<?x4x?x24xf32> -> tensor<?x4x?x16xf32>
  // CHECK-DAG: %[[QA:.+]] = attn.expand %[[QN]], %[[KU]] transposed : {{.*}} -> tensor<?x4x?x32xf32>
  // CHECK-DAG: %[[QP:.+]] = attn.columns %[[Q]] from 16 : tensor<?x4x?x24xf32> -> tensor<?x4x?x8xf32>
  // CHECK:     %[[A:.+]] = attn.concat %[[QA]], %[[QP]]
  // CHECK-NOT: attn.columns
  // CHECK:     %[[O:.+]], %[[L:.+]] = attn.attention %[[A]], %[[C]], %[[V]] scale(0.25) mask(<causal>)
  // CHECK-NOT: heads(
  // CHECK-SAME:  -> tensor<?x4x?x32xf32>, tensor<?x4x?xf32>
  // CHECK:     %[[E:.+]] = attn.expand %[[O]], %[[VU]] : {{.*}} -> tensor<?x4x?x12xf32>
  // CHECK:     return %[[E]], %[[L]]
  %l = attn.columns %c from 0 : tensor<?x1x?x40xf32> -> tensor<?x1x?x32xf32>
  %p = attn.columns %c from 32 : tensor<?x1x?x40xf32> -> tensor<?x1x?x8xf32>
  %n = attn.expand %l, %ku : tensor<?x1x?x32xf32>, tensor<4x32x16xf32> -> tensor<?x4x?x16xf32>
  %k = attn.concat %n, %p : tensor<?x4x?x16xf32>, tensor<?x1x?x8xf32> -> tensor<?x4x?x24xf32>
  %v = attn.expand %l, %vu : tensor<?x1x?x32xf32>, tensor<4x32x12xf32> -> tensor<?x4x?x12xf32>
  %o, %lse = attn.attention %q, %k, %v scale(0.25) mask(<causal>)
      : tensor<?x4x?x24xf32>, tensor<?x4x?x24xf32>, tensor<?x4x?x12xf32> -> tensor<?x4x?x12xf32>, tensor<?x4x?xf32>
  return %o, %lse : tensor<?x4x?x12xf32>, tensor<?x4x?xf32>
}

// A weight that all heads share suits any grouping; the head map stays.
// CHECK-LABEL: func.func @shared_weight(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x6x?x8xf32>
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<?x2x?x4xf32>
func.func @shared_weight(%q: tensor<?x6x?x8xf32>, %c: tensor<?x2x?x4xf32>, %v: tensor<?x2x?x8xf32>, %w: tensor<1x4x8xf32>)
    -> tensor<?x6x?x8xf32> {
  // CHECK: %[[A:.+]] = attn.expand %[[Q]], %{{.+}} transposed : {{.*}} -> tensor<?x6x?x4xf32>
  // CHECK: attn.attention %[[A]], %[[K]], %{{.+}} scale(1.0) heads(key = [0, 0, 0, 0, 1, 1])
  %k = attn.expand %c, %w : tensor<?x2x?x4xf32>, tensor<1x4x8xf32> -> tensor<?x2x?x8xf32>
  %o = attn.attention %q, %k, %v scale(1.0) heads(key = [0, 0, 0, 0, 1, 1])
      : tensor<?x6x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x6x?x8xf32>
  return %o : tensor<?x6x?x8xf32>
}

// A weight that was written transposed goes back.
// CHECK-LABEL: func.func @transposed_weight(
func.func @transposed_weight(%q: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %v: tensor<?x1x?x8xf32>, %w: tensor<2x8x4xf32>)
    -> tensor<?x2x?x8xf32> {
  // CHECK: attn.expand %{{.+}}, %{{.+}} : tensor<?x2x?x8xf32>, tensor<2x8x4xf32> -> tensor<?x2x?x4xf32>
  %k = attn.expand %c, %w transposed : tensor<?x1x?x4xf32>, tensor<2x8x4xf32> -> tensor<?x2x?x8xf32>
  %o = attn.attention %q, %k, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// Two expanded heads become one that both score heads read; the two score heads are kept by a table
// because no axis counts them any more.
// CHECK-LABEL: func.func @score_heads_kept(
func.func @score_heads_kept(%q: tensor<?x1x?x8xf32>, %c: tensor<?x1x?x4xf32>, %v: tensor<?x1x?x8xf32>, %w: tensor<1x4x8xf32>)
    -> tensor<?x2x?x8xf32> {
  // CHECK: attn.attention %{{.+}}, %{{.+}}, %{{.+}} scale(1.0) heads(key = [0, 0])
  %k = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<1x4x8xf32> -> tensor<?x1x?x8xf32>
  %o = attn.attention %q, %k, %v scale(1.0) heads(value = [0, 0])
      : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// Every normaliser is linear in the values.
// CHECK-LABEL: func.func @values_under_relu(
func.func @values_under_relu(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x16xf32>)
    -> tensor<?x2x?x16xf32> {
  // CHECK: %[[O:.+]] = attn.attention {{.*}} normalizer<relu> {{.*}} -> tensor<?x2x?x4xf32>
  // CHECK: attn.expand %[[O]], %{{.+}} : {{.*}} -> tensor<?x2x?x16xf32>
  %v = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x16xf32> -> tensor<?x2x?x16xf32>
  %o = attn.attention %q, %k, %v scale(1.0) normalizer<relu>
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x16xf32> -> tensor<?x2x?x16xf32>
  return %o : tensor<?x2x?x16xf32>
}

// An expansion of the query is no expansion of keys: nothing to do, nothing to say.
// CHECK-LABEL: func.func @query_projection(
func.func @query_projection(%x: tensor<?x1x?x8xf32>, %k: tensor<?x1x?x8xf32>, %w: tensor<2x8x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: %[[Q:.+]] = attn.expand
  // CHECK: attn.attention %[[Q]],
  %q = attn.expand %x, %w : tensor<?x1x?x8xf32>, tensor<2x8x8xf32> -> tensor<?x2x?x8xf32>
  %o = attn.attention %q, %k, %k scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
