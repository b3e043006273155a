// Attributes and types by themselves: text, generic form, bytecode. Numbers must come back as the same double.
// RUN: attn-opt %s | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

// CHECK-LABEL: func.func private @mask_words
// CHECK-SAME: m00 = #attn.mask<all>
// CHECK-SAME: m01 = #attn.mask<none>
// CHECK-SAME: m02 = #attn.mask<causal>
// CHECK-SAME: m03 = #attn.mask<window<4096>>
// CHECK-SAME: m04 = #attn.mask<window<4096, 1>>
// CHECK-SAME: m05 = #attn.mask<sink<4>>
// CHECK-SAME: m06 = #attn.mask<prefix<7>>
// CHECK-SAME: m07 = #attn.mask<chunk<8192>>
// CHECK-SAME: m08 = #attn.mask<stride<128>>
// CHECK-SAME: m09 = #attn.mask<prefix_length<0>>
// CHECK-SAME: m10 = #attn.mask<document<1>>
// CHECK-SAME: m11 = #attn.mask<dense<2>>
// CHECK-SAME: m12 = #attn.mask<blocks<64, 128, 3>>
// CHECK-SAME: m13 = #attn.mask<per_head<[causal, causal and window<64> or sink<4>], [0, 1, 1, 0]>>
// CHECK-SAME: m14 = #attn.mask<window<1099511627776>>
func.func private @mask_words() attributes {
  m00 = #attn.mask<all>, m01 = #attn.mask<none>, m02 = #attn.mask<causal>, m03 = #attn.mask<window<4096>>,
  m04 = #attn.mask<window<4096, 1>>, m05 = #attn.mask<sink<4>>, m06 = #attn.mask<prefix<7>>, m07 = #attn.mask<chunk<8192>>,
  m08 = #attn.mask<stride<128>>, m09 = #attn.mask<prefix_length<0>>, m10 = #attn.mask<document<1>>, m11 = #attn.mask<dense<2>>,
  m12 = #attn.mask<blocks<64, 128, 3>>,
  m13 = #attn.mask<per_head<[causal, causal and window<64> or sink<4>], [0, 1, 1, 0]>>,
  m14 = #attn.mask<window<1099511627776>>
}

// `and` binds tighter than `or`; parentheses print where the tree needs them and nowhere else.
// CHECK-LABEL: func.func private @mask_precedence
// CHECK-SAME: p0 = #attn.mask<causal and window<8> or sink<4>>
// CHECK-SAME: p1 = #attn.mask<causal and (window<8> or sink<4>)>
// CHECK-SAME: p2 = #attn.mask<not (causal or sink<4>)>
// CHECK-SAME: p3 = #attn.mask<not not causal>
// CHECK-SAME: p4 = #attn.mask<causal and (window<8> and sink<4>)>
// CHECK-SAME: p5 = #attn.mask<causal>
func.func private @mask_precedence() attributes {
  p0 = #attn.mask<(causal and window<8>) or sink<4>>, p1 = #attn.mask<causal and (window<8> or sink<4>)>,
  p2 = #attn.mask<not (causal or sink<4>)>, p3 = #attn.mask<not not causal>,
  p4 = #attn.mask<causal and (window<8> and sink<4>)>, p5 = #attn.mask<((causal))>
}

