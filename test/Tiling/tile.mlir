// RUN: attn-opt %s --split-input-file --attn-tile --attn-verify-tiled --canonicalize | FileCheck %s

// Tensors become memrefs of the caller's strides, results become destinations, sizes get symbols.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:[^:]*]]: memref<?x8x?x64xf32, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "query", attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[K:[^:]*]]: memref<?x2x?x64xf32, strided<[?, ?, ?, 1], offset: ?>> {attn.sizes = ["s0", "", "s2", ""]}
// CHECK-SAME: %[[V:[^:]*]]: memref<?x2x?x32xf32, strided<[?, ?, ?, 1], offset: ?>> {attn.sizes = ["s0", "", "s2", ""]}
// CHECK-SAME: %[[OUT:[^:]*]]: memref<?x8x?x32xf32, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "out", attn.output, attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[LSE:[^:]*]]: memref<?x8x?xf32, strided<[?, ?, 1], offset: ?>> {attn.output, attn.sizes = ["s0", "", "s1"]}
// CHECK-SAME: %{{[^:]*}}: i32 {attn.threads}) attributes {attn.entry = "prefill"}
// The last query row stands with the last key.
// CHECK-DAG: %[[SK:.*]] = memref.dim %[[K]], %c2
// CHECK-DAG: %[[SQ:.*]] = memref.dim %[[Q]], %c2
// CHECK: %[[OFFSET:.*]] = arith.subi %[[SK]], %[[SQ]]
// CHECK-NOT: memref.alloc
// CHECK: attn.work queries(%[[Q]]) keys(%[[K]]) values(%[[V]]) offset(%[[OFFSET]])
// CHECK: attn.tile.store %{{.*}}, %[[OUT]]
// CHECK: attn.tile.store %{{.*}}, %[[LSE]]
// CHECK: return
func.func @attention(%q: tensor<?x8x?x64xf32> {attn.name = "query"}, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x32xf32>) -> (tensor<?x8x?x32xf32> {attn.name = "out"}, tensor<?x8x?xf32>) attributes {attn.entry = "prefill"} {
  %out, %lse = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 32, keys = 64> : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x32xf32> -> tensor<?x8x?x32xf32>, tensor<?x8x?xf32>
  return %out, %lse : tensor<?x8x?x32xf32>, tensor<?x8x?xf32>
}

// -----

// The score region reads memrefs, which must be as long as its indices run; so must mask operands.
// CHECK-LABEL: func.func @captures(
// CHECK-SAME: attn.sizes = ["s0", "", "s1", ""]
// CHECK-SAME: %[[BIAS:[^:]*]]: memref<?x?xf32, strided<[?, 1], offset: ?>> {attn.sizes = [">=4", ">=s2"]}
// CHECK-SAME: memref<?x1x?x?xi8, strided<[?, ?, ?, 1], offset: ?>> {attn.sizes = [">=s0", "", ">=s1/16", ">=s2/32"]}
// CHECK-SAME: memref<?x2x?x64xf32, {{.*}}> {attn.sizes = ["s0", "", "s2", ""]}
// CHECK: attn.tile.dot
// CHECK: ^bb0(%{{.*}}: f32, %{{.*}}: index, %[[H:.*]]: index, %{{.*}}: index, %[[J:.*]]: index):
// CHECK: memref.load %[[BIAS]][%[[H]], %[[J]]]
func.func @captures(%q: tensor<?x4x?x64xf32>, %bias: tensor<?x?xf32>, %blocks: tensor<?x1x?x?xi8>, %k: tensor<?x2x?x64xf32>) -> tensor<?x4x?x64xf32> {
  %out = attn.attention %q, %k, %k scale(0.125) mask(<blocks<16, 32, 0>>, %blocks : tensor<?x1x?x?xi8>) schedule<rows = 32, keys = 64> score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %e = tensor.extract %bias[%h, %j] : tensor<?x?xf32>
    %r = arith.addf %s, %e : f32
    attn.yield %r : f32
  } : tensor<?x4x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x4x?x64xf32>
  return %out : tensor<?x4x?x64xf32>
}

