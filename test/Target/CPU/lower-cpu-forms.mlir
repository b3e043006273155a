// RUN: attn-opt %s --attn-attach-target=target=cpu:sapphirerapids --attn-tile --attn-lower-cpu | FileCheck %s --check-prefix=AMX
// RUN: attn-opt %s --attn-attach-target=target=cpu:znver4 --attn-tile --attn-lower-cpu | FileCheck %s --check-prefix=DOT
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v4 --attn-tile --attn-lower-cpu | FileCheck %s --check-prefix=WIDE

// Matrix tiles: permission per thread, shapes per item; four sums, two left and two right operands.
// AMX-LABEL: func.func @panels(
// AMX: omp.parallel
// AMX: call @syscall(
// Tiles of 1 KiB each: 32 keys of 48 elements, padded to 64, are four.
// AMX-LABEL: func.func private @panels_work0_scores(%{{.*}}: memref<64x16xi32>, %{{.*}}: memref<32x32xi32>, %{{.*}}: memref<32x32xf32>
// AMX-COUNT-4: llvm.call_intrinsic "llvm.x86.tilezero"
// AMX-NOT: scf.for
// AMX-COUNT-8: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// Three tiles of 40 value columns: a pair, whose first step stands before the loop over keys, and one alone. A value
// that is not finite goes through vectors.
// AMX-LABEL: func.func private @panels_work0_values(
// AMX-COUNT-10: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX-NOT: tdpbf16ps
// AMX-LABEL: func.func private @panels_work0_values_strict(
// AMX: vector.fma
// AMX-LABEL: func.func private @panels_work0_item(
// AMX: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// AMX: llvm.call_intrinsic "llvm.x86.tilerelease"

// The stream form: parts of the key range as items, then their merge.
// DOT-LABEL: func.func @stream(
// DOT: omp.parallel
// DOT: call @stream_work1_item(
// DOT: omp.parallel
// DOT: call @stream_work1_merge(

// Pairs: one dot product for two of 48 elements, as they lie in memory; the scale is left to the weights. Values are
// words of two keys.
// DOT-LABEL: func.func private @panels_work0_scores(%{{.*}}: memref<32x48xbf16, strided<[48, 1], offset: ?>>, %{{.*}}: memref<24x32xi32>, %{{.*}}: memref<32x32xf32>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT-NOT: arith.mulf
// DOT-LABEL: func.func private @panels_work0_values(%{{.*}}: memref<16x40xi32, strided<[40, 1], offset: ?>>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT-LABEL: func.func private @panels_work0_values_strict(
// DOT-NOT: dpbf16ps
// The item finds the keys in memory where rows are neighbours, packs values, and looks for those that are not finite.
// DOT-LABEL: func.func private @panels_work0_item(
// DOT: memref.reinterpret_cast {{.*}} sizes: [32, 48], strides: [48, 1]
// DOT: arith.select {{.*}} : memref<32x48xbf16
// DOT: vector.interleave
// DOT: arith.maxui {{.*}} : vector<32xi16>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"

// Without the instruction everything is widened.
// WIDE-LABEL: func.func private @panels_work0_scores(%{{.*}}: memref<32x48xf32,
// WIDE-NOT: bf16.512
func.func @panels(%q: tensor<?x4x?x48xbf16>, %k: tensor<?x2x?x48xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x4x?x40xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) mask(<causal>) schedule<rows = 32, keys = 32, panels = 2, lanes = 16, register_keys = 8, register_values = 8, unroll = 1> : tensor<?x4x?x48xbf16>, tensor<?x2x?x48xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x4x?x40xbf16>
  return %out : tensor<?x4x?x40xbf16>
}

// The stream form reads rows where they lie: values of 40 elements in two pieces, of two keys for a dot product, then
// keys of 48, each key before the next one. This core's own prefetch needs no help.
// DOT-LABEL: func.func private @stream_work1_step(%{{.*}}: memref<?x2x?x48xbf16, strided<[?, ?, ?, 1], offset: ?>>
// DOT-COUNT-2: vector.load {{.*}} vector<32xbf16>
// DOT: vector.shuffle {{.*}} vector<32xi16>
// DOT-COUNT-2: vector.load {{.*}} vector<8xbf16>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT: vector.load {{.*}} vector<32xbf16>
// DOT: vector.load {{.*}} vector<16xbf16>
// DOT: llvm.fence syncscope("singlethread") acq_rel
// DOT-NOT: memref.prefetch
// DOT-LABEL: func.func private @stream_work1_values_strict(
// DOT: arith.select
// The matrix unit takes multiples of 32 elements.
// AMX-LABEL: func.func private @stream_work1_step(
// AMX-NOT: tdpbf16ps
// AMX-LABEL: func.func private @stream_work1_values_strict(
// On others the rows further on are asked for.
// WIDE-LABEL: func.func private @stream_work1_step(
// WIDE-COUNT-4: memref.prefetch
// DOT-LABEL: func.func private @stream_work1_merge(
func.func @stream(%q: tensor<?x4x?x48xbf16>, %k: tensor<?x2x?x48xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x4x?x40xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 4, register_values = 2, splits = 8, form = stream> : tensor<?x4x?x48xbf16>, tensor<?x2x?x48xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x4x?x40xbf16>
  return %out : tensor<?x4x?x40xbf16>
}

