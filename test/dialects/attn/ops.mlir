// Every tensor operation, attribute and type in text, in generic form and in bytecode.
// RUN: attn-opt %s | FileCheck %s
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --mlir-print-op-generic | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

//===----------------------------------------------------------------------===//
// attn.spec
//===----------------------------------------------------------------------===//

// CHECK: attn.spec @smallest {query_heads = 1, qk_size = 8}
attn.spec @smallest {qk_size = 8, query_heads = 1}

// Fields print in the order of the table, whatever the order they were written in.
// CHECK: attn.spec @everything {query_heads = 4, key_heads = 2, value_heads = 1, query_map = array<i64: 0, 1, 2, 3>,
// CHECK-SAME: key_map = array<i64: 0, 0, 1, 1>, value_map = array<i64: 0, 0, 0, 0>, qk_size = 64, v_size = 32, width = 256,
// CHECK-SAME: rope = #attn.rope<dims = 64>, alibi = array<f64: 5.000000e-01, 2.500000e-01, 1.250000e-01, 6.250000e-02>,
// CHECK-SAME: query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = l2>, value_norm = #attn.norm_kind<kind = layer>,
// CHECK-SAME: norm_gain, scale = 1.250000e-01 : f64, softcap = 5.000000e+01 : f64, mask = #attn.mask<causal>, sinks,
// CHECK-SAME: bias = ["query", "output"], clip_qkv = 8.000000e+00 : f64, normalizer = #attn.normalizer<softmax>, dtype = bf16, layers = array<i64: 3, 1>, kv_from = 0, note.text = "kept"}
attn.spec @everything {
  note.text = "kept", kv_from = 0, clip_qkv = 8.0, bias = ["query", "output"], layers = array<i64: 3, 1>, dtype = bf16, normalizer = #attn.normalizer<softmax>,
  sinks, mask = #attn.mask<causal>, softcap = 50.0, scale = 0.125, norm_gain,
  value_norm = #attn.norm_kind<kind = layer>, key_norm = #attn.norm_kind<kind = l2>, query_norm = #attn.norm_kind<kind = rms>,
  alibi = array<f64: 0.5, 0.25, 0.125, 0.0625>, rope = #attn.rope<dims = 64>, width = 256, v_size = 32, qk_size = 64,
  value_map = array<i64: 0, 0, 0, 0>, key_map = array<i64: 0, 0, 1, 1>, query_map = array<i64: 0, 1, 2, 3>,
  value_heads = 1, key_heads = 2, query_heads = 4
}

// CHECK: attn.spec @latent {query_heads = 16, v_size = 128, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>, form = "absorbed"}
attn.spec @latent {query_heads = 16, v_size = 128, form = "absorbed", latent = #attn.latent<kv_rank = 512, rope = 64, nope = 128>}

//===----------------------------------------------------------------------===//
// attn.attention
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @attention_with_nothing_optional
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
func.func @attention_with_nothing_optional(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x32xf32>) -> tensor<?x8x?x32xf32> {
  %o = attn.attention %q, %k, %v scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>
  return %o : tensor<?x8x?x32xf32>
}

// CHECK-LABEL: func @attention_with_everything_at_once
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x4x?x64xbf16>, %[[K:[^:]+]]: {{.*}}, %[[V:[^:]+]]: {{.*}}, %[[S:[^:]+]]: tensor<4xf32>, %[[P:[^:]+]]: index, %[[M0:[^:]+]]: tensor<2xi32>, %[[M1:[^:]+]]: tensor<2x?xi64>
// CHECK: %{{.*}}, %{{.*}} = attn.attention %[[Q]], %[[K]], %[[V]] scale(-0.1)
// CHECK-SAME: mask(<causal and document<1> or prefix_length<0>>, %[[M0]], %[[M1]] : tensor<2xi32>, tensor<2x?xi64>)
// CHECK-SAME: heads(query = [0, 1, 2, 3], key = [0, 0, 0, 2], value = [0, 1, 1, 1]) sinks(%[[S]] : tensor<4xf32>) offset(%[[P]])
// CHECK-SAME: schedule<rows = 64, keys = 128, panels = 2, lanes = 16, register_keys = 4, register_values = 2, unroll = 8, stages = 3, roles = specialised, consumers = 2, p_in_registers = 1, overlap = 1, pingpong = 1, persistent = 1, maximum = lazy, splits = 4, order = longest_first>
// CHECK-SAME: score {
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %{{.*}}: index, %{{.*}}: index):
// CHECK: %[[SLOPE:.*]] = attn.lookup %[[H]] in [0.5, 0.25, 0.3333333333333333, 1.0e-20]
// CHECK: %[[R:.*]] = arith.mulf %[[X]], %[[SLOPE]] : f32
// CHECK: attn.yield %[[R]] : f32
// CHECK: } : tensor<2x4x?x64xbf16>, tensor<2x3x?x64xbf16>, tensor<2x2x?x32xbf16> -> tensor<2x4x?x32xbf16>, tensor<2x4x?xf32>
func.func @attention_with_everything_at_once(%q: tensor<2x4x?x64xbf16>, %k: tensor<2x3x?x64xbf16>, %v: tensor<2x2x?x32xbf16>,
    %sinks: tensor<4xf32>, %offset: index, %ends: tensor<2xi32>, %ids: tensor<2x?xi64>) -> (tensor<2x4x?x32xbf16>, tensor<2x4x?xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(-0.1)
      mask(<causal and document<1> or prefix_length<0>>, %ends, %ids : tensor<2xi32>, tensor<2x?xi64>)
      heads(value = [0, 1, 1, 1], key = [0, 0, 0, 2], query = [0, 1, 2, 3]) sinks(%sinks : tensor<4xf32>) offset(%offset)
      schedule<rows = 64, keys = 128, panels = 2, lanes = 16, register_keys = 4, register_values = 2, unroll = 8, stages = 3,
               roles = specialised, consumers = 2, p_in_registers = 1, overlap = 1, pingpong = 1, persistent = 1,
               maximum = lazy, splits = 4, order = longest_first> score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %m = attn.lookup %h in [0.5, 0.25, 0.3333333333333333, 1.0e-20]
    %r = arith.mulf %s, %m : f32
    attn.yield %r : f32
  } {note.kept}
      : tensor<2x4x?x64xbf16>, tensor<2x3x?x64xbf16>, tensor<2x2x?x32xbf16> -> tensor<2x4x?x32xbf16>, tensor<2x4x?xf32>
  return %o, %l : tensor<2x4x?x32xbf16>, tensor<2x4x?xf32>
}

