// RUN: attn-opt %s --split-input-file --attn-plan | FileCheck %s

// 32 registers: blocks of 8 keys by 2 vectors; scores and queries fill the first-level cache.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32, fma_per_cycle = 1, fused = 1, loads_per_cycle = 2, l1 = 32768, l2 = 1048576>} {
  // CHECK-LABEL: @wide
  // CHECK: schedule<rows = 32, keys = 128, panels = 16, lanes = 16, register_keys = 8, register_values = 8, unroll = 4, order = longest_first>
  // CHECK-SAME: attn.schedule_reasons = ["rows = 32: 2 vectors of 16 lanes, so that a broadcast key element serves 2 multiply-adds"
  // CHECK-SAME: "keys = 128: scores 16.0 KiB and query panel 16.0 KiB of 32.0 KiB first-level cache"
  // CHECK-SAME: "register_keys = 8: 8 x 2 accumulators and 3 operands use 19 of 32 registers
  // CHECK-SAME: "order = longest_first: later positions see more keys"
  func.func @wide(%q: tensor<?x32x?x128xf32>, %k: tensor<?x8x?x128xf32>, %v: tensor<?x8x?x128xf32>) -> tensor<?x32x?x128xf32> attributes {attn.entry = "prefill"} {
    %out = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x32x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x32x?x128xf32>
    return %out : tensor<?x32x?x128xf32>
  }

  // One query position of a group of 4: memory is the limit, so keys and values are streamed, in parts.
  // CHECK-LABEL: @decode
  // The registers hold whole rows of sums for three of four, and for two of longer values.
  // CHECK: schedule<rows = 16, keys = 32, {{.*}}register_values = 3, splits = 64, form = stream>
  // CHECK-SAME: "form = stream: 4 rows of a group leave memory as the limit
  // CHECK-SAME: "register_values = 3: rows that share a visit of a value
  func.func @decode(%q: tensor<?x32x?x128xf32>, %k: tensor<?x8x?x128xf32>, %v: tensor<?x8x?x128xf32>) -> tensor<?x32x?x128xf32> attributes {attn.entry = "decode"} {
    %out = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x32x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x32x?x128xf32>
    return %out : tensor<?x32x?x128xf32>
  }

  // CHECK-LABEL: @decode_long
  // CHECK: register_values = 2, splits = 64, form = stream>
  func.func @decode_long(%q: tensor<?x4x1x256xf32>, %k: tensor<?x1x?x256xf32>) -> tensor<?x4x1x256xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x4x1x256xf32>, tensor<?x1x?x256xf32>, tensor<?x1x?x256xf32> -> tensor<?x4x1x256xf32>
    return %out : tensor<?x4x1x256xf32>
  }

  // Half a vector holds eight heads, and on a core that takes whole ones in two halves it is as fast.
  // CHECK-LABEL: @decode_eight
  // CHECK: schedule<rows = 8, keys = 128, {{.*}}lanes = 8, register_keys = 8, register_values = 8, splits = 64, form = group>
  // CHECK-SAME: "rows = 8: the scores of a key are one vector, half of the register, which is as fast"
  // Six leave too many lanes idle, unless the other form visits values in pieces.
  // CHECK-LABEL: @decode_six
  // CHECK: form = stream>
  // CHECK: schedule<rows = 8, {{.*}}form = group>
  func.func @decode_eight(%q: tensor<?x8x1x128xf32>, %k: tensor<?x1x?x128xf32>) -> tensor<?x8x1x128xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x8x1x128xf32>, tensor<?x1x?x128xf32>, tensor<?x1x?x128xf32> -> tensor<?x8x1x128xf32>
    return %out : tensor<?x8x1x128xf32>
  }
  func.func @decode_six(%q: tensor<?x6x1x128xf32>, %k: tensor<?x1x?x128xf32>, %lq: tensor<?x6x1x256xf32>, %lk: tensor<?x1x?x256xf32>) -> (tensor<?x6x1x128xf32>, tensor<?x6x1x256xf32>) {
    %short = attn.attention %q, %k, %k scale(0.125) : tensor<?x6x1x128xf32>, tensor<?x1x?x128xf32>, tensor<?x1x?x128xf32> -> tensor<?x6x1x128xf32>
    %long = attn.attention %lq, %lk, %lk scale(0.125) : tensor<?x6x1x256xf32>, tensor<?x1x?x256xf32>, tensor<?x1x?x256xf32> -> tensor<?x6x1x256xf32>
    return %short, %long : tensor<?x6x1x128xf32>, tensor<?x6x1x256xf32>
  }

  // A latent that 128 heads share: several panels read it together, as far as the cache goes.
  // CHECK-LABEL: @latent
  // CHECK: schedule<rows = 16, keys = {{[0-9]+}}, panels = 4, {{.*}}splits = 64, form = group>
  // CHECK-SAME: "form = group: 128 rows of a group leave arithmetic as the limit
  // CHECK-SAME: "panels = 4: of 68 KiB, share a tile
  func.func @latent(%q: tensor<?x128x1x576xf32>, %k: tensor<?x1x?x576xf32>, %v: tensor<?x1x?x512xf32>) -> tensor<?x128x1x512xf32> {
    %out = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x128x1x576xf32>, tensor<?x1x?x576xf32>, tensor<?x1x?x512xf32> -> tensor<?x128x1x512xf32>
    return %out : tensor<?x128x1x512xf32>
  }

  // Queries of long heads fill the first-level cache, so few keys; no mask, no order. A short head
  // leaves few iterations and room for taller panels. A block needs no more than 16 sums.
  // CHECK-LABEL: @long_heads
  // CHECK: schedule<rows = 32, keys = 64, {{.*}}register_keys = 8, {{.*}}unroll = 4, order = linear>
  // CHECK: schedule<rows = 64, keys = 112, {{.*}}register_keys = 4, {{.*}}unroll = 2, order = linear>
  func.func @long_heads(%q: tensor<?x8x?x256xf32>, %k: tensor<?x8x?x256xf32>, %a: tensor<?x8x?x8xf32>) -> (tensor<?x8x?x256xf32>, tensor<?x8x?x8xf32>) {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x8x?x256xf32>, tensor<?x8x?x256xf32>, tensor<?x8x?x256xf32> -> tensor<?x8x?x256xf32>
    %short = attn.attention %a, %a, %a scale(0.125) : tensor<?x8x?x8xf32>, tensor<?x8x?x8xf32>, tensor<?x8x?x8xf32> -> tensor<?x8x?x8xf32>
    return %out, %short : tensor<?x8x?x256xf32>, tensor<?x8x?x8xf32>
  }
}

