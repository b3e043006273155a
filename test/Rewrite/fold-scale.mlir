// RUN: attn-opt %s --attn-fold-scale | FileCheck %s
// RUN: attn-opt %s --attn-fold-scale=strict | FileCheck %s

// CHECK-LABEL: func.func @query_and_key(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x2x?x8xf32>, %[[K:[a-z0-9]+]]: tensor<?x2x?x8xf32>
func.func @query_and_key(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK-NOT: attn.scale
  // CHECK: attn.attention %[[Q]], %[[K]], %{{.+}} scale(0.125)
  %qs = attn.scale %q by 0.5 : tensor<?x2x?x8xf32>
  %ks = attn.scale %k by 0.25 : tensor<?x2x?x8xf32>
  %o = attn.attention %qs, %ks, %v scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// One factor for two operands counts twice.
// CHECK-LABEL: func.func @same_tensor(
func.func @same_tensor(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: %[[O:.+]] = attn.attention %[[X:.+]], %[[X]], %[[X]] scale(4.0)
  // CHECK: attn.scale %[[O]] by 2.0
  %s = attn.scale %x by 2.0 : tensor<?x2x?x8xf32>
  %o = attn.attention %s, %s, %s scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// A rotation is linear: the factor below it comes out.
// CHECK-LABEL: func.func @below_rotation(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x2x?x8xf32>
func.func @below_rotation(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: %[[R:.+]] = attn.rope %[[Q]]
  // CHECK: attn.attention %[[R]], %{{.+}} scale(3.0)
  %s = attn.scale %q by 3.0 : tensor<?x2x?x8xf32>
  %r = attn.rope %s <dims = 8> : tensor<?x2x?x8xf32>
  %o = attn.attention %r, %k, %k scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// A scaled tensor that others read stays for them.
// CHECK-LABEL: func.func @read_elsewhere(
func.func @read_elsewhere(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) {
  // CHECK: %[[S:.+]] = attn.scale
  // CHECK: attn.attention {{.*}} scale(0.5)
  // CHECK: return %[[S]],
  %s = attn.scale %q by 0.5 : tensor<?x2x?x8xf32>
  %o = attn.attention %s, %k, %k scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %s, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
}

// The log-sum-exp does not see the values.
// CHECK-LABEL: func.func @values(
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<?x2x?x8xf32>)
func.func @values(%q: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> (tensor<?x2x?x8xf32>, tensor<?x2x?xf32>) {
  // CHECK: %[[O:.+]], %[[L:.+]] = attn.attention %{{.+}}, %{{.+}}, %[[V]] scale(1.0)
  // CHECK: %[[S:.+]] = attn.scale %[[O]] by 0.3
  // CHECK: return %[[S]], %[[L]]
  %s = attn.scale %v by 0.3 : tensor<?x2x?x8xf32>
  %o, %l = attn.attention %q, %q, %s scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
  return %o, %l : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
}

// max(s, 0) grows with a positive factor, so that one on the output is one on the scores.
// CHECK-LABEL: func.func @output_under_relu(
func.func @output_under_relu(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: %[[O:.+]] = attn.attention {{.*}} scale(0.25) normalizer<relu>
  // CHECK: return %[[O]]
  %o = attn.attention %q, %q, %q scale(0.5) normalizer<relu>
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  %s = attn.scale %o by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}
