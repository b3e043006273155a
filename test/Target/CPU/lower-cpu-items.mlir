// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// Panels of an item: those of the schedule for one thread, else the most, halved or not, for which the panels of the call suffice: for
// 5 panels 25 for each thread, for 2 panels 4. Items then have rows of that many panels, short ones no fewer.
// CHECK-LABEL: func.func @uneven(
// CHECK: %[[CALLED:.*]] = llvm.call @omp_get_max_threads()
// CHECK: %[[THREADS:.*]] = arith.index_cast %[[CALLED]]
// CHECK: %[[PANELS:.*]] = arith.divui
// CHECK: %[[ALL:.*]] = arith.muli %[[PANELS]],
// CHECK-NEXT: %[[ONE:.*]] = arith.constant 1 : index
// CHECK-NEXT: %[[ALONE:.*]] = arith.cmpi eq, %[[THREADS]], %[[ONE]]
// CHECK-NEXT: %[[FOR2:.*]] = arith.constant 4 : index
// CHECK-NEXT: %[[LEAST2:.*]] = arith.muli %[[THREADS]], %[[FOR2]]
// CHECK-NEXT: %[[ENOUGH2:.*]] = arith.cmpi uge, %[[ALL]], %[[LEAST2]]
// CHECK-NEXT: %[[TAKES2:.*]] = arith.ori %[[ALONE]], %[[ENOUGH2]]
// CHECK-NEXT: %[[TWO:.*]] = arith.constant 2 : index
// CHECK-NEXT: %[[FEW:.*]] = arith.select %[[TAKES2]], %[[TWO]], %[[ONE]]
// CHECK-NEXT: %[[FOR5:.*]] = arith.constant 25 : index
// CHECK-NEXT: %[[LEAST5:.*]] = arith.muli %[[THREADS]], %[[FOR5]]
// CHECK-NEXT: %[[ENOUGH5:.*]] = arith.cmpi uge, %[[ALL]], %[[LEAST5]]
// CHECK-NEXT: %[[TAKES5:.*]] = arith.ori %[[ALONE]], %[[ENOUGH5]]
// CHECK-NEXT: %[[FIVE:.*]] = arith.constant 5 : index
// CHECK-NEXT: %[[CHOSEN:.*]] = arith.select %[[TAKES5]], %[[FIVE]], %[[FEW]]
// CHECK-NEXT: %[[HIGH:.*]] = arith.constant 16 : index
// CHECK-NEXT: %[[ROWS:.*]] = arith.muli %[[CHOSEN]], %[[HIGH]]
// CHECK: call @uneven_work0_item(%{{.*}}, %{{.*}}, %[[ROWS]], %{{.*}},

// Where all items take as long, the last ones have a quarter of the rows, unless a thread is alone or has many.
// CHECK-LABEL: func.func @even(
// CHECK: %[[ALONE:.*]] = arith.cmpi eq,
// CHECK: %[[CHOSEN:.*]] = arith.select %{{.*}}, %c5
// CHECK-NEXT: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK-NEXT: %[[QUARTER:.*]] = arith.divui %[[CHOSEN]], %[[FOUR]]
// CHECK: %[[FEW:.*]] = arith.maxsi %[[QUARTER]],
// CHECK-NEXT: %[[SQUARE:.*]] = arith.muli %[[CHOSEN]], %[[CHOSEN]]
// CHECK-NEXT: %[[WAIT:.*]] = arith.muli %{{.*}}, %[[SQUARE]]
// CHECK: %[[PAYS:.*]] = arith.cmpi ugt, %[[WAIT]],
// CHECK-NEXT: %[[LAST:.*]] = arith.select %[[PAYS]], %[[FEW]], %[[CHOSEN]]
// CHECK: %[[SHORT:.*]] = arith.select %[[ALONE]], %[[CHOSEN]], %[[LAST]]
// CHECK: %[[SHORT_ROWS:.*]] = arith.muli %[[SHORT]],
// CHECK: call @even_work1_item(%{{.*}}, %{{.*}}, %{{.*}}, %[[SHORT_ROWS]],

// Tiles for the matrix unit are packed for each item: 16 panels for each thread suffice for items of 8.
// CHECK-LABEL: func.func @matrix(
// CHECK: %[[FOR8:.*]] = arith.constant 16 : index
// CHECK-NEXT: arith.muli %{{.*}}, %[[FOR8]]
// CHECK: %c8{{[_0-9]*}} = arith.constant 8 : index
// CHECK-NEXT: arith.select %{{.*}}, %c8
// CHECK: call @matrix_work2_item(

// The last items begin behind the long ones.
// CHECK-LABEL: func.func private @even_work1_item(
// CHECK-SAME: memref<?xi8>, %[[LONG:[^:]*]]: index, %[[SHORT:[^:]*]]: index
// CHECK: %[[IS_SHORT:.*]] = arith.cmpi uge,
// CHECK: arith.select %[[IS_SHORT]],
// CHECK: %[[BEFORE:.*]] = arith.select %[[IS_SHORT]],
// CHECK: %[[OWN:.*]] = arith.select %[[IS_SHORT]], %[[SHORT]], %[[LONG]]
// CHECK: %[[WITHIN:.*]] = arith.muli %{{.*}}, %[[OWN]] : index
// CHECK-NEXT: %[[FIRST:.*]] = arith.addi %[[BEFORE]], %[[WITHIN]]
// CHECK: %[[LEFT:.*]] = arith.subi %{{.*}}, %[[FIRST]]
// CHECK: arith.minsi %[[LEFT]], %[[OWN]]
func.func @uneven(%q: tensor<?x1x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>) schedule<rows = 16, keys = 16, panels = 5, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, order = longest_first> : tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x1x?x16xf32>
  return %o : tensor<?x1x?x16xf32>
}
func.func @even(%q: tensor<?x1x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) schedule<rows = 16, keys = 16, panels = 5, lanes = 16, register_keys = 4, register_values = 4, unroll = 1> : tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x1x?x16xf32>
  return %o : tensor<?x1x?x16xf32>
}
func.func @matrix(%q: tensor<?x1x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x1x?x32xbf16> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>) schedule<rows = 32, keys = 32, panels = 8, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, order = longest_first> : tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x1x?x32xbf16>
  return %o : tensor<?x1x?x32xbf16>
}
