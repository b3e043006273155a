// One section per way of breaking a numbered constraint of the tensor operations; the label ends the message.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1_element_types_differ(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{query, key and value must have one element type, found 'f32', 'bf16' and 'f32' (attention_c1)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c2_head_sizes_of_query_and_key_differ(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x32xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{query and key must have one head size, found 64 and 32 (attention_c2)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c3_batch_sizes_differ(%q: tensor<2x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<3x2x?x64xf32>) {
  // expected-error@+1 {{batch sizes of query, key and value must agree, found [2, ?, 3] (attention_c3)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<2x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<3x2x?x64xf32> -> tensor<2x8x?x64xf32>
  return
}

// -----

func.func @attention_c3_key_and_value_lengths_differ(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x10x64xf32>, %v: tensor<?x2x11x64xf32>) {
  // expected-error@+1 {{key and value must have one sequence length, found 10 and 11 (attention_c3)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x10x64xf32>, tensor<?x2x11x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c4_key_heads_do_not_divide_the_score_heads(%q: tensor<?x8x?x64xf32>, %k: tensor<?x3x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{3 key heads do not divide 8 score heads; give a table heads(key = [...]) with one entry per score head (attention_c4)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x3x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c4_table_is_too_short(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{key table has 2 entries, expected 8, one per score head (attention_c4)}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(query = [0, 1, 2, 3, 4, 5, 6, 7], key = [0, 1])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c4_table_entry_is_no_head(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{key table entry 2 is not one of the 2 key heads (attention_c4)}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(key = [0, 0, 0, 0, 1, 1, 1, 2])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c4_table_entry_is_negative(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{value table entry -1 is not one of the 2 value heads (attention_c4)}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(value = [0, 0, 0, 0, 1, 1, 1, -1])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c4_tables_are_empty(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{head tables must not be empty (attention_c4)}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(query = [], key = [], value = [])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x0x?x64xf32>
  return
}

// -----

