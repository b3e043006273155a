// One section per way of breaking a numbered constraint of the operations of a layer.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @tokens_c1_width_is_open(%x: tensor<?x?x?xf32>) {
  // expected-error@+1 {{width must be static, found 'tensor<?x?x?xf32>' (tokens_c1)}}
  %t = attn.tokens %x : tensor<?x?x?xf32> -> tensor<?x1x?x64xf32>
  return
}

// -----

func.func @tokens_c1_result_has_two_heads(%x: tensor<?x?x64xf32>) {
  // expected-error@+1 {{result must be [?, 1, ?, 64] of 'f32', found 'tensor<?x2x?x32xf32>' (tokens_c1)}}
  %t = attn.tokens %x : tensor<?x?x64xf32> -> tensor<?x2x?x32xf32>
  return
}

// -----

func.func @project_c1_weight_of_other_heads(%o: tensor<?x8x?x32xf32>, %w: tensor<4x32x256xf32>) {
  // expected-error@+1 {{weight must be [8, 32, width], found 'tensor<4x32x256xf32>' (project_c1)}}
  %y = attn.project %o, %w : tensor<?x8x?x32xf32>, tensor<4x32x256xf32> -> tensor<?x?x256xf32>
  return
}

// -----

func.func @project_c2_result_of_another_width(%o: tensor<?x8x?x32xf32>, %w: tensor<8x32x256xf32>) {
  // expected-error@+1 {{result must be [?, ?, 256] of 'f32', found 'tensor<?x?x128xf32>' (project_c2)}}
  %y = attn.project %o, %w : tensor<?x8x?x32xf32>, tensor<8x32x256xf32> -> tensor<?x?x128xf32>
  return
}

// -----

func.func @append_c1_rows_of_another_size(%c: tensor<?x2x?x64xf32>, %r: tensor<?x2x?x32xf32>) {
  // expected-error@+1 {{rows must be [?, 2, ?, 64] of 'f32' like the cache, found 'tensor<?x2x?x32xf32>' (append_c1)}}
  %n = attn.append %c, %r : tensor<?x2x?x64xf32>, tensor<?x2x?x32xf32>
  return
}

// -----

func.func @add_c1_no_part() -> tensor<?x8x?x64xf32> {
  // expected-error@+1 {{needs at least one part (add_c1)}}
  %s = attn.add : tensor<?x8x?x64xf32>
  return %s : tensor<?x8x?x64xf32>
}

// -----

