// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v4 --attn-tile --attn-lower-cpu | FileCheck %s

// Items count row tiles slowest: with `longest_first` item 0 has the last tile, whose rows see the most keys under a causal mask.
// CHECK-LABEL: func.func private @longest_first_work0_item(
// CHECK: %[[TILES:.*]] = arith.divui
// CHECK: arith.select
// CHECK: arith.select
// CHECK-NEXT: %[[TILE:.*]] = arith.addi
// CHECK-NEXT: %[[MINUS_ONE:.*]] = arith.constant -1 : index
// CHECK-NEXT: %[[LAST:.*]] = arith.addi %[[TILES]], %[[MINUS_ONE]] : index
// CHECK-NEXT: arith.subi %[[LAST]], %[[TILE]] : index

// CHECK-LABEL: func.func private @linear_work1_item(
// CHECK: arith.cmpi uge
// CHECK: arith.cmpi uge
// CHECK: arith.select
// CHECK: arith.select
// CHECK-NEXT: %[[TILE:.*]] = arith.addi
// CHECK-NEXT: arith.muli %[[TILE]],
func.func @longest_first(%q: tensor<?x1x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>) schedule<rows = 16, keys = 16, panels = 1, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, order = longest_first> : tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x1x?x16xf32>
  return %o : tensor<?x1x?x16xf32>
}
func.func @linear(%q: tensor<?x1x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>) schedule<rows = 16, keys = 16, panels = 1, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, order = linear> : tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x1x?x16xf32>
  return %o : tensor<?x1x?x16xf32>
}