func.func @attention_c5_out_has_the_wrong_head_count(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{out must be [?, 8, ?, 64] of 'f32', found 'tensor<?x4x?x64xf32>' (attention_c5)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x4x?x64xf32>
  return
}

// -----

func.func @attention_c5_out_has_the_wrong_element_type(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{out must be [?, 8, ?, 64] of 'f32', found 'tensor<?x8x?x64xbf16>' (attention_c5)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xbf16>
  return
}

// -----

func.func @attention_c5_out_has_a_dynamic_head_size(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{out must be [?, 8, ?, 64] of 'f32', found 'tensor<?x8x?x?xf32>' (attention_c5)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x?xf32>
  return
}

// -----

func.func @attention_c6_lse_under_relu(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{lse exists only with softmax, found relu (attention_c6)}}
  %o, %l = attn.attention %q, %k, %v scale(0.125) normalizer<relu>
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return
}

// -----

func.func @attention_c6_lse_has_the_wrong_shape(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{lse must be [?, 8, ?] of f32, found 'tensor<?x2x?xf32>' (attention_c6)}}
  %o, %l = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>, tensor<?x2x?xf32>
  return
}

// -----

func.func @attention_c7_sinks_under_sigmoid(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %s: tensor<8xf32>) {
  // expected-error@+1 {{sinks join only a softmax, found sigmoid (attention_c7)}}
  %o = attn.attention %q, %k, %v scale(0.125) sinks(%s : tensor<8xf32>) normalizer<sigmoid>
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c7_sinks_do_not_match_the_score_heads(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{sinks must be [8] of f32, one logit per score head, found 'tensor<2xf32>' (attention_c7)}}
  %o = attn.attention %q, %k, %v scale(0.125) sinks(%s : tensor<2xf32>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c7_sinks_are_dynamic(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %s: tensor<?xf32>) {
  // expected-error@+1 {{sinks must be [8] of f32, one logit per score head, found 'tensor<?xf32>' (attention_c7)}}
  %o = attn.attention %q, %k, %v scale(0.125) sinks(%s : tensor<?xf32>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c8_mask_refers_to_a_missing_operand(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{mask word 'prefix_length' refers to operand 0, but there are 0 mask operands (attention_c8)}}
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal or prefix_length<0>>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c8_mask_operand_is_not_used(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %m: tensor<?xi32>) {
  // expected-error@+1 {{there are 1 mask operands, but the mask refers to 0 (attention_c8)}}
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>, %m : tensor<?xi32>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c8_mask_operand_has_the_wrong_rank(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %m: tensor<?xi32>) {
  // expected-error@+1 {{mask word 'document' needs an operand of rank 2, found 'tensor<?xi32>' (attention_c8)}}
  %o = attn.attention %q, %k, %v scale(0.125) mask(<document<0>>, %m : tensor<?xi32>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c8_dense_mask_has_the_wrong_rank(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %m: tensor<?x?xi8>) {
  // expected-error@+1 {{mask word 'dense' needs an operand of rank 4, found 'tensor<?x?xi8>' (attention_c8)}}
  %o = attn.attention %q, %k, %v scale(0.125) mask(<dense<0>>, %m : tensor<?x?xi8>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c8_per_head_table_has_the_wrong_length(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{per_head table of the mask has 2 entries, expected 8, one per score head (attention_c8)}}
  %o = attn.attention %q, %k, %v scale(0.125) mask(<not per_head<[causal, all], [0, 1]>>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c9_region_takes_the_wrong_arguments(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{score region must take (f32, index, index, index, index): score, batch, score head, query position, key index (attention_c9)}}
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index):
    attn.yield %s : f32
  }
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c9_region_yields_an_index(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{score region must end in attn.yield of one f32 (attention_c9)}}
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    attn.yield %h : index
  }
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c9_region_yields_two_values(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{score region must end in attn.yield of one f32 (attention_c9)}}
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    attn.yield %s, %s : f32, f32
  }
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c9_region_writes_memory(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %m: memref<f32>) {
  // expected-error@+1 {{score region must not have side effects, found 'memref.store' (attention_c9)}}
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    memref.store %s, %m[] : memref<f32>
    attn.yield %s : f32
  }
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func private @elsewhere(f32) -> f32
func.func @attention_c9_region_calls_a_function(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{score region must not have side effects, found 'func.call' (attention_c9)}}
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %t = func.call @elsewhere(%s) : (f32) -> f32
    attn.yield %t : f32
  }
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c10_scale_is_infinite(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{scale must be finite (attention_c10)}}
  %o = attn.attention %q, %k, %v scale(0x7FF0000000000000)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c10_scale_is_not_a_number(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{scale must be finite (attention_c10)}}
  %o = attn.attention %q, %k, %v scale(0x7FF8000000000000)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c10_head_count_is_dynamic(%q: tensor<?x?x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{query must have a static head count from 1 to 1048576, found 'tensor<?x?x?x64xf32>' (attention_c10)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x?x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c10_head_size_is_zero(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x0xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{key must have a static head size from 1 to 1048576, found 'tensor<?x2x?x0xf32>' (attention_c10)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x0xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_c10_head_count_is_zero(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x0x?x64xf32>) {
  // expected-error@+1 {{value must have a static head count from 1 to 1048576, found 'tensor<?x0x?x64xf32>' (attention_c10)}}
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x0x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_score_block_is_empty(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{expects a non-empty block}}
  %o = "attn.attention"(%x, %x, %x) <{scale = 1.0, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> ({
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
  }) : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_without_its_region(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{requires one region}}
  %o = "attn.attention"(%x, %x, %x) <{scale = 1.0, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}>
      : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_segment_sizes_do_not_add_up(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{operand count (3) does not match with the total size (5) specified in attribute 'operandSegmentSizes'}}
  %o = "attn.attention"(%x, %x, %x) <{scale = 1.0, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 2>}> ({})
      : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_heads_clause_names_an_axis_twice(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{expected each of 'query', 'key' and 'value' at most once, found 'key'}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(key = [0], key = [1])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_heads_clause_names_an_unknown_axis(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{expected each of 'query', 'key' and 'value' at most once, found 'keys'}}
  %o = attn.attention %q, %k, %v scale(0.125) heads(keys = [0])
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @attention_scale_is_an_integer(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) {
  // expected-error@+2 {{unexpected decimal integer literal for a floating point value}}
  // expected-note@+1 {{add a trailing dot to make the literal a float}}
  %o = attn.attention %q, %k, %v scale(1)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

// expected-error@+1 {{query_heads must be from 1 to 65536, found 0 (spec_c1)}}
attn.spec @spec_c1_query_heads_are_zero {query_heads = 0, qk_size = 8}

// -----

// expected-error@+1 {{key_heads must be from 1 to 65536, found -1 (spec_c1)}}
attn.spec @spec_c1_key_heads_are_negative {query_heads = 8, key_heads = -1, qk_size = 8}

// -----

// expected-error@+1 {{qk_size must be from 1 to 576, found 584 (spec_c1)}}
attn.spec @spec_c1_qk_size_is_too_large {query_heads = 8, qk_size = 584}

// -----

// expected-error@+1 {{v_size must be from 1 to 512, found 576 (spec_c1)}}
attn.spec @spec_c1_v_size_is_too_large {query_heads = 8, qk_size = 576}

// -----

// expected-error@+1 {{needs 'qk_size' or 'latent' (spec_c1)}}
attn.spec @spec_c1_no_head_size {query_heads = 8}

// -----

// expected-error@+1 {{dtype must be f32, bf16 or f16, found 'f64' (spec_c1)}}
attn.spec @spec_c1_element_type_is_unknown {query_heads = 8, qk_size = 8, dtype = f64}

// -----

// expected-error@+1 {{requires attribute 'query_heads'}}
attn.spec @spec_c1_query_heads_are_missing {qk_size = 8}

// -----

// expected-error@+1 {{3 key heads do not divide 8 score heads; give 'key_map' with one entry per score head (spec_c2)}}
attn.spec @spec_c2_key_heads_do_not_divide {query_heads = 8, key_heads = 3, value_heads = 8, qk_size = 8}

// -----

// expected-error@+1 {{value_map has 1 entries, expected 2 (spec_c2)}}
attn.spec @spec_c2_table_is_too_short {query_heads = 2, key_map = array<i64: 0, 1>, value_map = array<i64: 0>, qk_size = 8}

// -----

// expected-error@+1 {{key_map entry 2 is not one of the 2 key heads (spec_c2)}}
attn.spec @spec_c2_table_entry_is_no_head {query_heads = 2, key_map = array<i64: 0, 2>, qk_size = 8}

// -----

// expected-error@+1 {{head tables must not be empty (spec_c2)}}
attn.spec @spec_c2_tables_are_empty {query_heads = 2, key_map = array<i64>, qk_size = 8}

// -----

// expected-error@+1 {{rope rotates elements up to 72 of a head of size 64 (spec_c3)}}
attn.spec @spec_c3_rope_is_wider_than_the_head {query_heads = 2, qk_size = 64, rope = #attn.rope<dims = 64, start = 8>}

// -----

// expected-error@+1 {{rope bases has 3 entries for 2 key heads (spec_c3)}}
attn.spec @spec_c3_bases_do_not_match_the_key_heads {query_heads = 2, qk_size = 64, rope = #attn.rope<dims = 64, bases = [1.0, 2.0, 3.0]>}

// -----

// expected-error@+1 {{alibi has 1 slopes for 2 score heads (spec_c4)}}
attn.spec @spec_c4_alibi_does_not_match_the_score_heads {query_heads = 2, qk_size = 64, alibi = array<f64: 0.5>}

// -----

// expected-error@+1 {{alibi slopes must be finite (spec_c4)}}
attn.spec @spec_c4_alibi_slope_is_infinite {query_heads = 2, qk_size = 64, alibi = array<f64: 0.5, 0x7FF0000000000000>}

// -----

// expected-error@+1 {{qk_size 128 is not nope + rope = 192 of the latent (spec_c5)}}
attn.spec @spec_c5_qk_size_contradicts_the_latent {query_heads = 2, qk_size = 128, v_size = 128, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>}

// -----

// expected-error@+1 {{a latent expands to one key and value head per query head (4), found 2 and 2 (spec_c5)}}
attn.spec @spec_c5_key_heads_under_a_latent {query_heads = 4, key_heads = 2, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>}

// -----

// expected-error@+1 {{kv_from must name an earlier layer than 1, found 2 (spec_c6)}}
attn.spec @spec_c6_kv_from_names_a_later_layer {query_heads = 4, qk_size = 8, layers = array<i64: 3, 1>, kv_from = 2}

// -----

// expected-error@+1 {{kv_from must not be negative, found -1 (spec_c6)}}
attn.spec @spec_c6_kv_from_is_negative {query_heads = 4, qk_size = 8, layers = array<i64: 1>, kv_from = -1}

// -----

// expected-error@+1 {{q_rank 1536 of the latent exceeds the model width 1024; a rank is at most the width (spec_c13)}}
attn.spec @spec_c13_rank_above_the_width {width = 1024, query_heads = 4, latent = #attn.latent<kv_rank = 512, nope = 128, q_rank = 1536>}

// -----

// expected-error@+1 {{softcap must be positive and finite (spec_c7)}}
attn.spec @spec_c7_softcap_is_zero {query_heads = 4, qk_size = 8, softcap = 0.0}

// -----

// expected-error@+1 {{scale must be finite (spec_c7)}}
attn.spec @spec_c7_scale_is_not_a_number {query_heads = 4, qk_size = 8, scale = 0x7FF8000000000000 : f64}

// -----

// expected-error@+1 {{sinks join only a softmax (spec_c8)}}
attn.spec @spec_c8_sinks_under_relu {query_heads = 4, qk_size = 8, sinks, normalizer = #attn.normalizer<relu>}

// -----

// expected-error@+1 {{layers must be different, from 0 to 1048576, found 3 (spec_c9)}}
attn.spec @spec_c9_layer_is_given_twice {query_heads = 4, qk_size = 8, layers = array<i64: 3, 1, 3>}

// -----

// expected-error@+1 {{layers must be different, from 0 to 1048576, found -1 (spec_c9)}}
attn.spec @spec_c9_layer_is_negative {query_heads = 4, qk_size = 8, layers = array<i64: -1>}

// -----

// expected-error@+1 {{layers must be different, from 0 to 1048576, found 9223372036854775807 (spec_c9)}}
attn.spec @spec_c9_layer_is_beyond_any_model {query_heads = 4, qk_size = 8, layers = array<i64: 9223372036854775807>}

// -----

// expected-error@+1 {{mask 'causal and document<0>' needs operands; write the function with attn.attention instead (spec_c10)}}
attn.spec @spec_c10_mask_needs_an_operand {query_heads = 4, qk_size = 8, mask = #attn.mask<causal and document<0>>}

// -----

// expected-error@+1 {{per_head table of the mask has 2 entries, expected 4, one per score head (spec_c10)}}
attn.spec @spec_c10_per_head_mask_has_the_wrong_length {query_heads = 4, qk_size = 8, mask = #attn.mask<per_head<[causal, all], [0, 1]>>}

// -----

// expected-error@+1 {{bias must name projections of this layer, each once: query, key, value, output; found 'values' (spec_c14)}}
attn.spec @spec_c14_unknown_projection {query_heads = 4, qk_size = 8, bias = ["query", "values"]}

// -----

// expected-error@+1 {{each once: query, key, value, output; found 'key' (spec_c14)}}
attn.spec @spec_c14_one_projection_twice {query_heads = 4, qk_size = 8, bias = ["key", "key"]}

// -----

// expected-error@+1 {{each once: query, latent, output; found 'value' (spec_c14)}}
attn.spec @spec_c14_values_of_a_latent {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, bias = ["query", "value"]}

// -----

// expected-error@+1 {{each once: query, output; found 'key' (spec_c14)}}
attn.spec @spec_c14_keys_of_another_layer {query_heads = 4, qk_size = 8, layers = array<i64: 1>, kv_from = 0, bias = ["key"]}

// -----

// expected-error@+1 {{clip_qkv must be positive and finite (spec_c15)}}
attn.spec @spec_c15_clip_is_zero {query_heads = 4, qk_size = 8, clip_qkv = 0.0}

// -----

// expected-error@+1 {{clip_qkv is of projected keys and values, which a latent has none of; remove one of them (spec_c15)}}
attn.spec @spec_c15_clip_of_a_latent {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, clip_qkv = 8.0}

// -----

// expected-error@+1 {{'form' needs 'latent' (spec_c11)}}
attn.spec @spec_c11_form_without_latent {query_heads = 4, qk_size = 8, form = "absorbed"}

// -----

// expected-error@+1 {{form must be 'expanded' or 'absorbed', found 'both' (spec_c11)}}
attn.spec @spec_c11_form_is_unknown {query_heads = 4, form = "both", latent = #attn.latent<kv_rank = 512, nope = 128>}

// -----

// expected-error@+1 {{attn.spec has no field 'key_head'; did you mean 'key_heads'? (spec_c12)}}
attn.spec @spec_c12_field_is_unknown {query_heads = 4, key_head = 2, qk_size = 8}

// -----

// expected-error@+1 {{attn.spec has no field 'qksize'; did you mean 'qk_size'? (spec_c12)}}
"attn.spec"() {sym_name = "spec_c12_field_is_unknown_in_generic_form", query_heads = 4, qk_size = 8, qksize = 8} : () -> ()

// -----

// expected-error@+1 {{attribute 'key_heads' failed to satisfy constraint: 64-bit signless integer attribute}}
attn.spec @spec_field_of_the_wrong_kind_is_not_dropped {query_heads = 4, key_heads = "2", qk_size = 8}

// -----

// expected-error@+1 {{attribute 'alibi' failed to satisfy constraint: f64 dense array attribute}}
attn.spec @spec_list_of_the_wrong_kind_is_not_dropped {query_heads = 1, qk_size = 8, alibi = [1.0]}

// -----

// expected-error@+1 {{attn.spec has no field 'sym_name'}}
attn.spec @spec_name_is_given_twice {sym_name = "again", query_heads = 1, qk_size = 8}

// -----

func.func @lookup_c1_table_is_empty(%h: index) {
  // expected-error@+1 {{table must not be empty (lookup_c1)}}
  %m = attn.lookup %h in []
  return
}

// -----

func.func @rope_c1_rotates_past_the_head(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{rotates elements up to 72 of a head of size 64 (rope_c1)}}
  %r = attn.rope %x <dims = 64, start = 8> : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @rope_c1_head_size_is_dynamic(%x: tensor<?x8x?x?xf32>) {
  // expected-error@+1 {{input must have a static head size from 1 to 1048576, found 'tensor<?x8x?x?xf32>' (rope_c1)}}
  %r = attn.rope %x <dims = 64> : tensor<?x8x?x?xf32>
  return
}

// -----

func.func @rope_c2_bases_do_not_match_the_heads(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{bases has 1 entries for 8 heads (rope_c2)}}
  %r = attn.rope %x <dims = 64, bases = [1.0]> : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @norm_c1_gain_has_the_wrong_size(%x: tensor<?x8x?x64xf32>, %g: tensor<8xf32>) {
  // expected-error@+1 {{gain must be [64] or [8, 64], found 'tensor<8xf32>' (norm_c1)}}
  %r = attn.norm %x gain(%g : tensor<8xf32>) <> : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @norm_c1_gain_is_dynamic(%x: tensor<?x8x?x64xf32>, %g: tensor<?x64xf32>) {
  // expected-error@+1 {{gain must be [64] or [8, 64], found 'tensor<?x64xf32>' (norm_c1)}}
  %r = attn.norm %x gain(%g : tensor<?x64xf32>) <> : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @expand_c1_head_counts_do_not_fit(%x: tensor<?x8x?x64xf32>, %w: tensor<4x64x32xf32>) {
  // expected-error@+1 {{input has 8 heads and weight 4; they must be equal or one of them 1 (expand_c1)}}
  %r = attn.expand %x, %w : tensor<?x8x?x64xf32>, tensor<4x64x32xf32> -> tensor<?x8x?x32xf32>
  return
}

// -----

func.func @expand_c1_weight_is_dynamic(%x: tensor<?x8x?x64xf32>, %w: tensor<8x64x?xf32>) {
  // expected-error@+1 {{weight must have a static shape, found 'tensor<8x64x?xf32>' (expand_c1)}}
  %r = attn.expand %x, %w : tensor<?x8x?x64xf32>, tensor<8x64x?xf32> -> tensor<?x8x?x32xf32>
  return
}

// -----

func.func @expand_c1_weight_has_no_head(%x: tensor<?x1x?x64xf32>, %w: tensor<0x64x32xf32>) {
  // expected-error@+1 {{input has 1 heads and weight 0; they must be equal or one of them 1 (expand_c1)}}
  %r = attn.expand %x, %w : tensor<?x1x?x64xf32>, tensor<0x64x32xf32> -> tensor<?x1x?x32xf32>
  return
}

// -----

func.func @expand_c2_inner_size_differs(%x: tensor<?x8x?x64xf32>, %w: tensor<8x64x32xf32>) {
  // expected-error@+1 {{weight takes vectors of size 32, the input's are 64 (expand_c2)}}
  %r = attn.expand %x, %w transposed : tensor<?x8x?x64xf32>, tensor<8x64x32xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @expand_c3_result_has_the_wrong_size(%x: tensor<?x8x?x64xf32>, %w: tensor<8x64x32xf32>) {
  // expected-error@+1 {{result must be [?, 8, ?, 32] of 'f32', found 'tensor<?x8x?x64xf32>' (expand_c3)}}
  %r = attn.expand %x, %w : tensor<?x8x?x64xf32>, tensor<8x64x32xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @concat_c1_no_part() {
  // expected-error@+1 {{needs at least one part (concat_c1)}}
  %r = "attn.concat"() : () -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @concat_c1_head_counts_do_not_fit(%x: tensor<?x8x?x64xf32>, %y: tensor<?x2x?x64xf32>) {
  // expected-error@+1 {{parts must have 8 heads or one, found 'tensor<?x2x?x64xf32>' (concat_c1)}}
  %r = attn.concat %x, %y : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x128xf32>
  return
}

// -----

func.func @concat_c1_lengths_do_not_fit(%x: tensor<?x8x?x64xf32>, %y: tensor<?x8x3x64xf32>) {
  // expected-error@+1 {{parts must agree with the result in batch, sequence and element type, found 'tensor<?x8x3x64xf32>' (concat_c1)}}
  %r = attn.concat %x, %y : tensor<?x8x?x64xf32>, tensor<?x8x3x64xf32> -> tensor<?x8x4x128xf32>
  return
}

// -----

func.func @concat_c2_result_is_not_the_sum(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{result must be [?, 8, ?, 128], found 'tensor<?x8x?x64xf32>' (concat_c2)}}
  %r = attn.concat %x, %x : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @concat_c2_result_is_dynamic(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{result must have a static head size from 1 to 1048576, found 'tensor<?x8x?x?xf32>' (concat_c2)}}
  %r = attn.concat %x, %x : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x?xf32>
  return
}

// -----

func.func @columns_c1_range_passes_the_end(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{columns 33 to 65 are not inside a head of size 64 (columns_c1)}}
  %r = attn.columns %x from 33 : tensor<?x8x?x64xf32> -> tensor<?x8x?x32xf32>
  return
}

// -----

func.func @columns_c1_first_is_negative(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{columns -1 to 31 are not inside a head of size 64 (columns_c1)}}
  %r = attn.columns %x from -1 : tensor<?x8x?x64xf32> -> tensor<?x8x?x32xf32>
  return
}

// -----

func.func @columns_c1_result_changes_the_heads(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{result 'tensor<?x2x?x32xf32>' must differ from the input only in the head size (columns_c1)}}
  %r = attn.columns %x from 0 : tensor<?x8x?x64xf32> -> tensor<?x2x?x32xf32>
  return
}

// -----

func.func @select_heads_c1_table_does_not_match_the_result(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{table has 1 entries for 2 result heads (select_heads_c1)}}
  %r = attn.select_heads %x [0] : tensor<?x8x?x64xf32> -> tensor<?x2x?x64xf32>
  return
}

// -----

func.func @select_heads_c1_entry_is_no_head(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{table entry 8 is not one of the 8 heads (select_heads_c1)}}
  %r = attn.select_heads %x [0, 8] : tensor<?x8x?x64xf32> -> tensor<?x2x?x64xf32>
  return
}

// -----

func.func @select_heads_c1_result_changes_the_size(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{result 'tensor<?x2x?x32xf32>' must differ from the input only in the head count (select_heads_c1)}}
  %r = attn.select_heads %x [0, 1] : tensor<?x8x?x64xf32> -> tensor<?x2x?x32xf32>
  return
}

// -----

func.func @scale_c1_factor_is_infinite(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{factor must be finite (scale_c1)}}
  %r = attn.scale %x by 0xFFF0000000000000 : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @short_conv_c1_weight_has_the_wrong_heads(%x: tensor<?x8x?x64xf32>, %w: tensor<2x4x64xf32>) {
  // expected-error@+1 {{weight must be [8, taps, 64], found 'tensor<2x4x64xf32>' (short_conv_c1)}}
  %r = attn.short_conv %x, %w : tensor<?x8x?x64xf32>, tensor<2x4x64xf32>
  return
}

// -----

func.func @short_conv_c1_weight_has_no_tap(%x: tensor<?x8x?x64xf32>, %w: tensor<8x0x64xf32>) {
  // expected-error@+1 {{weight must be [8, taps, 64], found 'tensor<8x0x64xf32>' (short_conv_c1)}}
  %r = attn.short_conv %x, %w : tensor<?x8x?x64xf32>, tensor<8x0x64xf32>
  return
}

// -----

func.func @merge_lse_operand_is_missing(%o: tensor<?x8x?x64xf32>, %l: tensor<?x8x?xf32>) {
  // expected-error@+1 {{expected one operand after 'lse' for each part, found 1 for 2}}
  %r:2 = attn.merge %o, %o lse %l : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return
}

// -----

func.func @merge_c1_operand_count_is_odd(%o: tensor<?x8x?x64xf32>, %l: tensor<?x8x?xf32>) {
  // expected-error@+1 {{needs one row operand for each part, and at least one part; found 3 operands (merge_c1)}}
  %r:2 = "attn.merge"(%o, %l, %l) : (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>, tensor<?x8x?xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>)
  return
}

// -----

func.func @merge_c1_no_part() {
  // expected-error@+1 {{needs one row operand for each part, and at least one part; found 0 operands (merge_c1)}}
  %r:2 = "attn.merge"() : () -> (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>)
  return
}

// -----

func.func @merge_c2_part_differs_from_the_result(%o: tensor<2x8x?x64xf32>, %l: tensor<?x8x?xf32>) {
  // expected-error@+1 {{parts must have the result's type 'tensor<?x8x?x64xf32>', found 'tensor<2x8x?x64xf32>' (merge_c2)}}
  %r:2 = "attn.merge"(%o, %l) : (tensor<2x8x?x64xf32>, tensor<?x8x?xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>)
  return
}

// -----

func.func @merge_c2_lse_does_not_fit(%o: tensor<?x8x?x64xf32>, %l: tensor<?x2x?xf32>) {
  // expected-error@+1 {{row operands must be [?, 8, ?], found 'tensor<?x2x?xf32>' (merge_c2)}}
  %r:2 = attn.merge %o lse %l : tensor<?x8x?x64xf32>, tensor<?x2x?xf32>
  return
}

// -----

func.func @merge_c2_lse_differs_from_the_result(%o: tensor<?x8x?x64xf32>, %l: tensor<?x8x?xf32>) {
  // expected-error@+1 {{lse operands must have the result's type 'tensor<2x8x?xf32>', found 'tensor<?x8x?xf32>' (merge_c2)}}
  %r:2 = "attn.merge"(%o, %l) : (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>) -> (tensor<?x8x?x64xf32>, tensor<2x8x?xf32>)
  return
}

// -----

func.func @merge_c2_head_count_is_dynamic(%o: tensor<?x?x?x64xf32>, %l: tensor<?x?x?xf32>) {
  // expected-error@+1 {{result must have a static head count from 1 to 1048576, found 'tensor<?x?x?x64xf32>' (merge_c2)}}
  %r:2 = attn.merge %o lse %l : tensor<?x?x?x64xf32>, tensor<?x?x?xf32>
  return
}

// -----

func.func @gated_sum_c1_operand_count_is_odd(%o: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{needs one row operand for each part, and at least one part; found 1 operands (gated_sum_c1)}}
  %r = "attn.gated_sum"(%o) : (tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @gated_sum_c2_gates_have_two_types(%o: tensor<?x8x?x64xf32>, %g: tensor<?x8x?xf32>, %h: tensor<2x8x?xf32>) {
  // expected-error@+1 {{row operands must have one type, found 'tensor<?x8x?xf32>' and 'tensor<2x8x?xf32>' (gated_sum_c2)}}
  %r = "attn.gated_sum"(%o, %o, %g, %h) : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?xf32>, tensor<2x8x?xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

// expected-error@+1 {{expects parent op to be one of 'attn.attention, attn.tile.dot, attn.stream, attn.work'}}
"attn.yield"() : () -> ()

// -----

func.func @attention_mask_parenthesis_is_not_closed(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{expected ')'}}
  %o = attn.attention %x, %x, %x scale(0.125) mask(<(causal or all>)
      : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @norm_without_its_record(%x: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{expected '<'}}
  %n = attn.norm %x : tensor<?x8x?x64xf32>
  return
}