func.func @add_c1_parts_differ(%a: tensor<?x8x?x64xf32>, %b: tensor<?x4x?x64xf32>) {
  // expected-error@+1 {{parts must have the result's type 'tensor<?x8x?x64xf32>', found 'tensor<?x4x?x64xf32>' (add_c1)}}
  %s = "attn.add"(%a, %b) : (tensor<?x8x?x64xf32>, tensor<?x4x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @gate_c1_open_head_size(%a: tensor<?x8x?x?xf32>) {
  // expected-error@+1 {{(gate_c1)}}
  %s = attn.gate %a by %a : tensor<?x8x?x?xf32>
  return
}

// -----

func.func @shift_c1_by_nothing(%a: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{tokens must be from 1 to 2^20, found 0 (shift_c1)}}
  %s = attn.shift %a by 0 : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @join_heads_c1_result_keeps_heads(%a: tensor<?x4x?x16xf32>) {
  // expected-error@+1 {{result must be [?, 1, ?, 64] of 'f32', found 'tensor<?x4x?x16xf32>' (join_heads_c1)}}
  %s = attn.join_heads %a : tensor<?x4x?x16xf32> -> tensor<?x4x?x16xf32>
  return
}

// -----

func.func @compose_c1_heads_differ(%a: tensor<4x8x8xf32>, %b: tensor<2x8x8xf32>) {
  // expected-error@+1 {{weights must be static, with equal heads or one; found 'tensor<4x8x8xf32>' and 'tensor<2x8x8xf32>' (compose_c1)}}
  %s = attn.compose %a, %b : tensor<4x8x8xf32>, tensor<2x8x8xf32> -> tensor<4x8x8xf32>
  return
}

// -----

func.func @compose_c2_sizes_between_differ(%a: tensor<4x8x8xf32>, %b: tensor<1x6x8xf32>) {
  // expected-error@+1 {{the first weight gives vectors of size 8, the second takes 6 (compose_c2)}}
  %s = attn.compose %a, %b : tensor<4x8x8xf32>, tensor<1x6x8xf32> -> tensor<4x8x8xf32>
  return
}

// -----

func.func @compose_c3_wrong_result(%a: tensor<4x8x8xf32>, %b: tensor<1x8x6xf32>) {
  // expected-error@+1 {{result must be [4, 8, 6] of 'f32', found 'tensor<4x8x8xf32>' (compose_c3)}}
  %s = attn.compose %a, %b : tensor<4x8x8xf32>, tensor<1x8x6xf32> -> tensor<4x8x8xf32>
  return
}

// -----

func.func @combine_c1_atoms_do_not_divide_the_heads(%a: tensor<4x8x8xf32>, %c: tensor<1x3xf32>) {
  // expected-error@+1 {{coefficients must be [results, atoms] with atoms that divide the weight's heads, static; found 'tensor<1x3xf32>' for 'tensor<4x8x8xf32>' (combine_c1)}}
  %s = attn.combine %a by %c : tensor<4x8x8xf32>, tensor<1x3xf32> -> tensor<1x8x8xf32>
  return
}

// -----

func.func @combine_c2_wrong_result(%a: tensor<4x8x8xf32>, %c: tensor<1x2xf32>) {
  // expected-error@+1 {{result must be [2, 8, 8] of 'f32', found 'tensor<1x8x8xf32>' (combine_c2)}}
  %s = attn.combine %a by %c : tensor<4x8x8xf32>, tensor<1x2xf32> -> tensor<1x8x8xf32>
  return
}

// -----

func.func @selection_c1_no_whole_heads() {
  // expected-error@+1 {{result must be [2, heads * size, size], static, found 'tensor<2x20x16xf32>' (selection_c1)}}
  %w = attn.selection [0, 1] : tensor<2x20x16xf32>
  return
}

// -----

func.func @selection_c2_entry_is_no_head() {
  // expected-error@+1 {{table entry 2 is not one of the 2 heads (selection_c2)}}
  %w = attn.selection [0, 2] : tensor<2x32x16xf32>
  return
}

// -----

func.func @shift_c2_too_few_tokens_before(%a: tensor<?x8x?x64xf32>, %s: tensor<?x8x1x64xf32>) {
  // expected-error@+1 {{tokens before must be the input's but for a static number of at least 2, found 'tensor<?x8x1x64xf32>' for 'tensor<?x8x?x64xf32>' (shift_c2)}}
  %r = attn.shift %a by 2 after(%s : tensor<?x8x1x64xf32>) : tensor<?x8x?x64xf32>
  return
}

// -----

func.func @short_conv_c2_tokens_before_of_other_heads(%a: tensor<?x8x?x64xf32>, %s: tensor<?x4x2x64xf32>, %w: tensor<8x3x64xf32>) {
  // expected-error@+1 {{tokens before must be the input's but for a static number of at least 2, found 'tensor<?x4x2x64xf32>' for 'tensor<?x8x?x64xf32>' (short_conv_c2)}}
  %r = attn.short_conv %a, %w after(%s : tensor<?x4x2x64xf32>) : tensor<?x8x?x64xf32>, tensor<8x3x64xf32>
  return
}

// -----

func.func @carry_c1_open_number_of_tokens(%a: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{tokens before must be the input's but for a static number of at least 1, found 'tensor<?x8x?x64xf32>' for 'tensor<?x8x?x64xf32>' (carry_c1)}}
  %r = attn.carry %a, %a : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>
  return
}

// -----

func.func @newest_c1_open_number_of_tokens(%a: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{result must be the input's but for a static number of tokens, found 'tensor<?x8x?x64xf32>' (newest_c1)}}
  %r = attn.newest %a : tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @bias_c1_one_for_all_heads(%a: tensor<?x8x?x64xf32>, %b: tensor<64xf32>) {
  // expected-error@+1 {{bias must be [8, 64] of 'f32', static, found 'tensor<64xf32>' (bias_c1)}}
  %r = attn.bias %a, %b : tensor<?x8x?x64xf32>, tensor<64xf32>
  return
}

// -----

func.func @bias_c1_of_another_width(%x: tensor<?x?x64xf32>, %b: tensor<32xf32>) {
  // expected-error@+1 {{bias must be [64] of 'f32', static, found 'tensor<32xf32>' (bias_c1)}}
  %r = attn.bias %x, %b : tensor<?x?x64xf32>, tensor<32xf32>
  return
}

// -----

func.func @clamp_c1_to_nothing(%a: tensor<?x8x?x64xf32>) {
  // expected-error@+1 {{limit must be positive and finite (clamp_c1)}}
  %r = attn.clamp %a to 0.0 : tensor<?x8x?x64xf32>
  return
}
