// RUN: attn-opt %s --attn-fold-heads | FileCheck %s
// RUN: attn-opt %s --attn-fold-heads=strict | FileCheck %s

// What people write as repeat_kv is the even default.
// CHECK-LABEL: func.func @repeated(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<?x4x?x8xf32>, %[[K:[a-z0-9]+]]: tensor<?x2x?x8xf32>, %[[V:[a-z0-9]+]]: tensor<?x2x?x8xf32>
func.func @repeated(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  // CHECK-NEXT: %[[O:.+]] = attn.attention %[[Q]], %[[K]], %[[V]] scale(1.0) :
  // CHECK-NEXT: return %[[O]]
  %ks = attn.select_heads %k [0, 0, 1, 1] : tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  %vs = attn.select_heads %v [0, 0, 1, 1] : tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  %o = attn.attention %q, %ks, %vs scale(1.0)
      : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// Uneven groups need a table; only the axis that differs gets one.
// CHECK-LABEL: func.func @uneven(
func.func @uneven(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  // CHECK: attn.attention {{.*}} heads(key = [0, 0, 0, 1]) : {{.*}}, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
  %s = attn.select_heads %k [0, 0, 0, 1] : tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  %o = attn.attention %q, %s, %k scale(1.0)
      : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// Selections compose with each other and with the table that was there.
// CHECK-LABEL: func.func @composed(
func.func @composed(%q: tensor<?x4x?x8xf32>, %k: tensor<?x3x?x8xf32>) -> tensor<?x4x?x8xf32> {
  // CHECK: attn.attention {{.*}} heads(key = [1, 1, 2, 2], value = [1, 1, 2, 2])
  %a = attn.select_heads %k [2, 1] : tensor<?x3x?x8xf32> -> tensor<?x2x?x8xf32>
  %b = attn.select_heads %a [0, 0, 1, 1] : tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  %o = attn.attention %q, %b, %b scale(1.0) heads(key = [3, 2, 1, 0], value = [2, 3, 0, 1])
      : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// Where no axis counts the score heads any more, a table does.
// CHECK-LABEL: func.func @all_shared(
func.func @all_shared(%q: tensor<?x1x?x8xf32>, %k: tensor<?x1x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // CHECK: attn.attention {{.*}} heads(key = [0, 0]) : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>
  %qs = attn.select_heads %q [0, 0] : tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  %o = attn.attention %qs, %k, %k scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
