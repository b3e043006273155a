// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-plan --attn-tile --attn-lower-nvgpu

// expected-error@+1 {{module has no GPU target; run --attn-attach-target=target=sm_90a first}}
module attributes {attn.target = #attn.target<kind = cpu>} {
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @between_rows(%q: tensor<?x2x?x96xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %r = attn.columns %q from 4 : tensor<?x2x?x96xbf16> -> tensor<?x2x?x64xbf16>
  // expected-error@+1 {{expected rows that start at multiples of 16 bytes, found}}
  %o = attn.attention %r, %k, %v scale(0.125) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @sine(%in: memref<8x64xf32>, %out: memref<8x64xf32>, %threads: i32 {attn.threads}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %x = memref.load %in[%i, %c0] : memref<8x64xf32>
    // expected-error@+1 {{has no code for a GPU inside of scf.parallel; loops over tokens are of scf, memref, arith and exp, log, sqrt}}
    %y = math.sin %x : f32
    memref.store %y, %out[%i, %c0] : memref<8x64xf32>
  }
  return
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @from_one(%out: memref<8xf32>, %threads: i32 {attn.threads}) {
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{expected a loop from zero in steps of one to become a kernel}}
  scf.parallel (%i) = (%c1) to (%c8) step (%c1) {
    memref.store %zero, %out[%i] : memref<8xf32>
  }
  return
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @large(%out: memref<8xf32>, %threads: i32 {attn.threads}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  // expected-error@+1 {{expected temporaries of at most 49152 bytes on a GPU, found 80000}}
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %sums = memref.alloca() : memref<20000xf32>
    %x = memref.load %sums[%i] : memref<20000xf32>
    memref.store %x, %out[%i] : memref<8xf32>
  }
  return
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @read_by_host(%lengths: memref<8xi64>, %out: memref<?xf32>, %threads: i32 {attn.threads}) {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{has no code for a GPU between kernels; the host knows sizes and views}}
  %length = memref.load %lengths[%c0] : memref<8xi64>
  %n = arith.index_cast %length : i64 to index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %zero, %out[%i] : memref<?xf32>
  }
  return
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @captured(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{'math.sin' cannot stand in a score region on this target}}
    %r = math.sin %s : f32
    attn.yield %r : f32
  } : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @not_columns(%q: memref<?x16x?x576xbf16>, %k: memref<?x1x?x576xbf16>, %v: memref<?x1x?x512xbf16>, %out: memref<?x16x?x512xbf16>,
                       %offset: index, %length: index, %threads: i32 {attn.threads}) {
  // expected-error@+1 {{expected values that are a view of the keys' columns, as the schedule says (values_in_keys = 1)}}
  attn.work queries(%q) keys(%k) values(%v) offset(%offset)
      heads([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
      schedule<rows = 64, keys = 64, stages = 2, consumers = 2, split_output = 2, values_in_keys = 1, form = stream> {
  ^bb0(%rows: !attn.rows<64>):
    %query = attn.tile.load_query %q[%rows : !attn.rows<64>] : memref<?x16x?x576xbf16> -> !attn.tile<64x576xbf16>
    %none = attn.online.init %rows : !attn.rows<64> -> !attn.online<64x512xf32>
    %state = attn.stream %rows : !attn.rows<64> to %length step 64 from %none mask(<causal>) {
    ^bb1(%first: index, %before: !attn.online<64x512xf32>):
      %key = attn.tile.load key %k[%rows : !attn.rows<64>, %first] : memref<?x1x?x576xbf16> -> !attn.tile<64x576xbf16>
      %value = attn.tile.load value %v[%rows : !attn.rows<64>, %first] : memref<?x1x?x512xbf16> -> !attn.tile<64x512xbf16>
      %scores = attn.tile.dot %query, %key at [%rows : !attn.rows<64>, %first] scale(0.125)
          : !attn.tile<64x576xbf16>, !attn.tile<64x576xbf16> -> !attn.tile<64x64xf32>
      %after = attn.online.step %before, %scores, %value : !attn.online<64x512xf32>, !attn.tile<64x64xf32>, !attn.tile<64x512xbf16>
      attn.yield %after : !attn.online<64x512xf32>
    } : !attn.online<64x512xf32>
    %o, %lse = attn.online.finish %state : !attn.online<64x512xf32> -> !attn.tile<64x512xf32>, !attn.tile<64x1xf32>
    attn.tile.store %o, %out[%rows : !attn.rows<64>] : !attn.tile<64x512xf32>, memref<?x16x?x512xbf16>
  } : memref<?x16x?x576xbf16>, memref<?x1x?x576xbf16>, memref<?x1x?x512xbf16>
  return
}
}
