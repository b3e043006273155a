// RUN: attn-opt %s --attn-attach-target=target=sm_80 --attn-plan | FileCheck %s
// RUN: attn-opt %s --attn-attach-target=target=sm_90 --attn-plan | FileCheck %s --check-prefix=LARGE
// RUN: attn-opt %s --attn-attach-target=target=sm_86 --attn-plan | FileCheck %s --check-prefix=SMALL
// RUN: attn-opt %s --attn-attach-target=target=sm_80 --attn-plan=exact-maximum | FileCheck %s --check-prefix=EXACT

// 64 columns: 32 rows per warp, whose queries fit registers. Two blocks share a multiprocessor.
// CHECK-LABEL: func.func @causal64
// CHECK: schedule<rows = 128, keys = 64, stages = 3, roles = uniform, consumers = 4, blocks = 2, q_in_registers = 1, p_in_registers = 1, maximum = lazy, order = longest_first>
// CHECK-SAME: "rows = 128: 4 warps of 32 rows; each reads keys and values from shared memory once for its rows"
// CHECK-SAME: "keys = 64: 231 registers of 255; shared memory {{[0-9]+}} of 166912 bytes"
// CHECK-SAME: "stages = 3: the next tile loads while this one is computed"
// CHECK-SAME: "blocks = 2: so many share a multiprocessor
// CHECK-SAME: "roles = uniform: warps copy, multiply and weigh alike
// CHECK-SAME: "maximum = lazy: rows keep the first tile's maximum, tiles that outgrow it run again"
// EXACT-LABEL: func.func @causal64
// EXACT: maximum = exact, order = longest_first>
func.func @causal64(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// 128 columns: the accumulator of 32 rows leaves room for 32 keys; a GPU with less shared memory has scores of 16 in registers; with 99 KB one block of eight warps with 16 rows each is what fits.
// CHECK-LABEL: func.func @full128
// CHECK: schedule<rows = 128, keys = 32, register_keys = 16, stages = 2, roles = uniform, consumers = 4, blocks = 2
// LARGE-LABEL: func.func @full128
// LARGE: schedule<rows = 128, keys = 32, stages = 2, roles = uniform, consumers = 4, blocks = 2
// SMALL-LABEL: func.func @full128
// SMALL: schedule<rows = 128, keys = 64, stages = 1, roles = uniform, consumers = 8, blocks = 1
// SMALL-SAME: "stages = 1: values load under the scores, the next keys under the softmax"
func.func @full128(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// One stage of keys in parts: the next part's scores are made before this one's weights are used, so that values have time to come.
// CHECK-LABEL: func.func @causal192
// CHECK: schedule<rows = 128, keys = 32, register_keys = 16, stages = 1, roles = uniform, consumers = 4, blocks = 2, q_in_registers = 0, p_in_registers = 1, overlap = 1, maximum = lazy
// CHECK-SAME: "overlap = 1: scores of the next part are made while the values are on their way"
func.func @causal192(%q: tensor<?x2x?x192xbf16>, %k: tensor<?x2x?x192xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x192xbf16>, tensor<?x2x?x192xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// Masks per head need registers of their own: 16 rows per warp.
// CHECK-LABEL: func.func @heads128
// CHECK: schedule<rows = 128, keys = 64, stages = {{.}}, roles = uniform, consumers = 8, blocks = 1
func.func @heads128(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<per_head<[causal, causal and window<9>], [0, 1]>>) : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// f16 keeps running maxima; 256 columns fill the registers of 16 rows.
// CHECK-LABEL: func.func @half256
// CHECK: schedule<rows = 128, keys = {{[0-9]+}}, stages = 1, roles = uniform, consumers = 8, blocks = 1
// CHECK-SAME: "maximum = exact: f16 weights could not grow above 65504"
func.func @half256(%q: tensor<?x2x?x256xf16>, %k: tensor<?x2x?x256xf16>, %v: tensor<?x2x?x256xf16>) -> tensor<?x2x?x256xf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x256xf16>, tensor<?x2x?x256xf16>, tensor<?x2x?x256xf16> -> tensor<?x2x?x256xf16>
  return %o : tensor<?x2x?x256xf16>
}

// Decode: packed rows, keys read once, the key range in parts. Warps share rows where three tiles of 64 keys fit, in as many blocks.
// CHECK-LABEL: func.func @decode
// CHECK: schedule<rows = 64, keys = 32, stages = 3, roles = uniform, consumers = 4, blocks = 2, q_in_registers = 1, p_in_registers = 1, maximum = exact, splits = 256, form = stream>
// CHECK-SAME: "form = stream: decoding has few rows
// CHECK-SAME: "rows = 64: 16 packed rows, the least that mma multiplies, for each of 4 warps; those without rows only copy"
// LARGE-LABEL: func.func @decode
// LARGE: schedule<rows = 16, keys = 64, stages = 3, {{.*}}splits = 256, form = stream>
func.func @decode(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x8x?x128xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}

// Small heads: more keys. Sixteen rows are shared, seventeen are not.
// CHECK-LABEL: func.func @decode32
// CHECK: schedule<rows = 16, keys = 128, stages = 3, roles = uniform, consumers = 4, blocks = 2, {{.*}}form = stream>
// CHECK-SAME: "rows = 16: the least that mma multiplies, for all of 4 warps, each of which multiplies its own keys of a tile"
func.func @decode32(%q: tensor<?x16x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x16x?x32xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x16x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x16x?x32xbf16>
  return %o : tensor<?x16x?x32xbf16>
}
// CHECK-LABEL: func.func @decode17
// CHECK: schedule<rows = 64, keys = 64, stages = 3, roles = uniform
func.func @decode17(%q: tensor<?x17x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x17x?x32xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x17x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x17x?x32xbf16>
  return %o : tensor<?x17x?x32xbf16>
}

// Values are columns of the keys: all warps of a block have the same rows, as many as a group of heads fills, and divide the columns. What does not fit takes fewer keys, then fewer rows.
// CHECK-LABEL: func.func @latent16
// CHECK: schedule<rows = 16, keys = 16, stages = 3, roles = uniform, consumers = 4, blocks = 2, split_output = 4, values_in_keys = 1, p_in_registers = 1, overlap = 0, maximum = exact, splits = 256, form = stream>
// LARGE-LABEL: func.func @latent16
// LARGE: schedule<rows = 16, keys = 64, stages = 2, roles = uniform, consumers = 4, blocks = 1,
// SMALL-LABEL: func.func @latent16
// SMALL: schedule<rows = 16, keys = 16, stages = 4, roles = uniform, consumers = 4, blocks = 1,
// CHECK-SAME: "rows = 16: pairs (position, head) of one key head"
// CHECK-SAME: "split_output = 4: each warp has 128 of 512 columns of all rows' sums"
// CHECK-SAME: "consumers = 4: 4 of them share the scores of 16 rows, a part of the columns each"
// CHECK-SAME: "values_in_keys = 1: values are columns 0 to 512 of the keys, loaded once for both products"
func.func @latent16(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o = attn.attention %q, %k, %v scale(0.07) mask(<causal>) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// CHECK-LABEL: func.func @latent128
// CHECK: schedule<rows = 64, keys = 32, stages = 2, roles = uniform, consumers = 8, blocks = 1, split_output = 8, values_in_keys = 1, p_in_registers = 1, overlap = 0,
// CHECK-SAME: shared memory 166736 of 166912 bytes
// LARGE-LABEL: func.func @latent128
// LARGE: schedule<rows = 64, keys = 32, stages = 3, roles = uniform, consumers = 8, blocks = 1, split_output = 8, values_in_keys = 1, p_in_registers = 1, overlap = 1,
// LARGE-SAME: "overlap = 1: the values of a tile multiply beside the scores of the next"
// SMALL-LABEL: func.func @latent128
// SMALL: schedule<rows = 32, keys = 16,
func.func @latent128(%q: tensor<?x128x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x128x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o = attn.attention %q, %k, %v scale(0.07) mask(<causal>) : tensor<?x128x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x128x?x512xbf16>
  return %o : tensor<?x128x?x512xbf16>
}

// Narrow values are columns of fewer warps, each with 16 rows' scores of its own, and two blocks share a multiprocessor.
// CHECK-LABEL: func.func @latent_narrow
// CHECK: schedule<rows = 64, keys = 32, stages = 3, roles = uniform, consumers = 4, blocks = 2, split_output = 4,
// CHECK-SAME: "consumers = 4: each makes the scores of 16 rows"
// CHECK-SAME: values are columns 64 to 192 of the keys
func.func @latent_narrow(%q: tensor<?x40x?x192xbf16>, %k: tensor<?x1x?x192xbf16>) -> tensor<?x40x?x128xbf16> {
  %v = attn.columns %k from 64 : tensor<?x1x?x192xbf16> -> tensor<?x1x?x128xbf16>
  %o = attn.attention %q, %k, %v scale(0.1) : tensor<?x40x?x192xbf16>, tensor<?x1x?x192xbf16>, tensor<?x1x?x128xbf16> -> tensor<?x40x?x128xbf16>
  return %o : tensor<?x40x?x128xbf16>
}
