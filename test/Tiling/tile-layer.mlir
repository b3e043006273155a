// RUN: attn-opt %s --split-input-file --attn-tile --attn-verify-tiled --canonicalize | FileCheck %s

// A cache has room for the rows, and its result may be its own memory: then the earlier tokens stay where they are.
// CHECK-LABEL: func.func @grown(
// CHECK-SAME: %[[C:[^:]*]]: memref<?x2x?x64xf32, {{.*}}> {attn.sizes = ["s0", "", "s1;>=s2", ""]}
// CHECK-SAME: %[[R:[^:]*]]: memref<?x2x?x64xf32, {{.*}}> {attn.sizes = ["s0", "", "s2", ""]}
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x2x?x64xf32, {{.*}}> {attn.output, attn.sizes = ["s0", "", "s1", ""]}
// CHECK-NOT: memref.alloc
// CHECK-DAG: %[[FROM:.*]] = memref.extract_aligned_pointer_as_index %[[C]]
// CHECK-DAG: %[[TO:.*]] = memref.extract_aligned_pointer_as_index %[[OUT]]
// CHECK: %[[ELSEWHERE:.*]] = arith.cmpi ne, %[[FROM]], %[[TO]]
// CHECK: scf.if %[[ELSEWHERE]]
// CHECK:   scf.parallel
// CHECK: scf.parallel
// CHECK:   memref.load %[[R]]
// CHECK:   memref.store %{{.*}}, %[[OUT]]
func.func @grown(%cache: tensor<?x2x?x64xf32>, %rows: tensor<?x2x?x64xf32>) -> tensor<?x2x?x64xf32> {
  %r = attn.append %cache, %rows : tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>
  return %r : tensor<?x2x?x64xf32>
}

// -----

// Hidden states are seen as the tokens of one head without a copy; output rows are as many.
// CHECK-LABEL: func.func @there_and_back(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x?x64xf32, {{.*}}> {attn.sizes = ["s0", "s1", ""]}
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x?x64xf32, {{.*}}> {attn.output, attn.sizes = ["s0", "s1", ""]}
// CHECK: memref.expand_shape %[[X]] {{\[\[}}0, 1], [2], [3]]
// CHECK: scf.parallel
// CHECK: vector.fma
// CHECK: vector.store %{{.*}}, %[[OUT]]
func.func @there_and_back(%x: tensor<?x?x64xf32>, %w: tensor<4x64x16xf32>, %o: tensor<4x16x64xf32>) -> tensor<?x?x64xf32> {
  %t = attn.tokens %x : tensor<?x?x64xf32> -> tensor<?x1x?x64xf32>
  %h = attn.expand %t, %w : tensor<?x1x?x64xf32>, tensor<4x64x16xf32> -> tensor<?x4x?x16xf32>
  %y = attn.project %h, %o : tensor<?x4x?x16xf32>, tensor<4x16x64xf32> -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}
