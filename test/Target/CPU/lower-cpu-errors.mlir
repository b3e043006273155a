// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-tile --attn-lower-cpu

// expected-error@+1 {{module has no CPU target; run --attn-attach-target=target=cpu first}}
module {
}

// -----

// expected-error@+1 {{module has no CPU target}}
module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a">} {
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @rows(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op schedule has 12 rows, but the target computes 8 at a time; make rows a multiple}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 12, keys = 8, register_keys = 4, register_values = 4> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @registers(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op schedule needs positive register_keys and register_values on a CPU}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 8> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @keys(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op schedule has tiles of 10 keys, not a multiple of register_keys = 4}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 10, register_keys = 4, register_values = 4> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @splits(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op splits above one are built for the forms stream and group only on the CPU}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 8, register_keys = 4, register_values = 4, splits = 2> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @lazy(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op the lazy maximum is built on the CPU for softmax on matrix tiles only (bf16, AMX, rows and keys multiples of 32); use maximum = exact}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 8, register_keys = 4, register_values = 4, maximum = lazy> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @empty(%x: memref<?x1x?x8xf32>, %offset: index) {
  // expected-error@+1 {{'attn.work' op must hold one attn.online.init and one attn.stream to be lowered for a CPU}}
  attn.work queries(%x) keys(%x) values(%x) offset(%offset) heads([0], [0], [0]) schedule<rows = 8, keys = 8> {
  ^bb0(%rows: !attn.rows<8>):
    attn.yield
  } : memref<?x1x?x8xf32>, memref<?x1x?x8xf32>, memref<?x1x?x8xf32>
  return
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @no_product(%x: memref<?x1x?x8xf32>, %offset: index, %length: index) {
  attn.work queries(%x) keys(%x) values(%x) offset(%offset) heads([0], [0], [0]) schedule<rows = 8, keys = 8> {
  ^bb0(%rows: !attn.rows<8>):
    %init = attn.online.init %rows : !attn.rows<8> -> !attn.online<8x8xf32>
    // expected-error@+1 {{'attn.stream' op must hold one attn.tile.dot and one attn.online.step to be lowered for a CPU}}
    %state = attn.stream %rows : !attn.rows<8> to %length step 8 from %init mask(<all>) {
    ^bb0(%first: index, %before: !attn.online<8x8xf32>):
      attn.yield %before : !attn.online<8x8xf32>
    } : !attn.online<8x8xf32>
    attn.yield
  } : memref<?x1x?x8xf32>, memref<?x1x?x8xf32>, memref<?x1x?x8xf32>
  return
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @no_output(%x: memref<?x1x?x8xf32>, %offset: index, %length: index) {
  // expected-error@+1 {{'attn.work' op stores no output}}
  attn.work queries(%x) keys(%x) values(%x) offset(%offset) heads([0], [0], [0]) schedule<rows = 8, keys = 8> {
  ^bb0(%rows: !attn.rows<8>):
    %query = attn.tile.load_query %x[%rows : !attn.rows<8>] : memref<?x1x?x8xf32> -> !attn.tile<8x8xf32>
    %init = attn.online.init %rows : !attn.rows<8> -> !attn.online<8x8xf32>
    %state = attn.stream %rows : !attn.rows<8> to %length step 8 from %init mask(<all>) {
    ^bb0(%first: index, %before: !attn.online<8x8xf32>):
      %key = attn.tile.load key %x[%rows : !attn.rows<8>, %first] : memref<?x1x?x8xf32> -> !attn.tile<8x8xf32>
      %value = attn.tile.load value %x[%rows : !attn.rows<8>, %first] : memref<?x1x?x8xf32> -> !attn.tile<8x8xf32>
      %scores = attn.tile.dot %query, %key at [%rows : !attn.rows<8>, %first] scale(0.5) : !attn.tile<8x8xf32>, !attn.tile<8x8xf32> -> !attn.tile<8x8xf32>
      %after = attn.online.step %before, %scores, %value : !attn.online<8x8xf32>, !attn.tile<8x8xf32>, !attn.tile<8x8xf32>
      attn.yield %after : !attn.online<8x8xf32>
    } : !attn.online<8x8xf32>
    attn.yield
  } : memref<?x1x?x8xf32>, memref<?x1x?x8xf32>, memref<?x1x?x8xf32>
  return
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @region(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 8, register_keys = 4, register_values = 4> score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{'index.sub' cannot stand in a score region on a CPU; use scalar arith and math operations, attn.lookup or tensor.extract}}
    %d = index.sub %i, %j
    %n = arith.index_cast %d : index to i32
    %f = arith.sitofp %n : i32 to f32
    %t = arith.addf %s, %f : f32
    attn.yield %t : f32
  } : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @reduction(%x: memref<16xf32>, %y: memref<f32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{'scf.parallel' op reductions in parallel loops are not built for the CPU}}
  %sum = scf.parallel (%i) = (%c0) to (%c16) step (%c1) init (%zero) -> f32 {
    %e = memref.load %x[%i] : memref<16xf32>
    scf.reduce(%e : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  memref.store %sum, %y[] : memref<f32>
  return
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @stream_rows(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op schedule of form stream has 16 rows; a panel of it is one vector of 8}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 16, keys = 8, register_keys = 4, register_values = 4, form = stream> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @stream_keys(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op schedule of form stream has tiles of 6 keys, not a multiple of 4}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 6, register_keys = 2, register_values = 4, form = stream> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 8>} {
func.func @stream_odd(%x: tensor<?x2x?x7xbf16>) -> tensor<?x2x?x7xbf16> {
  // expected-error@+1 {{'attn.work' op schedule of form stream needs even head sizes with bf16; use form panels}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 8, keys = 8, register_keys = 4, register_values = 4, form = stream> : tensor<?x2x?x7xbf16>, tensor<?x2x?x7xbf16>, tensor<?x2x?x7xbf16> -> tensor<?x2x?x7xbf16>
  return %out : tensor<?x2x?x7xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 16, amx = 1, bf16_convert = 1>} {
func.func @short(%x: tensor<?x2x?x8xbf16>) -> tensor<?x2x?x8xbf16> {
  // expected-error@+1 {{'attn.work' op overlap = 1 takes blocks of 32 keys by 32 rows, with the one 2 further on under way (stages); expected stages of at least 1 and at most the 1 blocks of a panel and key tile}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 32, keys = 32, register_keys = 4, register_values = 4, stages = 2, overlap = 1, maximum = lazy> : tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16> -> tensor<?x2x?x8xbf16>
  return %out : tensor<?x2x?x8xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 16, amx = 1, bf16_convert = 1>} {
func.func @overlap(%x: tensor<?x2x?x8xbf16>) -> tensor<?x2x?x8xbf16> {
  // expected-error@+1 {{'attn.work' op overlap = 1 on a CPU runs the matrix unit under the weights of a schedule with maximum = lazy; use overlap = 0}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 32, keys = 64, register_keys = 4, register_values = 4, overlap = 1> : tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16> -> tensor<?x2x?x8xbf16>
  return %out : tensor<?x2x?x8xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 16, amx = 1, bf16_convert = 1>} {
func.func @table(%x: tensor<?x2x?x8xbf16>) -> tensor<?x2x?x8xbf16> {
  // expected-error@+1 {{'attn.work' op powers = table is built on the CPU for maximum = lazy}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 32, keys = 32, register_keys = 4, register_values = 4, powers = table> : tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16> -> tensor<?x2x?x8xbf16>
  return %out : tensor<?x2x?x8xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<lanes = 16>} {
func.func @bypass(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error@+1 {{'attn.work' op bypass is a hint of tile loads and needs matrix tiles}}
  %out = attn.attention %x, %x, %x scale(0.5) schedule<rows = 32, keys = 32, register_keys = 4, register_values = 4, bypass = values> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
}