// CHECK-LABEL: func @normalizers_other_than_softmax
// CHECK: attn.attention {{.*}} scale(1.0) normalizer<relu> :
// CHECK: attn.attention {{.*}} scale(1.0) normalizer<sigmoid> :
// CHECK: attn.attention {{.*}} scale(1.0) :
func.func @normalizers_other_than_softmax(%x: tensor<?x2x?x8xf16>) {
  %0 = attn.attention %x, %x, %x scale(1.0) normalizer<relu> : tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16> -> tensor<?x2x?x8xf16>
  %1 = attn.attention %x, %x, %x scale(1.0) normalizer<sigmoid> : tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16> -> tensor<?x2x?x8xf16>
  %2 = attn.attention %x, %x, %x scale(1.0) normalizer<softmax> : tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16>, tensor<?x2x?x8xf16> -> tensor<?x2x?x8xf16>
  return
}

// A region may read tensors from outside.
// CHECK-LABEL: func @score_region_reads_a_bias
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : tensor<2x?x?xf32>
func.func @score_region_reads_a_bias(%x: tensor<?x2x?x8xf32>, %bias: tensor<2x?x?xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %e = tensor.extract %bias[%h, %i, %j] : tensor<2x?x?xf32>
    %r = arith.addf %s, %e : f32
    attn.yield %r : f32
  } : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// Zero lengths are legal; only head counts and head sizes must be positive.
// CHECK-LABEL: func @zero_lengths_are_defined
// CHECK: attn.attention {{.*}} : tensor<0x2x0x8xf32>, tensor<0x2x0x8xf32>, tensor<0x2x0x8xf32> -> tensor<0x2x0x8xf32>
func.func @zero_lengths_are_defined(%x: tensor<0x2x0x8xf32>) -> tensor<0x2x0x8xf32> {
  %o = attn.attention %x, %x, %x scale(1.0) : tensor<0x2x0x8xf32>, tensor<0x2x0x8xf32>, tensor<0x2x0x8xf32> -> tensor<0x2x0x8xf32>
  return %o : tensor<0x2x0x8xf32>
}

//===----------------------------------------------------------------------===//
// Token transforms
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @rope_at_the_start_and_elsewhere
// CHECK: attn.rope %{{.*}} <dims = 64> : tensor<?x8x?x128xf32>
// CHECK: attn.rope %{{.*}} at %{{.*}} <dims = 64, start = 64, base = 500000.0, layout = interleaved> : tensor<?x8x?x128xf32>
func.func @rope_at_the_start_and_elsewhere(%x: tensor<?x8x?x128xf32>, %p: index) {
  %0 = attn.rope %x <dims = 64> : tensor<?x8x?x128xf32>
  %1 = attn.rope %x at %p <dims = 64, base = 500000.0, start = 64, layout = interleaved> : tensor<?x8x?x128xf32>
  return
}

