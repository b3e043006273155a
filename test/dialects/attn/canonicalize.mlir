// Folds and canonicalisation: each pattern, and a neighbour that must stay.
// RUN: attn-opt %s --canonicalize --split-input-file | FileCheck %s

//===----------------------------------------------------------------------===//
// attn.attention
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @mask_that_hides_nothing_is_dropped
// CHECK: attn.attention %{{.*}} scale(1.0) : tensor
func.func @mask_that_hides_nothing_is_dropped(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) mask(<all>) : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @mask_that_hides_stays
// CHECK: mask(<none>)
func.func @mask_that_hides_stays(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) mask(<none>) : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @identity_score_is_dropped
// CHECK: attn.attention
// CHECK-NOT: score
// CHECK: return
func.func @identity_score_is_dropped(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %unused = math.tanh %s : f32
    attn.yield %s : f32
  } : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @score_that_changes_stays
// CHECK: score {
// CHECK: arith.negf
func.func @score_that_changes_stays(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %n = arith.negf %s : f32
    attn.yield %n : f32
  } : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @even_tables_are_dropped
// CHECK-NOT: heads(
// CHECK: return
func.func @even_tables_are_dropped(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %o = attn.attention %q, %k, %k scale(1.0) heads(query = [0, 1, 2, 3], key = [0, 0, 1, 1], value = [0, 0, 1, 1])
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// CHECK-LABEL: func @uneven_table_stays
// CHECK: heads(key = [0, 0, 0, 1])
func.func @uneven_table_stays(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %o = attn.attention %q, %k, %k scale(1.0) heads(query = [0, 1, 2, 3], key = [0, 0, 0, 1])
      : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// The tables say that there are four score heads, which the operands alone do not.
// CHECK-LABEL: func @tables_that_define_the_score_heads_stay
// CHECK: heads(query = [0, 0, 1, 1], key = [0, 0, 1, 1])
func.func @tables_that_define_the_score_heads_stay(%x: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) heads(query = [0, 0, 1, 1], key = [0, 0, 1, 1])
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %o : tensor<?x4x?x8xf32>
}

// CHECK-LABEL: func @unused_attention_is_removed
// CHECK-NEXT: return
func.func @unused_attention_is_removed(%x: tensor<?x2x?x8xf32>) {
  %o = attn.attention %x, %x, %x scale(1.0) : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// attn.lookup
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @lookup_by_constant_is_a_constant
// CHECK: %[[C:.*]] = arith.constant 2.500000e-01 : f32
// CHECK: return %[[C]]
func.func @lookup_by_constant_is_a_constant() -> f32 {
  %i = arith.constant 1 : index
  %m = attn.lookup %i in [0.5, 0.25]
  return %m : f32
}

// CHECK-LABEL: func @lookup_in_equal_numbers_is_a_constant
// CHECK: %[[C:.*]] = arith.constant 5.000000e-01 : f32
// CHECK: return %[[C]]
func.func @lookup_in_equal_numbers_is_a_constant(%i: index) -> f32 {
  %m = attn.lookup %i in [0.5, 0.5]
  return %m : f32
}

// CHECK-LABEL: func @lookup_outside_the_table_stays
// CHECK: attn.lookup %{{.*}} in [0.5, 0.25]
// CHECK: attn.lookup %{{.*}} in [0.5, 0.25]
func.func @lookup_outside_the_table_stays() -> (f32, f32) {
  %past = arith.constant 2 : index
  %before = arith.constant -1 : index
  %m = attn.lookup %past in [0.5, 0.25]
  %n = attn.lookup %before in [0.5, 0.25]
  return %m, %n : f32, f32
}

// -----

//===----------------------------------------------------------------------===//
// attn.columns, attn.concat
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @all_columns_are_the_input
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @all_columns_are_the_input(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %c = attn.columns %x from 0 : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %c : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @columns_of_columns_are_columns
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[C:.*]] = attn.columns %[[X]] from 12 : tensor<?x2x?x32xf32> -> tensor<?x2x?x4xf32>
// CHECK-NEXT: return %[[C]]
func.func @columns_of_columns_are_columns(%x: tensor<?x2x?x32xf32>) -> tensor<?x2x?x4xf32> {
  %a = attn.columns %x from 8 : tensor<?x2x?x32xf32> -> tensor<?x2x?x16xf32>
  %b = attn.columns %a from 4 : tensor<?x2x?x16xf32> -> tensor<?x2x?x4xf32>
  return %b : tensor<?x2x?x4xf32>
}

// CHECK-LABEL: func @concat_of_one_part_is_the_part
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @concat_of_one_part_is_the_part(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %c = attn.concat %x : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %c : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @concat_of_all_columns_in_order_is_the_tensor
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @concat_of_all_columns_in_order_is_the_tensor(%x: tensor<?x2x?x24xf32>) -> tensor<?x2x?x24xf32> {
  %a = attn.columns %x from 0 : tensor<?x2x?x24xf32> -> tensor<?x2x?x8xf32>
  %b = attn.columns %x from 8 : tensor<?x2x?x24xf32> -> tensor<?x2x?x16xf32>
  %c = attn.concat %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?x16xf32> -> tensor<?x2x?x24xf32>
  return %c : tensor<?x2x?x24xf32>
}

// CHECK-LABEL: func @concat_of_columns_out_of_order_stays
// CHECK: attn.concat
func.func @concat_of_columns_out_of_order_stays(%x: tensor<?x2x?x16xf32>) -> tensor<?x2x?x16xf32> {
  %a = attn.columns %x from 0 : tensor<?x2x?x16xf32> -> tensor<?x2x?x8xf32>
  %b = attn.columns %x from 8 : tensor<?x2x?x16xf32> -> tensor<?x2x?x8xf32>
  %c = attn.concat %b, %a : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x16xf32>
  return %c : tensor<?x2x?x16xf32>
}

// CHECK-LABEL: func @concat_of_columns_of_two_tensors_stays
// CHECK: attn.concat
func.func @concat_of_columns_of_two_tensors_stays(%x: tensor<?x2x?x16xf32>, %y: tensor<?x2x?x16xf32>) -> tensor<?x2x?x16xf32> {
  %a = attn.columns %x from 0 : tensor<?x2x?x16xf32> -> tensor<?x2x?x8xf32>
  %b = attn.columns %y from 8 : tensor<?x2x?x16xf32> -> tensor<?x2x?x8xf32>
  %c = attn.concat %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x16xf32>
  return %c : tensor<?x2x?x16xf32>
}

// CHECK-LABEL: func @concat_of_some_of_the_columns_stays
// CHECK: attn.concat
func.func @concat_of_some_of_the_columns_stays(%x: tensor<?x2x?x24xf32>) -> tensor<?x2x?x16xf32> {
  %a = attn.columns %x from 0 : tensor<?x2x?x24xf32> -> tensor<?x2x?x8xf32>
  %b = attn.columns %x from 8 : tensor<?x2x?x24xf32> -> tensor<?x2x?x8xf32>
  %c = attn.concat %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x16xf32>
  return %c : tensor<?x2x?x16xf32>
}

// A part with one head stays shared after flattening.
// CHECK-LABEL: func @nested_concat_is_flattened
// CHECK-SAME: %[[A:.*]]: tensor<?x4x?x8xf32>, %[[B:.*]]: tensor<?x1x?x8xf32>
// CHECK-NEXT: %[[C:.*]] = attn.concat %[[A]], %[[B]], %[[A]] : tensor<?x4x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x24xf32>
// CHECK-NEXT: return %[[C]]
func.func @nested_concat_is_flattened(%a: tensor<?x4x?x8xf32>, %b: tensor<?x1x?x8xf32>) -> tensor<?x4x?x24xf32> {
  %i = attn.concat %a, %b : tensor<?x4x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x4x?x16xf32>
  %o = attn.concat %i, %a : tensor<?x4x?x16xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x24xf32>
  return %o : tensor<?x4x?x24xf32>
}

// -----

//===----------------------------------------------------------------------===//
// attn.select_heads, attn.scale, attn.merge
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @heads_in_order_are_the_input
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @heads_in_order_are_the_input(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %h = attn.select_heads %x [0, 1] : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %h : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @heads_swapped_stay
// CHECK: attn.select_heads %{{.*}} [1, 0]
func.func @heads_swapped_stay(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %h = attn.select_heads %x [1, 0] : tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %h : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @scale_by_one_is_the_input
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @scale_by_one_is_the_input(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %x by 1.0 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @scale_by_minus_one_stays
// CHECK: attn.scale %{{.*}} by -1.0
func.func @scale_by_minus_one_stays(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %x by -1.0 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func @merge_of_one_part_is_the_part
// CHECK-SAME: %[[O:.*]]: tensor<?x2x?x8xf32>, %[[L:.*]]: tensor<?x2x?xf32>
// CHECK-NEXT: return %[[O]], %[[L]]
func.func @merge_of_one_part_is_the_part(%o: tensor<?x2x?x8xf32>, %l: tensor<?x2x?xf32>) -> (tensor<?x2x?x8xf32>, tensor<?x2x?xf32>) {
  %a, %b = attn.merge %o lse %l : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
  return %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
}

// CHECK-LABEL: func @merge_of_two_parts_stays
// CHECK: attn.merge
func.func @merge_of_two_parts_stays(%o: tensor<?x2x?x8xf32>, %l: tensor<?x2x?xf32>) -> tensor<?x2x?x8xf32> {
  %a, %b = attn.merge %o, %o lse %l, %l : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
  return %a : tensor<?x2x?x8xf32>
}
