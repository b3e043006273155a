// One section per way of breaking a numbered constraint of the tiled operations; the label ends the message.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @work_c1_element_types_differ(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xbf16>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{query, key and value must have one element type, found 'f32', 'bf16' and 'f32' (work_c1)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xbf16>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c1_head_sizes_differ(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x32xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{query and key must have one head size, found 64 and 32 (work_c1)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x32xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c1_head_count_is_dynamic(%q: memref<?x8x?x64xf32>, %k: memref<?x?x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{key must have a static head count from 1 to 1048576, found 'memref<?x?x?x64xf32>' (work_c1)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x?x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c2_tables_differ_in_length(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{head tables must have equal, positive length (work_c2)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1], [0, 0, 1], [0, 0, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c2_tables_are_empty(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{head tables must have equal, positive length (work_c2)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([], [], []) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c2_entry_is_no_head(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{value table entry 2 is not one of the 2 heads (work_c2)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1], [0, 1], [0, 2]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c2_entry_is_negative(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{query table entry -1 is not one of the 8 heads (work_c2)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, -1], [0, 1], [0, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c3_rows_do_not_match_the_schedule(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{body must take one '!attn.rows<8>', rows * panels of the schedule (work_c3)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8, panels = 2> {
  ^bb0(%rows: !attn.rows<4>):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c3_two_arguments(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{body must take one '!attn.rows<4>', rows * panels of the schedule (work_c3)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>, %more: index):
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @work_c3_body_yields_a_value(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x64xf32>, %n: index) {
  // expected-error@+1 {{body must yield nothing (work_c3)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%n) heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
    attn.yield %n : index
  } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @tile_load_query_c1_rows_differ(%q: memref<?x8x?x64xf32>, %rows: !attn.rows<8>) {
  // expected-error@+1 {{tile must be [8, 64], found '!attn.tile<4x64xf32>' (tile_load_query_c1)}}
  %t = attn.tile.load_query %q[%rows : !attn.rows<8>] : memref<?x8x?x64xf32> -> !attn.tile<4x64xf32>
  return
}

// -----

func.func @tile_load_query_c1_columns_differ(%q: memref<?x8x?x64xf32>, %rows: !attn.rows<8>) {
  // expected-error@+1 {{tile must be [8, 64], found '!attn.tile<8x32xf32>' (tile_load_query_c1)}}
  %t = attn.tile.load_query %q[%rows : !attn.rows<8>] : memref<?x8x?x64xf32> -> !attn.tile<8x32xf32>
  return
}

// -----

func.func @tile_load_c1_columns_differ(%k: memref<?x2x?x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{tile must have 64 columns, the source's head size, found '!attn.tile<16x32xf32>' (tile_load_c1)}}
  %t = attn.tile.load key %k[%rows : !attn.rows<8>, %n] : memref<?x2x?x64xf32> -> !attn.tile<16x32xf32>
  return
}

// -----

func.func @tile_load_role_is_unknown(%k: memref<?x2x?x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+2 {{expected ::mlir::attn::TileRole to be one of: key, value}}
  // expected-error@+1 {{failed to parse Attn_TileRoleAttr parameter 'value'}}
  %t = attn.tile.load query %k[%rows : !attn.rows<8>, %n] : memref<?x2x?x64xf32> -> !attn.tile<16x64xf32>
  return
}

// -----

func.func @tile_dot_c1_columns_differ(%q: !attn.tile<8x64xf32>, %k: !attn.tile<16x32xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{query and key tiles must have equal columns, found 64 and 32 (tile_dot_c1)}}
  %s = attn.tile.dot %q, %k at [%rows : !attn.rows<8>, %n] scale(1.0) : !attn.tile<8x64xf32>, !attn.tile<16x32xf32> -> !attn.tile<8x16xf32>
  return
}

// -----

func.func @tile_dot_c1_scores_do_not_fit(%q: !attn.tile<8x64xf32>, %k: !attn.tile<16x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{scores must be [8, 16], found query tile '!attn.tile<8x64xf32>' and scores '!attn.tile<16x8xf32>' (tile_dot_c1)}}
  %s = attn.tile.dot %q, %k at [%rows : !attn.rows<8>, %n] scale(1.0) : !attn.tile<8x64xf32>, !attn.tile<16x64xf32> -> !attn.tile<16x8xf32>
  return
}