// -----

// 16 registers: 4 keys by 3 vectors use all of them, and need fewer loads than 6 by 2.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 8, vector_registers = 16, fma_per_cycle = 2, fused = 1, loads_per_cycle = 2, l1 = 32768, l2 = 1048576>} {
  // CHECK-LABEL: @narrow
  // CHECK: schedule<rows = 24, {{.*}}lanes = 8, register_keys = 4, register_values = 4
  // CHECK-SAME: use 16 of 16 registers
  func.func @narrow(%q: tensor<?x8x?x128xf32>, %k: tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) mask(<causal>) : tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x8x?x128xf32>
    return %out : tensor<?x8x?x128xf32>
  }

  // What is written by hand stays; only what it leaves open is filled in.
  // CHECK-LABEL: @by_hand
  // CHECK: schedule<rows = 8, keys = 60, lanes = 8, register_keys = 4, register_values = 12>
  // CHECK-NOT: attn.schedule_reasons
  // CHECK: return
  func.func @by_hand(%q: tensor<?x8x?x128xf32>, %k: tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) schedule<rows = 8, keys = 60, register_values = 12> : tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x8x?x128xf32>
    return %out : tensor<?x8x?x128xf32>
  }
}

// -----

// Products that are not fused with additions need registers of their own.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 4, vector_registers = 16, fma_per_cycle = 1, loads_per_cycle = 2, l1 = 32768, l2 = 524288>} {
  // CHECK-LABEL: @unfused
  // CHECK: schedule<rows = 8, {{.*}}register_keys = 4, register_values = 4
  func.func @unfused(%q: tensor<?x8x?x128xf32>, %k: tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) mask(<causal>) : tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x8x?x128xf32>
    return %out : tensor<?x8x?x128xf32>
  }
}