// -----

// What stays inside lives in a buffer of the function; columns are a view of the argument.
// CHECK-LABEL: func.func @buffers(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x1x?x96xbf16
// CHECK-SAME: %[[Y:[^:]*]]: memref<?x1x?x64xbf16
// CHECK: %[[VIEW:.*]] = memref.subview %[[X]][0, 0, 0, 32] [%{{.*}}, 1, %{{.*}}, 64] [1, 1, 1, 1]
// CHECK: %[[B:.*]] = memref.alloc(%{{.*}}, %{{.*}}) {alignment = 64 : i64} : memref<?x1x?x64xbf16>
// CHECK: scf.parallel
// CHECK: memref.load %[[VIEW]]
// CHECK: arith.extf
// CHECK: arith.mulf
// CHECK: arith.truncf
// CHECK: memref.store %{{.*}}, %[[B]]
// CHECK: scf.parallel
// CHECK: memref.load %[[B]]
// CHECK: memref.store %{{.*}}, %[[Y]]
// CHECK: memref.dealloc %[[B]]
func.func @buffers(%x: tensor<?x1x?x96xbf16>) -> tensor<?x1x?x64xbf16> {
  %c = attn.columns %x from 32 : tensor<?x1x?x96xbf16> -> tensor<?x1x?x64xbf16>
  %s = attn.scale %c by 0.5 : tensor<?x1x?x64xbf16>
  %t = attn.scale %s by 3.0 : tensor<?x1x?x64xbf16>
  return %t : tensor<?x1x?x64xbf16>
}

// -----

// A value returned twice is made once and copied; so is an argument.
// CHECK-LABEL: func.func @copies(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x1x?x8xf32
// CHECK-SAME: %[[A:[^:]*]]: memref<?x1x?x8xf32
// CHECK-SAME: %[[B:[^:]*]]: memref<?x1x?x8xf32
// CHECK-SAME: %[[C:[^:]*]]: memref<?x1x?x8xf32
// CHECK: memref.store %{{.*}}, %[[A]]
// CHECK: %[[E:.*]] = memref.load %[[A]]
// CHECK: memref.store %[[E]], %[[B]]
// CHECK: %[[F:.*]] = memref.load %[[X]]
// CHECK: memref.store %[[F]], %[[C]]
func.func @copies(%x: tensor<?x1x?x8xf32>) -> (tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>) {
  %s = attn.scale %x by 0.5 : tensor<?x1x?x8xf32>
  return %s, %s, %x : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>
}

// -----

// Sine and cosine once per token for all heads; only sums and products, in float64.
// CHECK: memref.global "private" constant @attn_frequencies : memref<1x2xf64> = dense<{{\[\[}}1.000000e+00, 1.000000e-02]]>
// CHECK-LABEL: func.func @rope(
// CHECK: scf.parallel (%[[B:.*]], %[[T:.*]]) =
// CHECK: arith.sitofp %{{.*}} : i64 to f64
// CHECK: scf.for
// CHECK-NOT: math.
// CHECK: arith.truncf %{{.*}} : f64 to f32
// CHECK: scf.for %[[H:.*]] =
// CHECK: memref.load %{{.*}}[%[[B]], %[[H]], %[[T]],
// CHECK: memref.store
func.func @rope(%x: tensor<?x8x?x8xf32>, %start: index) -> tensor<?x8x?x8xf32> {
  %r = attn.rope %x at %start <dims = 4, start = 2, layout = interleaved> : tensor<?x8x?x8xf32>
  return %r : tensor<?x8x?x8xf32>
}

// -----

// Heads with bases of their own have tables of their own.
// CHECK: memref.global "private" constant @attn_frequencies : memref<2x1xf64>
// CHECK-LABEL: func.func @rope_per_head(
// CHECK: scf.parallel
// CHECK: scf.for %[[H:.*]] =
// CHECK: memref.load %{{.*}}[%[[H]], %{{.*}}] : memref<2x1xf64>
func.func @rope_per_head(%x: tensor<1x2x4x2xf32>) -> tensor<1x2x4x2xf32> {
  %r = attn.rope %x <dims = 2, bases = [100.0, 10.0]> : tensor<1x2x4x2xf32>
  return %r : tensor<1x2x4x2xf32>
}