// CHECK-LABEL: func @norm_with_and_without_gain
// CHECK: attn.norm %{{.*}} <> : tensor<?x8x?x128xf32>
// CHECK: attn.norm %{{.*}} gain(%{{.*}} : tensor<128xf32>) <kind = rms, eps = 1.0e-6, scale = 2.0, gain_offset = 1.0> : tensor<?x8x?x128xf32>
// CHECK: attn.norm %{{.*}} gain(%{{.*}} : tensor<8x128xf32>) <kind = layer> : tensor<?x8x?x128xf32>
func.func @norm_with_and_without_gain(%x: tensor<?x8x?x128xf32>, %g: tensor<128xf32>, %gh: tensor<8x128xf32>) {
  %0 = attn.norm %x <> : tensor<?x8x?x128xf32>
  %1 = attn.norm %x gain(%g : tensor<128xf32>) <eps = 1.0e-6, kind = rms, scale = 2.0, gain_offset = 1.0> : tensor<?x8x?x128xf32>
  %2 = attn.norm %x gain(%gh : tensor<8x128xf32>) <kind = layer> : tensor<?x8x?x128xf32>
  return
}

// CHECK-LABEL: func @expand_and_its_transpose
// CHECK: attn.expand %{{.*}}, %{{.*}} : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
// CHECK: attn.expand %{{.*}}, %{{.*}} transposed : tensor<?x16x?x128xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x512xf32>
func.func @expand_and_its_transpose(%c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>) -> tensor<?x16x?x512xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
  %t = attn.expand %k, %w transposed : tensor<?x16x?x128xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x512xf32>
  return %t : tensor<?x16x?x512xf32>
}

// CHECK-LABEL: func @concat_of_own_and_shared_columns
// CHECK: attn.columns %{{.*}} from 512 : tensor<?x1x?x576xf32> -> tensor<?x1x?x64xf32>
// CHECK: attn.concat %{{.*}}, %{{.*}} : tensor<?x16x?x128xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x192xf32>
func.func @concat_of_own_and_shared_columns(%n: tensor<?x16x?x128xf32>, %cache: tensor<?x1x?x576xf32>) -> tensor<?x16x?x192xf32> {
  %r = attn.columns %cache from 512 : tensor<?x1x?x576xf32> -> tensor<?x1x?x64xf32>
  %k = attn.concat %n, %r : tensor<?x16x?x128xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x192xf32>
  return %k : tensor<?x16x?x192xf32>
}

// CHECK-LABEL: func @heads_scale_and_short_conv
// CHECK: attn.select_heads %{{.*}} [1, 1, 0] : tensor<?x2x?x64xf32> -> tensor<?x3x?x64xf32>
// CHECK: attn.scale %{{.*}} by 0.3333333333333333 : tensor<?x3x?x64xf32>
// CHECK: attn.short_conv %{{.*}}, %{{.*}} : tensor<?x3x?x64xf32>, tensor<3x4x64xf32>
func.func @heads_scale_and_short_conv(%x: tensor<?x2x?x64xf32>, %w: tensor<3x4x64xf32>) -> tensor<?x3x?x64xf32> {
  %h = attn.select_heads %x [1, 1, 0] : tensor<?x2x?x64xf32> -> tensor<?x3x?x64xf32>
  %s = attn.scale %h by 0.3333333333333333 : tensor<?x3x?x64xf32>
  %c = attn.short_conv %s, %w : tensor<?x3x?x64xf32>, tensor<3x4x64xf32>
  return %c : tensor<?x3x?x64xf32>
}

//===----------------------------------------------------------------------===//
// Partial results
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @merge_and_gated_sum
// CHECK: %[[O:.*]], %[[L:.*]] = attn.merge %{{.*}}, %{{.*}} lse %{{.*}}, %{{.*}} : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
// CHECK: attn.gated_sum %[[O]], %{{.*}} gates %[[L]], %{{.*}} {note.kept} : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
func.func @merge_and_gated_sum(%a: tensor<?x8x?x64xf32>, %b: tensor<?x8x?x64xf32>, %la: tensor<?x8x?xf32>, %lb: tensor<?x8x?xf32>) -> tensor<?x8x?x64xf32> {
  %o, %l = attn.merge %a, %b lse %la, %lb : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  %g = attn.gated_sum %o, %a gates %l, %la {note.kept} : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %g : tensor<?x8x?x64xf32>
}