// -----

func.func @tile_dot_c1_query_tile_has_other_rows(%q: !attn.tile<4x64xf32>, %k: !attn.tile<16x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{scores must be [8, 16], found query tile '!attn.tile<4x64xf32>' and scores '!attn.tile<4x16xf32>' (tile_dot_c1)}}
  %s = attn.tile.dot %q, %k at [%rows : !attn.rows<8>, %n] scale(1.0) : !attn.tile<4x64xf32>, !attn.tile<16x64xf32> -> !attn.tile<4x16xf32>
  return
}

// -----

func.func @tile_dot_c2_scale_is_infinite(%q: !attn.tile<8x64xf32>, %k: !attn.tile<16x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{scale must be finite (tile_dot_c2)}}
  %s = attn.tile.dot %q, %k at [%rows : !attn.rows<8>, %n] scale(0x7FF0000000000000) : !attn.tile<8x64xf32>, !attn.tile<16x64xf32> -> !attn.tile<8x16xf32>
  return
}

// -----

func.func @tile_dot_c2_region_takes_the_wrong_arguments(%q: !attn.tile<8x64xf32>, %k: !attn.tile<16x64xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{score region must take (f32, index, index, index, index): score, batch, score head, query position, key index (tile_dot_c2)}}
  %s = attn.tile.dot %q, %k at [%rows : !attn.rows<8>, %n] scale(1.0) score {
  ^bb0(%x: f32):
    attn.yield %x : f32
  } : !attn.tile<8x64xf32>, !attn.tile<16x64xf32> -> !attn.tile<8x16xf32>
  return
}

// -----

func.func @tile_dot_score_block_is_empty(%q: !attn.tile<8x8xf32>, %rows: !attn.rows<8>, %n: index) {
  // expected-error@+1 {{expects a non-empty block}}
  %s = "attn.tile.dot"(%q, %q, %rows, %n) <{scale = 1.0}> ({
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
  }) : (!attn.tile<8x8xf32>, !attn.tile<8x8xf32>, !attn.rows<8>, index) -> !attn.tile<8x8xf32>
  return
}

// -----

func.func @online_init_c1_rows_differ(%rows: !attn.rows<8>) {
  // expected-error@+1 {{state must have 8 rows, found '!attn.online<4x64xf32>' (online_init_c1)}}
  %s = attn.online.init %rows : !attn.rows<8> -> !attn.online<4x64xf32>
  return
}

// -----

func.func @online_step_c1_values_do_not_fit(%a: !attn.online<8x64xf32>, %s: !attn.tile<8x16xf32>, %v: !attn.tile<16x32xf32>) {
  // expected-error@+1 {{state '!attn.online<8x64xf32>', scores '!attn.tile<8x16xf32>' and values '!attn.tile<16x32xf32>' do not fit (online_step_c1)}}
  %b = attn.online.step %a, %s, %v : !attn.online<8x64xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xf32>
  return
}

// -----

func.func @online_finish_c1_out_does_not_fit(%a: !attn.online<8x64xf32>) {
  // expected-error@+1 {{out must be [8, 64], found '!attn.tile<8x32xf32>' (online_finish_c1)}}
  %o, %l = attn.online.finish %a : !attn.online<8x64xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
  return
}

// -----

func.func @online_finish_c1_lse_has_two_columns(%a: !attn.online<8x64xf32>) {
  // expected-error@+1 {{lse must be [8, 1], found '!attn.tile<8x2xf32>' (online_finish_c1)}}
  %o, %l = attn.online.finish %a : !attn.online<8x64xf32> -> !attn.tile<8x64xf32>, !attn.tile<8x2xf32>
  return
}