// -----

// Nothing to plan: no target is needed.
// CHECK-LABEL: @nothing
func.func @nothing(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
  return %x : tensor<?x8x?x64xf32>
}

// -----

// A matrix unit: 2 x 2 tiles, and weights under the next scores.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32, fma_per_cycle = 2, loads_per_cycle = 2, l1 = 49152, l2 = 2097152, bf16_convert = 1, amx = 1>} {
  // CHECK-LABEL: @matrix
  // CHECK: schedule<rows = 32, keys = 512, panels = 32, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = short_table, bypass = both, order = longest_first>
  // CHECK-SAME: "rows = 32, keys = 512: blocks of 2 x 2 tiles
  // CHECK-SAME: "maximum = lazy: weights follow the scores block by block
  // CHECK-SAME: "overlap = 1: the matrix unit multiplies the next keys
  func.func @matrix(%q: tensor<?x32x?x128xbf16>, %k: tensor<?x8x?x128xbf16>, %v: tensor<?x8x?x128xbf16>) -> tensor<?x32x?x128xbf16> {
    %out = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x32x?x128xbf16>, tensor<?x8x?x128xbf16>, tensor<?x8x?x128xbf16> -> tensor<?x32x?x128xbf16>
    return %out : tensor<?x32x?x128xbf16>
  }

  // Decode with keys that fill the rows of its tiles, and with others.
  // CHECK-LABEL: @matrix_decode
  // CHECK: form = stream>
  // CHECK-SAME: "the matrix unit makes the scores, of 16 keys at a time
  func.func @matrix_decode(%q: tensor<?x8x1x96xbf16>, %k: tensor<?x2x?x96xbf16>) -> tensor<?x8x1x96xbf16> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x8x1x96xbf16>, tensor<?x2x?x96xbf16>, tensor<?x2x?x96xbf16> -> tensor<?x8x1x96xbf16>
    return %out : tensor<?x8x1x96xbf16>
  }
  // It takes both products of large groups whose sizes fill its tiles.
  // CHECK-LABEL: @matrix_latent
  // CHECK: schedule<rows = 16, keys = 32, panels = 3, {{.*}}form = stream>
  // CHECK-SAME: "form = stream: 96 rows of a group leave memory as the limit, or the matrix unit
  func.func @matrix_latent(%q: tensor<?x96x1x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x96x1x512xbf16> {
    %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
    %out = attn.attention %q, %k, %v scale(0.125) : tensor<?x96x1x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x96x1x512xbf16>
    return %out : tensor<?x96x1x512xbf16>
  }
  // CHECK-LABEL: @vector_group
  // CHECK: form = group>
  func.func @vector_group(%q: tensor<?x16x1x80xbf16>, %k: tensor<?x1x?x80xbf16>) -> tensor<?x16x1x80xbf16> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x16x1x80xbf16>, tensor<?x1x?x80xbf16>, tensor<?x1x?x80xbf16> -> tensor<?x16x1x80xbf16>
    return %out : tensor<?x16x1x80xbf16>
  }
  // CHECK-LABEL: @vector_decode
  // CHECK: form = stream>
  // CHECK-NOT: matrix unit
  func.func @vector_decode(%q: tensor<?x8x1x80xbf16>, %k: tensor<?x2x?x80xbf16>) -> tensor<?x8x1x80xbf16> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x8x1x80xbf16>, tensor<?x2x?x80xbf16>, tensor<?x2x?x80xbf16> -> tensor<?x8x1x80xbf16>
    return %out : tensor<?x8x1x80xbf16>
  }

  // A normalizer without a maximum.
  // CHECK-LABEL: @matrix_sigmoid
  // CHECK: schedule<rows = 32, keys = 256, panels = 32, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, order = linear>
  func.func @matrix_sigmoid(%q: tensor<?x8x?x64xbf16>) -> tensor<?x8x?x64xbf16> {
    %out = attn.attention %q, %q, %q scale(0.125) normalizer<sigmoid> : tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16> -> tensor<?x8x?x64xbf16>
    return %out : tensor<?x8x?x64xbf16>
  }
}

