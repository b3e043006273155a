// What attributes and types refuse, each with what was expected; misspelt words are answered with the nearest one.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

//===----------------------------------------------------------------------===//
// Mask
//===----------------------------------------------------------------------===//

// expected-error@+1 {{unknown mask word 'casual'; known are 'all', 'none', 'causal', 'window', 'sink', 'prefix', 'chunk', 'stride', 'prefix_length', 'document', 'dense', 'blocks', 'per_head', 'not'; did you mean 'causal'?}}
func.func private @misspelt_word() attributes {m = #attn.mask<casual>}

// -----

// expected-error@+1 {{did you mean 'window'?}}
func.func private @misspelt_word_with_numbers() attributes {m = #attn.mask<causal and windows<4096>>}

// -----

// A word that is near to none gets no suggestion.
// expected-error-re@+1 {{unknown mask word 'zebra'; known are {{.*}}'not'{{$}}}}
func.func private @word_near_to_none() attributes {m = #attn.mask<zebra>}

// -----

// expected-error@+1 {{expected a mask word such as 'causal' or 'window<4096>', 'not' or '('}}
func.func private @nothing() attributes {m = #attn.mask<>}

// -----

// expected-error@+1 {{expected a mask word such as 'causal' or 'window<4096>', 'not' or '('}}
func.func private @nothing_after_and() attributes {m = #attn.mask<causal and>}

// -----

// expected-error@+1 {{expected '>'}}
func.func private @two_words_without_and() attributes {m = #attn.mask<causal causal>}

// -----

// expected-error@+1 {{expected '<'}}
func.func private @window_without_length() attributes {m = #attn.mask<window>}

// -----

// expected-error@+1 {{mask word 'window' takes 1 or 2 numbers, found 0}}
func.func private @window_with_an_empty_list() attributes {m = #attn.mask<window<>>}

// -----

// expected-error@+1 {{mask word 'window' takes 1 or 2 numbers, found 3}}
func.func private @window_with_three_numbers() attributes {m = #attn.mask<window<1, 2, 3>>}

// -----

// expected-error@+1 {{mask word 'sink' takes 1 number, found 2}}
func.func private @sink_with_two_numbers() attributes {m = #attn.mask<sink<1, 2>>}

// -----

// expected-error@+1 {{mask word 'blocks' takes 3 numbers, found 1}}
func.func private @blocks_with_one_number() attributes {m = #attn.mask<blocks<64>>}

// -----

// expected-error@+1 {{mask word 'window' takes lengths from 1 to 1099511627776, found 0}}
func.func private @window_of_zero() attributes {m = #attn.mask<window<0>>}

// -----

// expected-error@+1 {{mask word 'chunk' takes lengths from 1 to 1099511627776, found -8}}
func.func private @negative_chunk() attributes {m = #attn.mask<chunk<-8>>}

// -----

// expected-error@+1 {{mask word 'prefix' takes lengths from 1 to 1099511627776, found 9223372036854775807}}
func.func private @prefix_beyond_all_lengths() attributes {m = #attn.mask<prefix<9223372036854775807>>}

// -----

// expected-error@+1 {{integer value too large}}
func.func private @number_past_64_bits() attributes {m = #attn.mask<window<18446744073709551616>>}

// -----

// expected-error@+1 {{mask word 'dense' takes an operand number from 0 to 1099511627776, found -1}}
func.func private @negative_operand_number() attributes {m = #attn.mask<dense<-1>>}

// -----

// expected-error@+1 {{expected integer value}}
func.func private @length_is_a_word() attributes {m = #attn.mask<window<causal>>}

// -----

// expected-error@+1 {{per_head needs at least one expression and one table entry}}
func.func private @per_head_of_nothing() attributes {m = #attn.mask<per_head<[], []>>}

// -----

// expected-error@+1 {{per_head table entry 2 is not one of the 2 expressions}}
func.func private @per_head_entry_is_no_expression() attributes {m = #attn.mask<per_head<[causal, all], [0, 2]>>}

// -----

// expected-error@+1 {{per_head table entry -1 is not one of the 1 expressions}}
func.func private @per_head_entry_is_negative() attributes {m = #attn.mask<per_head<[causal], [-1]>>}

// -----

// expected-error@+1 {{mask expression is nested more than 100 deep}}
func.func private @nested_too_deep() attributes {m = #attn.mask<((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((causal))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))>}

// -----

// expected-error@+1 {{expected '<'}}
func.func private @mask_without_brackets() attributes {m = #attn.mask}

// -----

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

// expected-error@+1 {{unknown field 'dim'; known are 'dims', 'start', 'base', 'bases', 'layout', 'scaling', 'factor', 'original_length', 'served_length', 'low_freq', 'high_freq', 'beta_fast', 'beta_slow', 'truncate', 'magnitude', 'short_factors', 'long_factors'; did you mean 'dims'?}}
func.func private @misspelt_field() attributes {r = #attn.rope<dim = 64>}

// -----

// expected-error@+1 {{unknown scaling 'lama3'; known are 'none', 'linear', 'dynamic', 'yarn', 'llama3', 'longrope'; did you mean 'llama3'?}}
func.func private @misspelt_scaling() attributes {r = #attn.rope<dims = 64, scaling = lama3>}

// -----

// expected-error@+1 {{field 'dims' is given twice}}
func.func private @field_given_twice() attributes {r = #attn.rope<dims = 64, dims = 64>}

// -----

// expected-error@+1 {{rope needs the field 'dims'}}
func.func private @required_field_is_missing() attributes {r = #attn.rope<base = 10000.0>}

// -----

// expected-error@+1 {{expected '<'}}
func.func private @record_without_brackets() attributes {n = #attn.norm_kind}

// -----

// expected-error@+1 {{rope needs the field 'dims'}}
func.func private @no_field() attributes {r = #attn.rope<>}

// -----

// expected-error@+1 {{rope dims must be even, from 2 to 1048576, found 63}}
func.func private @odd_dims() attributes {r = #attn.rope<dims = 63>}

// -----

// expected-error@+1 {{rope dims must be even, from 2 to 1048576, found 0}}
func.func private @zero_dims() attributes {r = #attn.rope<dims = 0>}

// -----

// expected-error@+1 {{rope field 'dims' takes an integer from 0 to 2^40, found -64 : i64}}
func.func private @negative_dims() attributes {r = #attn.rope<dims = -64>}

// -----

// expected-error@+1 {{rope field 'start' takes an integer from 0 to 2^40, found 9223372036854775807 : i64}}
func.func private @start_beyond_all_sizes() attributes {r = #attn.rope<dims = 64, start = 9223372036854775807>}

// -----

// expected-error@+1 {{rope field 'truncate' takes 0 or 1, found 2 : i64}}
func.func private @flag_is_neither() attributes {r = #attn.rope<dims = 64, truncate = 2>}

// -----

// expected-error@+1 {{rope base must be positive, found -10000.0}}
func.func private @negative_base() attributes {r = #attn.rope<dims = 64, base = -10000.0>}

// -----

// expected-error@+1 {{rope bases must be positive, found 0.0}}
func.func private @zero_among_the_bases() attributes {r = #attn.rope<dims = 64, bases = [1.0, 0.0]>}

// -----

// expected-error@+1 {{rope field 'base' takes a finite real number, found 0x7FF0000000000000 : f64}}
func.func private @infinite_base() attributes {r = #attn.rope<dims = 64, base = 0x7FF0000000000000>}

// -----

// expected-error@+1 {{rope field 'bases' takes a list of finite real numbers}}
func.func private @infinity_among_the_bases() attributes {r = #attn.rope<dims = 64, bases = [0x7FF0000000000000]>}

// -----

// expected-error@+2 {{unexpected decimal integer literal for a floating point value}}
// expected-note@+1 {{add a trailing dot to make the literal a float}}
func.func private @integer_for_a_real() attributes {r = #attn.rope<dims = 64, base = 10000>}

// -----

// expected-error@+1 {{expected integer value}}
func.func private @real_for_an_integer() attributes {r = #attn.rope<dims = 64.0>}

// -----

// expected-error@+1 {{rope scaling 'yarn' needs a positive original_length}}
func.func private @yarn_without_length() attributes {r = #attn.rope<dims = 64, scaling = yarn, factor = 4.0>}

// -----

// expected-error@+1 {{rope scaling 'yarn' needs a base above 1}}
func.func private @yarn_with_base_one() attributes {r = #attn.rope<dims = 64, base = 1.0, scaling = yarn, original_length = 4096>}

// -----

// expected-error@+1 {{rope scaling 'dynamic' needs at least 4 dims, found 2}}
func.func private @dynamic_on_one_pair() attributes {r = #attn.rope<dims = 2, scaling = dynamic, original_length = 4096>}

// -----

// expected-error@+1 {{rope short_factors must have one entry per pair (2), found 0}}
func.func private @longrope_without_factors() attributes {r = #attn.rope<dims = 4, scaling = longrope, original_length = 4096>}

// -----

// expected-error@+1 {{rope long_factors must have one entry per pair (2), found 3}}
func.func private @longrope_with_too_many_factors() attributes {r = #attn.rope<dims = 4, scaling = longrope, original_length = 4096, short_factors = [1.0, 1.0], long_factors = [1.0, 1.0, 1.0]>}

// -----

// expected-error@+1 {{norm eps must not be negative, found -1.0}}
func.func private @negative_eps() attributes {n = #attn.norm_kind<eps = -1.0>}

// -----

// expected-error@+1 {{unknown kind 'rmsnorm'; known are 'rms', 'l2', 'layer'}}
func.func private @unknown_norm() attributes {n = #attn.norm_kind<kind = rmsnorm>}

// -----

// expected-error@+1 {{latent kv_rank must be from 1 to 1099511627776, found 0}}
func.func private @latent_of_rank_zero() attributes {l = #attn.latent<kv_rank = 0, nope = 128>}

// -----

// expected-error@+1 {{latent needs the field 'nope'}}
func.func private @latent_without_nope() attributes {l = #attn.latent<kv_rank = 512>}

// -----

// expected-error@+1 {{unknown field 'qk_rope'}}
func.func private @latent_field_is_unknown() attributes {l = #attn.latent<kv_rank = 512, nope = 128, qk_rope = 64>}

// -----

// expected-error@+1 {{target lanes must be from 1 to 1099511627776, found 0}}
func.func private @target_without_lanes() attributes {t = #attn.target<lanes = 0>}

// -----

// expected-error@+1 {{expected string}}
func.func private @target_name_is_no_string() attributes {t = #attn.target<name = zen4>}

// -----

// expected-error@+1 {{schedule rows must be from 1 to 1048576, found 0}}
func.func private @schedule_of_no_rows() attributes {s = #attn.schedule<rows = 0, keys = 64>}

// -----

// expected-error@+1 {{schedule needs the field 'keys'}}
func.func private @schedule_without_keys() attributes {s = #attn.schedule<rows = 64>}

// -----

// expected-error@+1 {{unknown order 'longest'; known are 'linear', 'longest_first'}}
func.func private @schedule_order_is_unknown() attributes {s = #attn.schedule<rows = 64, keys = 64, order = longest>}

// -----

// expected-error@+2 {{expected ::mlir::attn::Normalizer to be one of: softmax, relu, sigmoid}}
// expected-error@+1 {{failed to parse Attn_NormalizerAttr parameter 'value'}}
func.func private @normalizer_is_unknown() attributes {n = #attn.normalizer<softmx>}

// -----

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// expected-error@+1 {{expected from 1 to 1099511627776 rows, found 0}}
func.func private @no_rows(!attn.rows<0>)

// -----

// expected-error@+1 {{expected from 1 to 1099511627776 rows, found -4}}
func.func private @negative_rows(!attn.rows<-4>)

// -----

// expected-error@+1 {{expected rows x columns, as in 128x64xf32; found 1 sizes}}
func.func private @tile_of_one_size(!attn.tile<64xf32>)

// -----

// expected-error@+1 {{expected rows x columns, as in 128x64xf32; found 3 sizes}}
func.func private @state_of_three_sizes(!attn.online<4x64x4xf32>)

// -----

// expected-error@+1 {{expected from 1 to 1099511627776 rows and from 1 to 1048576 columns, found 4x0}}
func.func private @tile_without_columns(!attn.tile<4x0xf32>)

// -----

// expected-error@+1 {{expected static shape}}
func.func private @dynamic_tile(!attn.tile<?x64xf32>)

// -----

// expected-error@+1 {{expected elements of f32, bf16 or f16, found 'i32'}}
func.func private @tile_of_integers(!attn.tile<4x64xi32>)

// -----

// expected-error@+1 {{expected elements of f32, bf16 or f16, found '!attn.rows<4>'}}
func.func private @tile_of_rows(!attn.tile<4x64x!attn.rows<4>>)