// Values that are the keys' first columns are read from the key tile, whose rows have 48 words.
// WIDE-LABEL: func.func private @latent_work2_values(%{{.*}}: memref<32x40xf32, strided<[48, 1], offset: ?>>
func.func @latent(%q: tensor<?x4x?x48xf32>, %k: tensor<?x2x?x48xf32>) -> tensor<?x4x?x40xf32> {
  %v = attn.columns %k from 0 : tensor<?x2x?x48xf32> -> tensor<?x2x?x40xf32>
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 32, keys = 32, panels = 2, lanes = 16, register_keys = 8, register_values = 8, unroll = 1> : tensor<?x4x?x48xf32>, tensor<?x2x?x48xf32>, tensor<?x2x?x40xf32> -> tensor<?x4x?x40xf32>
  return %out : tensor<?x4x?x40xf32>
}

// The group form: words of two bf16 of the keys where they lie, against 24 words of 16 rows; the key tile that comes
// next is asked for. Values of two keys for a dot product, with sixteen rows at a time.
// DOT-LABEL: func.func private @group_work3_scores(%{{.*}}: memref<?x1x?x48xbf16, strided<[?, ?, ?, 1], offset: ?>>, %{{.*}}: memref<24x16xi32>
// DOT: %{{.*}}:8 = scf.for
// DOT-COUNT-8: memref.prefetch
// DOT: vector.load {{.*}} vector<2xbf16>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT-LABEL: func.func private @group_work3_values(%{{.*}}: memref<?x1x?x40xbf16, strided<[?, ?, ?, 1], offset: ?>>
// DOT: %{{.*}}:16 = scf.for
// DOT: vector.shuffle {{.*}} vector<32xi16>
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT-LABEL: func.func private @group_work3_values_strict(
// DOT-NOT: dpbf16ps
// DOT-LABEL: func.func private @group_work3_merge(
// Without dot products keys are widened to a tile, and values are its first columns.
// WIDE-LABEL: func.func private @group_work3_scores(%{{.*}}: memref<32x48xf32>
// WIDE-NOT: memref.prefetch
// WIDE-LABEL: func.func private @group_work3_values(%{{.*}}: memref<32x48xf32>
func.func @group(%q: tensor<?x16x1x48xbf16>, %k: tensor<?x1x?x48xbf16>) -> tensor<?x16x1x40xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x48xbf16> -> tensor<?x1x?x40xbf16>
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 8, register_values = 16, splits = 8, form = group> : tensor<?x16x1x48xbf16>, tensor<?x1x?x48xbf16>, tensor<?x1x?x40xbf16> -> tensor<?x16x1x40xbf16>
  return %out : tensor<?x16x1x40xbf16>
}

// Half a vector for the rows of a group: dot products of 256 bits for scores, of 512 for values. Values of the next
// tile are asked for while scores are made, keys of the one behind it while values are read.
// DOT-LABEL: func.func private @half_work4_scores(%{{.*}}: memref<?x1x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %{{.*}}: memref<32x8xi32>
// DOT: memref.prefetch %arg3
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.256"
// DOT-LABEL: func.func private @half_work4_values(
// DOT: memref.prefetch %arg4
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// DOT-LABEL: func.func private @half_work4_item(
// DOT: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.256"
// DOT: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.256"
func.func @half(%q: tensor<?x8x1x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x64xbf16>) -> tensor<?x8x1x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 8, keys = 32, lanes = 8, register_keys = 8, register_values = 8, splits = 8, form = group> : tensor<?x8x1x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x64xbf16> -> tensor<?x8x1x64xbf16>
  return %out : tensor<?x8x1x64xbf16>
}

