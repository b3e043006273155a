// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-cpu-check-allocations

func.func @no_code(%size: index) {
  // expected-error@+1 {{'memref.alloc' op expected to stand outside of parallel regions and loops, in a function whose result is a code, so that a failure can be returned}}
  %memory = memref.alloc(%size) : memref<?xi8>
  memref.dealloc %memory : memref<?xi8>
  return
}

// -----

func.func @inside(%size: index) -> i32 {
  omp.parallel {
    // expected-error@+1 {{expected to stand outside of parallel regions and loops}}
    %memory = memref.alloc(%size) : memref<?xi8>
    memref.dealloc %memory : memref<?xi8>
    omp.terminator
  }
  %good = arith.constant 0 : i32
  return %good : i32
}