// -----

// CHECK-LABEL: func.func @norm(
// CHECK: scf.parallel
// CHECK: %[[SUM:.*]] = scf.for {{.*}} -> (f32)
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc,contract> : f32
// CHECK: math.sqrt
// CHECK: scf.for
func.func @norm(%x: tensor<?x8x?x64xf32>, %g: tensor<64xf32>) -> tensor<?x8x?x64xf32> {
  %n = attn.norm %x gain(%g : tensor<64xf32>) <kind = rms, gain_offset = 1.0> : tensor<?x8x?x64xf32>
  return %n : tensor<?x8x?x64xf32>
}

// -----

// Few tokens, of all sequences, read the weight as it lies, four rows of it at a time; many meet it packed, six, two and one
// tokens sharing a panel of two registers of columns.
// CHECK-LABEL: func.func @expand(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x1x?x32xf32, {{[^{]*}}> {attn.sizes = ["s0", "", "s1", ""]}
// CHECK-SAME: %[[W:[^:]*]]: memref<4x32x48xf32, {{[^{]*}}> {attn.sizes = ["", "", ""]}
// CHECK: %[[ROWS:.*]] = arith.muli
// CHECK: %[[FEW:.*]] = arith.cmpi ule, %[[ROWS]]
// CHECK: scf.if %[[FEW]]
// CHECK: vector.load %[[W]]
// CHECK-COUNT-16: vector.fma
// CHECK-COUNT-4: vector.fma
// CHECK-NOT: vector.fma
// CHECK: } else {
// CHECK: %[[PANEL:.*]] = memref.alloca() {alignment = 64 : i64} : memref<128x16xf32>
// CHECK: vector.store %{{.*}}, %[[PANEL]]
// CHECK: vector.load %[[PANEL]]
// CHECK-COUNT-6: vector.fma
// CHECK: vector.load %[[PANEL]]
// CHECK-COUNT-2: vector.fma
// CHECK: vector.load %[[PANEL]]
// CHECK-COUNT-1: vector.fma
// CHECK-NOT: vector.fma
// CHECK: return
func.func @expand(%x: tensor<?x1x?x32xf32>, %w: tensor<4x32x48xf32>) -> tensor<?x4x?x48xf32> {
  %r = attn.expand %x, %w : tensor<?x1x?x32xf32>, tensor<4x32x48xf32> -> tensor<?x4x?x48xf32>
  return %r : tensor<?x4x?x48xf32>
}

// -----

// CHECK-LABEL: func.func @expand_transposed(
// CHECK: vector.reduction <add>
func.func @expand_transposed(%x: tensor<?x4x?x48xf32>, %w: tensor<4x32x48xf32>) -> tensor<?x4x?x32xf32> {
  %r = attn.expand %x, %w transposed : tensor<?x4x?x48xf32>, tensor<4x32x48xf32> -> tensor<?x4x?x32xf32>
  return %r : tensor<?x4x?x32xf32>
}

// -----

// An empty part contributes zero whatever it holds: selected, not multiplied.
// CHECK-LABEL: func.func @merge(
// CHECK: %[[EMPTY:.*]] = arith.cmpf oeq
// CHECK: math.log
// CHECK: scf.for
// CHECK: %[[TERM:.*]] = arith.mulf
// CHECK: arith.select %[[EMPTY]], %{{.*}}, %[[TERM]]
func.func @merge(%a: tensor<?x8x?x64xf32>, %b: tensor<?x8x?x64xf32>, %l: tensor<?x8x?xf32>, %m: tensor<?x8x?xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>) {
  %o, %n = attn.merge %a, %b lse %l, %m : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %o, %n : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}

// -----