// Each row is visited by as many rows of queries at once as the registers hold: a value by three, of 24 sums, then by
// the fourth; a key by all four, of which three are loaded before the keys and the fourth with each part of a key.
// DOT-LABEL: func.func private @visits_work5_step(
// DOT: %{{.*}}:24 = scf.for
// DOT-COUNT-3: vector.broadcast
// DOT: vector.load {{.*}} vector<16xf32>
// DOT-NEXT: vector.fma
// DOT-NEXT: vector.fma
// DOT-NEXT: vector.fma
// DOT-NOT: vector.fma
// DOT: vector.load {{.*}} vector<16xf32>
// DOT: %{{.*}}:8 = scf.for
// One or two rows alone have 16 sums.
// DOT: %{{.*}}:16 = scf.for
// DOT-COUNT-24: vector.load %arg2{{.*}} memref<16x128xf32>
// DOT-NOT: memref<16x128xf32>
// DOT: scf.for
// DOT-COUNT-8: vector.load %arg2{{.*}} memref<16x128xf32>
// DOT-NOT: memref<16x128xf32>
// DOT-LABEL: func.func private @visits_work5_values_strict(
func.func @visits(%q: tensor<?x8x1x128xf32>, %k: tensor<?x2x?x128xf32>, %v: tensor<?x2x?x128xf32>) -> tensor<?x8x1x128xf32> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 4, register_values = 3, splits = 8, form = stream> : tensor<?x8x1x128xf32>, tensor<?x2x?x128xf32>, tensor<?x2x?x128xf32> -> tensor<?x8x1x128xf32>
  return %out : tensor<?x8x1x128xf32>
}

// On a core with AMX the matrix unit takes 16 keys of 64 elements in two steps, as they lie in memory, with four rows
// of queries; requests for the rows that come stand between its products and with each of the values, which vectors
// visit.
// AMX-LABEL: func.func private @tiled_work6_step(
// AMX: scf.for
// AMX-COUNT-2: memref.prefetch
// AMX: vector.fma
// AMX: llvm.call_intrinsic "llvm.x86.tilezero"
// AMX: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX: memref.prefetch
// AMX: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX: llvm.call_intrinsic "llvm.x86.tilestored64"
// What is left of a tile goes through vectors.
// AMX: vector.fma
// AMX-LABEL: func.func private @tiled_work6_values_strict(
// AMX-LABEL: func.func private @tiled_work6_item(
// AMX: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// AMX: vector.interleave
// AMX: memref.prefetch
// AMX: math.roundeven
// AMX: llvm.call_intrinsic "llvm.x86.tilerelease"
func.func @tiled(%q: tensor<?x8x1x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x8x1x64xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 4, register_values = 4, splits = 8, form = stream> : tensor<?x8x1x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x8x1x64xbf16>
  return %out : tensor<?x8x1x64xbf16>
}

// Weights of more than four rows are a left operand, and two rows of values are woven to words of two keys: 96 columns
// are tiles of four and of two sums. Values that are not finite, and the ragged end, go through vectors.
// AMX-LABEL: func.func private @eight_work7_step(
// AMX: vector.shuffle {{.*}} vector<32xi16>
// AMX: llvm.call_intrinsic "llvm.x86.tilezero"
// AMX-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// AMX-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// AMX-COUNT-2: llvm.call_intrinsic "llvm.x86.tilestored64"
// AMX-LABEL: func.func private @eight_work7_values_strict(
// AMX-NOT: tdpbf16ps
func.func @eight(%q: tensor<?x8x1x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x96xbf16>) -> tensor<?x8x1x96xbf16> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 4, register_values = 4, splits = 8, form = stream> : tensor<?x8x1x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x96xbf16> -> tensor<?x8x1x96xbf16>
  return %out : tensor<?x8x1x96xbf16>
}

// Stretches of many keys: all values, then all scores. A row of queries takes new keys, four vectors at a time, in turn
// with what three others take of keys before: 16 and 12 sums. Of the queries, 24 vectors stay in registers; they are read
// by falling addresses.
// DOT-LABEL: func.func private @stretches_work8_step(
// DOT: %{{.*}}:16 = scf.for
// DOT: %{{.*}}:28 = scf.for
// DOT: vector.broadcast
// DOT-COUNT-4: vector.fma
// DOT: llvm.fence
// DOT-COUNT-3: vector.broadcast
// DOT-COUNT-12: vector.fma
// DOT: llvm.fence
// DOT: %[[COLUMN:.*]] = arith.subi %c240{{.*}},
// DOT: vector.load %arg2[%{{.*}}, %[[COLUMN]]] : memref<16x256xf32>
// DOT-COUNT-23: vector.load %arg2{{.*}} memref<16x256xf32>
// DOT-NOT: vector.load %arg2
// DOT: scf.for
// DOT: vector.fma
// DOT-LABEL: func.func private @stretches_work8_values_strict(
func.func @stretches(%q: tensor<?x8x1x256xf32>, %k: tensor<?x2x?x256xf32>, %v: tensor<?x2x?x256xf32>) -> tensor<?x8x1x256xf32> {
  %out = attn.attention %q, %k, %v scale(0.3) schedule<rows = 16, keys = 128, lanes = 16, register_keys = 4, register_values = 1, splits = 8, form = stream> : tensor<?x8x1x256xf32>, tensor<?x2x?x256xf32>, tensor<?x2x?x256xf32> -> tensor<?x8x1x256xf32>
  return %out : tensor<?x8x1x256xf32>
}