// -----

func.func @stream_c1_body_takes_no_state(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>) {
  // expected-error@+1 {{body must take (index, '!attn.online<8x64xf32>') and yield '!attn.online<8x64xf32>' (stream_c1)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<causal>) {
  ^bb0(%first: index):
    attn.yield %init : !attn.online<8x64xf32>
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c1_body_yields_nothing(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>) {
  // expected-error@+1 {{body must take (index, '!attn.online<8x64xf32>') and yield '!attn.online<8x64xf32>' (stream_c1)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<causal>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c1_body_yields_another_type(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>) {
  // expected-error@+1 {{body must take (index, '!attn.online<8x64xf32>') and yield '!attn.online<8x64xf32>' (stream_c1)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<causal>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield %first : index
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c2_step_is_zero(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>) {
  // expected-error@+1 {{step must be positive, found 0 (stream_c2)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 0 from %init mask(<causal>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield %before : !attn.online<8x64xf32>
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c2_step_is_negative(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>) {
  // expected-error@+1 {{step must be positive, found -16 (stream_c2)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step -16 from %init mask(<causal>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield %before : !attn.online<8x64xf32>
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c3_mask_refers_to_a_missing_operand(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>, %m: memref<?x?xi32>) {
  // expected-error@+1 {{mask word 'document' refers to operand 1, but there are 1 mask operands (stream_c3)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<document<1>>, %m : memref<?x?xi32>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield %before : !attn.online<8x64xf32>
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c3_mask_operand_is_not_used(%rows: !attn.rows<8>, %n: index, %init: !attn.online<8x64xf32>, %m: memref<?x?xi32>) {
  // expected-error@+1 {{there are 1 mask operands, but the mask refers to 0 (stream_c3)}}
  %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<causal>, %m : memref<?x?xi32>) {
  ^bb0(%first: index, %before: !attn.online<8x64xf32>):
    attn.yield %before : !attn.online<8x64xf32>
  } : !attn.online<8x64xf32>
  return
}

// -----

func.func @stream_c3_per_head_table_does_not_match_the_work_item(%x: memref<?x2x?x64xf32>, %n: index, %init: !attn.online<8x64xf32>) {
  attn.work queries(%x) keys(%x) values(%x) offset(%n) heads([0, 1], [0, 1], [0, 1]) schedule<rows = 8, keys = 16> {
  ^bb0(%rows: !attn.rows<8>):
    // expected-error@+1 {{per_head table of the mask has 3 entries, expected 2, one per score head (stream_c3)}}
    %s = attn.stream %rows : !attn.rows<8> to %n step 16 from %init mask(<per_head<[causal, all], [0, 1, 0]>>) {
    ^bb0(%first: index, %before: !attn.online<8x64xf32>):
      attn.yield %before : !attn.online<8x64xf32>
    } : !attn.online<8x64xf32>
  } : memref<?x2x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>
  return
}

// -----

func.func @tile_store_c1_columns_differ(%t: !attn.tile<8x32xf32>, %o: memref<?x8x?x64xf32>, %rows: !attn.rows<8>) {
  // expected-error@+1 {{tile must be [8, 64] for 'memref<?x8x?x64xf32>', found '!attn.tile<8x32xf32>' (tile_store_c1)}}
  attn.tile.store %t, %o[%rows : !attn.rows<8>] : !attn.tile<8x32xf32>, memref<?x8x?x64xf32>
  return
}

// -----

func.func @tile_store_c1_lse_has_two_columns(%t: !attn.tile<8x2xf32>, %o: memref<?x8x?xf32>, %rows: !attn.rows<8>) {
  // expected-error@+1 {{tile must be [8, 1] for 'memref<?x8x?xf32>', found '!attn.tile<8x2xf32>' (tile_store_c1)}}
  attn.tile.store %t, %o[%rows : !attn.rows<8>] : !attn.tile<8x2xf32>, memref<?x8x?xf32>
  return
}