// CHECK-LABEL: func.func private @rope_fields
// CHECK-SAME: r0 = #attn.rope<dims = 4, bases = [10000.0, 1.5, 2.0e-7], scaling = linear, factor = 8.0>
// CHECK-SAME: r1 = #attn.rope<dims = 4, scaling = longrope, original_length = 4096, served_length = 131072, short_factors = [1.0, 1.1], long_factors = [1.5, 64.0]>
// CHECK-SAME: r2 = #attn.rope<dims = 128, base = 500000.0, scaling = llama3, factor = 8.0, original_length = 8192, low_freq = 1.0, high_freq = 4.0>
// CHECK-SAME: r3 = #attn.rope<dims = 64, scaling = yarn, factor = 40.0, original_length = 4096, beta_fast = 32.0, beta_slow = 1.0, truncate = 0, magnitude = 1.2079441541679836>
// CHECK-SAME: r4 = #attn.rope<dims = 64, scaling = dynamic, factor = 2.0, original_length = 2048, served_length = 8192>
func.func private @rope_fields() attributes {
  r0 = #attn.rope<dims = 4, bases = [10000.0, 1.5, 2.0e-7], scaling = linear, factor = 8.0>,
  r1 = #attn.rope<dims = 4, scaling = longrope, original_length = 4096, served_length = 131072, short_factors = [1.0, 1.1], long_factors = [1.5, 64.0]>,
  r2 = #attn.rope<dims = 128, base = 5.0e5, scaling = llama3, factor = 8.0, original_length = 8192, low_freq = 1.0, high_freq = 4.0>,
  r3 = #attn.rope<dims = 64, scaling = yarn, factor = 40.0, original_length = 4096, beta_fast = 32.0, beta_slow = 1.0, truncate = 0, magnitude = 1.2079441541679836>,
  r4 = #attn.rope<dims = 64, scaling = dynamic, factor = 2.0, original_length = 2048, served_length = 8192>
}

// CHECK-LABEL: func.func private @reals_print_shortest_and_exact
// CHECK-SAME: n0 = #attn.norm_kind<eps = 0.0>
// CHECK-SAME: n1 = #attn.norm_kind<eps = 1.0e-6>
// CHECK-SAME: n2 = #attn.norm_kind<scale = 0.1>
// CHECK-SAME: n3 = #attn.norm_kind<scale = 0.30000000000000004>
// CHECK-SAME: n4 = #attn.norm_kind<scale = 5.0e-324>
// CHECK-SAME: n5 = #attn.norm_kind<scale = 1.7976931348623157e+308>
// CHECK-SAME: n6 = #attn.norm_kind<scale = -0.0>
// CHECK-SAME: n7 = #attn.norm_kind<scale = 9007199254740992.0>
// CHECK-SAME: n8 = #attn.norm_kind<scale = -1.0e+16>
func.func private @reals_print_shortest_and_exact() attributes {
  n0 = #attn.norm_kind<eps = 0.0>, n1 = #attn.norm_kind<eps = 0.000001>, n2 = #attn.norm_kind<scale = 0.1>,
  n3 = #attn.norm_kind<scale = 0.30000000000000004>, n4 = #attn.norm_kind<scale = 4.94065645841246544e-324>,
  n5 = #attn.norm_kind<scale = 1.7976931348623157e308>, n6 = #attn.norm_kind<scale = -0.0>,
  n7 = #attn.norm_kind<scale = 9007199254740993.0>, n8 = #attn.norm_kind<scale = -1.0e16>
}

// CHECK-LABEL: func.func private @target_latent_schedule
// CHECK-SAME: l = #attn.latent<kv_rank = 512, nope = 128, rope = 64, q_rank = 1536>
// CHECK-SAME: n = #attn.normalizer<sigmoid>
// CHECK-SAME: r = #attn<role value>
// CHECK-SAME: s = #attn.schedule<rows = 4, keys = 64>
// CHECK-SAME: t = #attn.target<kind = cpu, name = "x86 \22quoted\22\0A", lanes = 16, masked = 1, l2 = 1048576, cores = 8>
func.func private @target_latent_schedule() attributes {
  l = #attn.latent<q_rank = 1536, rope = 64, nope = 128, kv_rank = 512>, n = #attn.normalizer<sigmoid>, r = #attn<role value>,
  s = #attn.schedule<keys = 64, rows = 4>,
  t = #attn.target<cores = 8, kind = cpu, name = "x86 \22quoted\22\n", lanes = 16, masked = 1, l2 = 1048576>
}

// CHECK-LABEL: func.func private @types
// CHECK-SAME: (!attn.rows<128>, !attn.tile<128x64xbf16>, !attn.online<128x64xf32>, !attn.tile<1x1xf16>)
func.func private @types(!attn.rows<128>, !attn.tile<128x64xbf16>, !attn.online<128x64xf32>, !attn.tile<1x1xf16>)