// -----

// Hardware alone reads ahead: long rows of values are visited whole, by one row of queries, and all of a tile's before the
// next keys.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32, fma_per_cycle = 1, fused = 1, l1 = 32768, l2 = 1048576, prefetch_ahead = 0>} {
  // CHECK-LABEL: @decode_in_order
  // CHECK: schedule<rows = 16, keys = 1024, {{.*}}register_values = 1, splits = 64, form = stream>
  // CHECK-SAME: "keys = 1024: rows are long
  func.func @decode_in_order(%q: tensor<?x4x1x256xf32>, %k: tensor<?x1x?x256xf32>) -> tensor<?x4x1x256xf32> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x4x1x256xf32>, tensor<?x1x?x256xf32>, tensor<?x1x?x256xf32> -> tensor<?x4x1x256xf32>
    return %out : tensor<?x4x1x256xf32>
  }
  // Keys of 12 lines, and values of 8.
  // CHECK-LABEL: @decode_long_keys
  // CHECK: keys = 1024, {{.*}}register_values = 3, splits = 64, form = stream>
  func.func @decode_long_keys(%q: tensor<?x4x1x192xf32>, %k: tensor<?x1x?x192xf32>, %v: tensor<?x1x?x128xf32>) -> tensor<?x4x1x128xf32> {
    %out = attn.attention %q, %k, %v scale(0.125) : tensor<?x4x1x192xf32>, tensor<?x1x?x192xf32>, tensor<?x1x?x128xf32> -> tensor<?x4x1x128xf32>
    return %out : tensor<?x4x1x128xf32>
  }
}

// -----

// Two rows of queries take long values of pairs in turn with keys; four in stretches.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32, fma_per_cycle = 1, fused = 1, bf16_dot = 1, l1 = 32768, l2 = 1048576, prefetch_ahead = 0>} {
  // CHECK-LABEL: @decode_two_rows
  // CHECK: keys = 32, {{.*}}register_values = 1, splits = 64, form = stream>
  func.func @decode_two_rows(%q: tensor<?x2x1x256xbf16>, %k: tensor<?x1x?x256xbf16>) -> tensor<?x2x1x256xbf16> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x2x1x256xbf16>, tensor<?x1x?x256xbf16>, tensor<?x1x?x256xbf16> -> tensor<?x2x1x256xbf16>
    return %out : tensor<?x2x1x256xbf16>
  }
  // CHECK-LABEL: @decode_four_rows
  // CHECK: keys = 1024, {{.*}}register_values = 1, splits = 64, form = stream>
  func.func @decode_four_rows(%q: tensor<?x4x1x256xbf16>, %k: tensor<?x1x?x256xbf16>) -> tensor<?x4x1x256xbf16> {
    %out = attn.attention %q, %k, %k scale(0.125) : tensor<?x4x1x256xbf16>, tensor<?x1x?x256xbf16>, tensor<?x1x?x256xbf16> -> tensor<?x4x1x256xbf16>
    return %out : tensor<?x4x1x256xbf16>
  }
}
