// The tiled form, whole: text, generic form, bytecode.
// RUN: attn-opt %s | FileCheck %s
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

// CHECK-LABEL: func @work_item_with_sinks_lse_mask_operand_and_score
// CHECK-SAME: %[[Q:[^:]+]]: memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %[[K:[^:]+]]: memref<?x2x?x64xbf16>, %[[V:[^:]+]]: memref<?x2x?x32xbf16>,
// CHECK-SAME: %[[OUT:[^:]+]]: memref<?x8x?x32xbf16>, %[[LSE:[^:]+]]: memref<?x8x?xf32>, %[[SINKS:[^:]+]]: memref<8xf32>, %[[IDS:[^:]+]]: memref<?x?xi32>
func.func @work_item_with_sinks_lse_mask_operand_and_score(
    %q: memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %k: memref<?x2x?x64xbf16>, %v: memref<?x2x?x32xbf16>,
    %out: memref<?x8x?x32xbf16>, %lse: memref<?x8x?xf32>, %sinks: memref<8xf32>, %ids: memref<?x?xi32>,
    %offset: index, %length: index) {
  // CHECK: attn.work queries(%[[Q]]) keys(%[[K]]) values(%[[V]]) offset(%{{[^)]*}})
  // CHECK-SAME: heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1])
  // CHECK-SAME: schedule<rows = 4, keys = 16, panels = 2> {
  attn.work queries(%q) keys(%k) values(%v) offset(%offset)
      heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1])
      schedule<rows = 4, keys = 16, panels = 2> {
  // CHECK-NEXT: ^bb0(%[[ROWS:.*]]: !attn.rows<8>):
  ^bb0(%rows: !attn.rows<8>):
    // CHECK-NEXT: %[[QUERY:.*]] = attn.tile.load_query %[[Q]][%[[ROWS]] : !attn.rows<8>] : memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<8x64xbf16>
    %query = attn.tile.load_query %q[%rows : !attn.rows<8>]
        : memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<8x64xbf16>
    // CHECK-NEXT: %[[INIT:.*]] = attn.online.init %[[ROWS]] : !attn.rows<8> sinks(%[[SINKS]] : memref<8xf32>) -> !attn.online<8x32xf32>
    %init = attn.online.init %rows : !attn.rows<8> sinks(%sinks : memref<8xf32>) -> !attn.online<8x32xf32>
    // CHECK-NEXT: %[[STATE:.*]] = attn.stream %[[ROWS]] : !attn.rows<8> to %{{[^ ]*}} step 16 from %[[INIT]] mask(<causal and document<0>>, %[[IDS]] : memref<?x?xi32>) {
    %state = attn.stream %rows : !attn.rows<8> to %length step 16 from %init
        mask(<causal and document<0>>, %ids : memref<?x?xi32>) {
    // CHECK-NEXT: ^bb0(%[[FIRST:.*]]: index, %[[BEFORE:.*]]: !attn.online<8x32xf32>):
    ^bb0(%first: index, %before: !attn.online<8x32xf32>):
      // CHECK-NEXT: attn.tile.load key %[[K]][%[[ROWS]] : !attn.rows<8>, %[[FIRST]]] : memref<?x2x?x64xbf16> -> !attn.tile<16x64xbf16>
      %key = attn.tile.load key %k[%rows : !attn.rows<8>, %first] : memref<?x2x?x64xbf16> -> !attn.tile<16x64xbf16>
      // CHECK-NEXT: attn.tile.load value %[[V]][%[[ROWS]] : !attn.rows<8>, %[[FIRST]]] : memref<?x2x?x32xbf16> -> !attn.tile<16x32xbf16>
      %value = attn.tile.load value %v[%rows : !attn.rows<8>, %first] : memref<?x2x?x32xbf16> -> !attn.tile<16x32xbf16>
      // CHECK-NEXT: attn.tile.dot %[[QUERY]], %{{.*}} at [%[[ROWS]] : !attn.rows<8>, %[[FIRST]]] scale(0.125) score {
      %scores = attn.tile.dot %query, %key at [%rows : !attn.rows<8>, %first] scale(0.125) score {
      // CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
      ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
        // CHECK: attn.yield %{{.*}} : f32
        %t = math.tanh %s : f32
        attn.yield %t : f32
      // CHECK: } : !attn.tile<8x64xbf16>, !attn.tile<16x64xbf16> -> !attn.tile<8x16xf32>
      } : !attn.tile<8x64xbf16>, !attn.tile<16x64xbf16> -> !attn.tile<8x16xf32>
      // CHECK-NEXT: %[[AFTER:.*]] = attn.online.step %[[BEFORE]], %{{.*}}, %{{.*}} : !attn.online<8x32xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xbf16>
      %after = attn.online.step %before, %scores, %value
          : !attn.online<8x32xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xbf16>
      // CHECK-NEXT: attn.yield %[[AFTER]] : !attn.online<8x32xf32>
      attn.yield %after : !attn.online<8x32xf32>
    // CHECK-NEXT: } : !attn.online<8x32xf32>
    } : !attn.online<8x32xf32>
    // CHECK-NEXT: %[[O:.*]], %[[L:.*]] = attn.online.finish %[[STATE]] : !attn.online<8x32xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
    %o, %l = attn.online.finish %state : !attn.online<8x32xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
    // CHECK-NEXT: attn.tile.store %[[O]], %[[OUT]][%[[ROWS]] : !attn.rows<8>] : !attn.tile<8x32xf32>, memref<?x8x?x32xbf16>
    attn.tile.store %o, %out[%rows : !attn.rows<8>] : !attn.tile<8x32xf32>, memref<?x8x?x32xbf16>
    // CHECK-NEXT: attn.tile.store %[[L]], %[[LSE]][%[[ROWS]] : !attn.rows<8>] : !attn.tile<8x1xf32>, memref<?x8x?xf32>
    attn.tile.store %l, %lse[%rows : !attn.rows<8>] : !attn.tile<8x1xf32>, memref<?x8x?xf32>
  // CHECK-NEXT: } : memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, memref<?x2x?x64xbf16>, memref<?x2x?x32xbf16>
  } : memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, memref<?x2x?x64xbf16>, memref<?x2x?x32xbf16>
  return
}

// CHECK-LABEL: func @step_and_finish_under_another_normalizer
// CHECK: attn.online.step %{{.*}}, %{{.*}}, %{{.*}} normalizer<relu> : !attn.online<8x32xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xf32>
// CHECK: attn.online.finish %{{.*}} normalizer<sigmoid> : !attn.online<8x32xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
func.func @step_and_finish_under_another_normalizer(%state: !attn.online<8x32xf32>, %s: !attn.tile<8x16xf32>, %v: !attn.tile<16x32xf32>) {
  %next = attn.online.step %state, %s, %v normalizer<relu> : !attn.online<8x32xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xf32>
  %o, %l = attn.online.finish %next normalizer<sigmoid> : !attn.online<8x32xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
  return
}

// The terminator of a work item yields nothing and is left out.
// CHECK-LABEL: func @empty_work_item
// CHECK: attn.work
// CHECK-NEXT: ^bb0(%{{.*}}: !attn.rows<4>):
// CHECK-NEXT: } : memref
func.func @empty_work_item(%x: memref<?x1x?x8xf32>, %offset: index) {
  attn.work queries(%x) keys(%x) values(%x) offset(%offset) heads([0], [0], [0]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
    attn.yield
  } : memref<?x1x?x8xf32>, memref<?x1x?x8xf32>, memref<?x1x?x8xf32>
  return
}
