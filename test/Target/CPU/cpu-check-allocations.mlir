// RUN: attn-opt %s --attn-cpu-check-allocations | FileCheck %s

// Nothing to free where the first allocation fails; the second frees the first, but not what was freed before.
// CHECK-LABEL: func.func @kernel(
// CHECK: %[[FIRST:.*]] = memref.alloc(%{{.*}}) : memref<?xi8>
// CHECK: %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[FIRST]]
// CHECK: %[[NONE:.*]] = arith.cmpi eq, %[[ADDRESS]], %{{.*}} : index
// CHECK: cf.cond_br %[[NONE]], ^[[FAIL0:bb[0-9]+]], ^[[GO0:bb[0-9]+]]
// CHECK: ^[[FAIL0]]:
// CHECK-NEXT: %[[CODE:.*]] = arith.constant 999002 : i32
// CHECK-NEXT: return %[[CODE]] : i32
// CHECK: ^[[GO0]]:
// CHECK: %[[SECOND:.*]] = memref.alloc() : memref<16xf32>
// CHECK: ^{{bb[0-9]+}}:
// CHECK-NEXT: memref.dealloc %[[FIRST]]
// CHECK-NEXT: arith.constant 999002 : i32
// CHECK-NEXT: return
// CHECK: memref.dealloc %[[SECOND]]
// CHECK: %[[THIRD:.*]] = memref.alloc() : memref<8xf32>
// CHECK: ^{{bb[0-9]+}}:
// CHECK-NEXT: memref.dealloc %[[FIRST]]
// CHECK-NEXT: arith.constant 999002 : i32
// CHECK-NEXT: return
func.func @kernel(%size: index) -> i32 {
  %first = memref.alloc(%size) : memref<?xi8>
  %second = memref.alloc() : memref<16xf32>
  memref.dealloc %second : memref<16xf32>
  %third = memref.alloc() : memref<8xf32>
  memref.dealloc %third : memref<8xf32>
  memref.dealloc %first : memref<?xi8>
  %good = arith.constant 0 : i32
  return %good : i32
}

// CHECK-LABEL: func.func @without(
// CHECK-NEXT: return
func.func @without(%size: index) {
  return
}
