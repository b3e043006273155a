// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s

// Panels of an item: those of the schedule for one thread, else the most, halved or not, whose square is at most the panels of the call
// for each thread. Items then have rows of that many panels.
// CHECK-LABEL: func.func @plain(
// CHECK: %[[CALLED:.*]] = llvm.call @omp_get_max_threads()
// CHECK: %[[THREADS:.*]] = arith.index_cast %[[CALLED]]
// CHECK: %[[PANELS:.*]] = arith.divui
// CHECK: %[[ALL:.*]] = arith.muli %[[PANELS]],
// CHECK-NEXT: %[[SHARE:.*]] = arith.constant 1 : index
// CHECK-NEXT: %[[SHARES:.*]] = arith.muli %[[ALL]], %[[SHARE]]
// CHECK: %[[ALONE:.*]] = arith.cmpi eq, %[[THREADS]],
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: %[[SQUARE2:.*]] = arith.constant 4 : index
// CHECK-NEXT: %[[NEED2:.*]] = arith.muli %[[THREADS]], %[[SQUARE2]]
// CHECK-NEXT: %[[ENOUGH2:.*]] = arith.cmpi uge, %[[SHARES]], %[[NEED2]]
// CHECK-NEXT: %[[TAKES2:.*]] = arith.ori %[[ALONE]], %[[ENOUGH2]]
// CHECK-NEXT: %[[TWO:.*]] = arith.constant 2 : index
// CHECK-NEXT: %[[FEW:.*]] = arith.select %[[TAKES2]], %[[TWO]], %[[ONE]]
// CHECK-NEXT: %[[SQUARE5:.*]] = arith.constant 25 : index
// CHECK-NEXT: %[[NEED5:.*]] = arith.muli %[[THREADS]], %[[SQUARE5]]
// CHECK-NEXT: %[[ENOUGH5:.*]] = arith.cmpi uge, %[[SHARES]], %[[NEED5]]
// CHECK-NEXT: %[[TAKES5:.*]] = arith.ori %[[ALONE]], %[[ENOUGH5]]
// CHECK-NEXT: %[[FIVE:.*]] = arith.constant 5 : index
// CHECK-NEXT: %[[CHOSEN:.*]] = arith.select %[[TAKES5]], %[[FIVE]], %[[FEW]]
// CHECK-NEXT: %[[HIGH:.*]] = arith.constant 16 : index
// CHECK-NEXT: %[[ROWS:.*]] = arith.muli %[[CHOSEN]], %[[HIGH]]
// CHECK: call @plain_work0_item(%{{.*}}, %{{.*}}, %[[ROWS]],

// Where tiles are packed for the matrix unit, items are twice as large.
// CHECK-LABEL: func.func @matrix(
// CHECK: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK-NEXT: %[[MORE:.*]] = arith.muli %{{.*}}, %[[FOUR]]
// CHECK: arith.cmpi uge, %[[MORE]],
// CHECK: call @matrix_work1_item(

// An item begins at a multiple of its rows.
// CHECK-LABEL: func.func private @plain_work0_item(
// CHECK-SAME: memref<?xi8>, %[[OWN:[^:]*]]: index
// CHECK: %[[FIRST:.*]] = arith.muli %{{.*}}, %[[OWN]] : index
// CHECK: %[[LEFT:.*]] = arith.subi %{{.*}}, %[[FIRST]]
// CHECK: arith.minsi %[[LEFT]], %[[OWN]]
func.func @plain(%q: tensor<?x1x?x16xf32>, %k: tensor<?x1x?x16xf32>, %v: tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) schedule<rows = 16, keys = 16, panels = 5, lanes = 16, register_keys = 4, register_values = 4, unroll = 1> : tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x1x?x16xf32>
  return %o : tensor<?x1x?x16xf32>
}
func.func @matrix(%q: tensor<?x1x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x1x?x32xbf16> {
  %o = attn.attention %q, %k, %v scale(0.25) schedule<rows = 32, keys = 32, panels = 4, lanes = 16, register_keys = 4, register_values = 4, unroll = 1> : tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x1x?x32xbf16>
  return %o : tensor<?x1x?x32xbf16>
}
