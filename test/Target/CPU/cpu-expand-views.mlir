// RUN: attn-opt %s --attn-cpu-expand-views | FileCheck %s

// A row of a matrix: its place is arithmetic on the matrix's own stride.
// CHECK-LABEL: func.func @row
// CHECK-SAME: %[[M:.*]]: memref<?x64xf32>, %[[I:.*]]: index
// CHECK-NOT: memref.subview
// CHECK-NOT: affine.apply
// CHECK: %[[PLACE:.*]] = arith.muli %[[I]], %{{.*}} : index
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [%[[PLACE]]], sizes: [64], strides: [1]
func.func @row(%m: memref<?x64xf32>, %i: index) -> f32 {
  %c0 = arith.constant 0 : index
  %row = memref.subview %m[%i, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<64xf32, strided<[1], offset: ?>>
  %x = memref.load %row[%c0] : memref<64xf32, strided<[1], offset: ?>>
  return %x : f32
}

// A vector of one word to all lanes; scalars stay, LLVM's conversion has them.
// CHECK-LABEL: func.func @lanes
// CHECK: %[[WORD:.*]] = vector.extract %{{.*}}[0] : i32 from vector<1xi32>
// CHECK: vector.broadcast %[[WORD]] : i32 to vector<16xi32>
// CHECK: vector.broadcast %{{.*}} : f32 to vector<16xf32>
func.func @lanes(%word: vector<1xi32>, %x: f32) -> (vector<16xi32>, vector<16xf32>) {
  %words = vector.broadcast %word : vector<1xi32> to vector<16xi32>
  %xs = vector.broadcast %x : f32 to vector<16xf32>
  return %words, %xs : vector<16xi32>, vector<16xf32>
}

// CHECK-LABEL: func.func @piece
// CHECK: vector.shuffle %{{.*}} [4, 5, 6, 7]
func.func @piece(%x: vector<16xf32>) -> vector<4xf32> {
  %piece = vector.extract_strided_slice %x {offsets = [4], sizes = [4], strides = [1]} : vector<16xf32> to vector<4xf32>
  return %piece : vector<4xf32>
}

// Other operations are not looked at: nothing folds.
// CHECK-LABEL: func.func @others
// CHECK: arith.addi %c1, %c1
func.func @others() -> index {
  %c1 = arith.constant 1 : index
  %two = arith.addi %c1, %c1 : index
  return %two : index
}