// The rest of the words, one function: every result has a destination.
// CHECK-LABEL: func.func @rest(
// CHECK-COUNT-4: scf.parallel
// CHECK-NOT: attn.concat
// CHECK: return
func.func @rest(%x: tensor<?x2x?x8xf32>, %y: tensor<?x1x?x4xf32>, %w: tensor<2x3x8xf32>, %g: tensor<?x2x?xf32>) -> (tensor<?x2x?x12xf32>, tensor<?x3x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) {
  %c = attn.concat %x, %y : tensor<?x2x?x8xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x12xf32>
  %h = attn.select_heads %x [0, 1, 1] : tensor<?x2x?x8xf32> -> tensor<?x3x?x8xf32>
  %s = attn.short_conv %x, %w : tensor<?x2x?x8xf32>, tensor<2x3x8xf32>
  %d = attn.gated_sum %x, %s gates %g, %g : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
  return %c, %h, %s, %d : tensor<?x2x?x12xf32>, tensor<?x3x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
}

// -----

// Functions without tensors are left alone.
// CHECK-LABEL: func.func @scalar(%{{.*}}: index) -> index
func.func @scalar(%i: index) -> index {
  return %i : index
}

// -----

// What only a concatenation reads is made in its place; a part that all heads share is copied.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x1x?x16xf32, {{[^%]*}}%[[W:[^:]*]]: memref<2x16x8xf32, {{[^%]*}}%[[Y:[^:]*]]: memref<?x1x?x4xf32, {{[^%]*}}%[[OUT:[^:]*]]: memref<?x2x?x12xf32,
// CHECK-NOT: memref.alloc(
// CHECK: %[[PART:.*]] = memref.subview %[[OUT]][0, 0, 0, 0] [%{{.*}}, 2, %{{.*}}, 8]
// CHECK: vector.store %{{.*}}, %[[PART]]
// CHECK-NOT: memref.load %[[PART]]
// CHECK: memref.load %[[Y]]
// CHECK-NEXT: arith.addi
// CHECK-NEXT: memref.store %{{.*}}, %[[OUT]]
func.func @in_place(%x: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>, %y: tensor<?x1x?x4xf32>) -> tensor<?x2x?x12xf32> {
  %e = attn.expand %x, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %c = attn.concat %e, %y : tensor<?x2x?x8xf32>, tensor<?x1x?x4xf32> -> tensor<?x2x?x12xf32>
  return %c : tensor<?x2x?x12xf32>
}

// -----

// With all parts in their places nothing is left to do.
// CHECK-LABEL: func.func @all_in_place(
// CHECK: memref.subview
// CHECK: scf.parallel
// CHECK: memref.subview
// CHECK: scf.parallel
// CHECK-NOT: scf.parallel
// CHECK: return
func.func @all_in_place(%x: tensor<?x2x?x8xf32>, %y: tensor<?x2x?x4xf32>) -> tensor<?x2x?x12xf32> {
  %a = attn.norm %x <kind = rms> : tensor<?x2x?x8xf32>
  %b = attn.scale %y by 2.0 : tensor<?x2x?x4xf32>
  %c = attn.concat %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x12xf32>
  return %c : tensor<?x2x?x12xf32>
}

// -----

// Targets with lanes have products as plain loops: an element of the result, a sum of free order.
module attributes {attn.target = #attn.target<kind = gpu, loops = lanes>} {
// CHECK-LABEL: func.func @on_lanes(
// CHECK-NOT: vector
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK: memref.store %[[SUM]]
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK-COUNT-2: iter_args
func.func @on_lanes(%x: tensor<?x1x?x16xf32>, %w: tensor<2x16x8xf32>, %p: tensor<2x8x32xf32>) -> tensor<?x?x32xf32> {
  %e = attn.expand %x, %w : tensor<?x1x?x16xf32>, tensor<2x16x8xf32> -> tensor<?x2x?x8xf32>
  %o = attn.project %e, %p : tensor<?x2x?x8xf32>, tensor<2x8x32xf32> -> tensor<?x?x32xf32>
  return %o : tensor<?x?x32xf32>
}
}
