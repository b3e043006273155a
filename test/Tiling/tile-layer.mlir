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

// -----

// Tokens before the first: what a call remembers, and what it leaves to the next.
// CHECK-LABEL: func.func @going_on(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x2x?x8xf32, {{[^{]*}}> {attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[S:[^:]*]]: memref<?x2x2x8xf32, {{[^{]*}}> {attn.sizes = ["s0", "", "", ""]}
// CHECK-SAME: %[[Y:[^:]*]]: memref<?x2x?x8xf32, {{[^{]*}}> {attn.output, attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[Z:[^:]*]]: memref<?x2x?x8xf32, {{[^{]*}}> {attn.output, attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[NEXT:[^:]*]]: memref<?x2x2x8xf32, {{[^{]*}}> {attn.output, attn.sizes = ["s0", "", "", ""]}
// CHECK: scf.parallel
// CHECK:   memref.load %[[S]]
// CHECK:   memref.load %[[X]]
// CHECK:   memref.store %{{.*}}, %[[Y]]
// CHECK: scf.parallel
// CHECK:   scf.if
// CHECK:     memref.load %[[S]]
// CHECK:     memref.store %{{.*}}, %[[Z]]
// CHECK:   else
// CHECK:     memref.load %[[X]]
// CHECK:     memref.store %{{.*}}, %[[Z]]
// CHECK: scf.parallel
// CHECK:   scf.if
// CHECK:     memref.load %[[S]]
// CHECK:     memref.store %{{.*}}, %[[NEXT]]
func.func @going_on(%x: tensor<?x2x?x8xf32>, %s: tensor<?x2x2x8xf32>, %w: tensor<2x3x8xf32>) -> (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x2x8xf32>) {
  %y = attn.short_conv %x, %w after(%s : tensor<?x2x2x8xf32>) : tensor<?x2x?x8xf32>, tensor<2x3x8xf32>
  %z = attn.shift %x by 2 after(%s : tensor<?x2x2x8xf32>) : tensor<?x2x?x8xf32>
  %next = attn.carry %s, %x : tensor<?x2x2x8xf32>, tensor<?x2x?x8xf32>
  return %y, %z, %next : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x2x8xf32>
}

// -----

// The newest tokens are a view, so the cache has as many; a slot is read before it is written to.
// CHECK-LABEL: func.func @last_slot(
// CHECK-SAME: %[[C:[^:]*]]: memref<?x1x?x8xf32, {{.*}}> {attn.sizes = ["s0", "", "s1;>=2", ""]}
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x1x?x8xf32, {{.*}}> {attn.output
// CHECK: %[[VIEW:.*]] = memref.subview %[[C]][0, 0, %{{.*}}, 0] [%{{.*}}, 1, 2, 8]
// CHECK: scf.parallel
// CHECK:   memref.load %[[VIEW]]
// CHECK: memref.extract_aligned_pointer_as_index %[[C]]
func.func @last_slot(%cache: tensor<?x1x?x8xf32>) -> tensor<?x1x?x8xf32> {
  %n = attn.newest %cache : tensor<?x1x?x8xf32> -> tensor<?x1x2x8xf32>
  %h = attn.scale %n by 0.5 : tensor<?x1x2x8xf32>
  %r = attn.append %cache, %h : tensor<?x1x?x8xf32>, tensor<?x1x2x8xf32>
  return %r : tensor<?x1x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @after_a_projection(
// CHECK-SAME: %[[B:arg1]]: memref<2x8xbf16
// CHECK: memref.load %[[B]][%{{.*}}, %{{.*}}]
// CHECK: arith.addf {{.*}} : f32
// CHECK: arith.maximumf
// CHECK: arith.minimumf
func.func @after_a_projection(%x: tensor<?x2x?x8xbf16>, %b: tensor<2x8xbf16>) -> tensor<?x2x?x8xbf16> {
  %y = attn.bias %x, %b : tensor<?x2x?x8xbf16>, tensor<2x8xbf16>
  %z = attn.clamp %y to 6.0 : tensor<?x2x?x8xbf16>
  return %z : tensor<?x2x?x8xbf16>
}
