// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-cpu-entry-points

// expected-error@+1 {{expected argument 1 to be a tensor of rank 0 to 4, or a scalar, of f32, bf16, f16, f64, i8, i32, i64 or index, found 'i1'; the C calling convention has no other}}
func.func @flag(%x: memref<?xf32, strided<[1], offset: ?>>, %f: i1, %threads: i32 {attn.threads}) {
  return
}

// -----

// expected-error@+1 {{expected 'attn.sizes' to define s3, found it in a bound only}}
func.func @symbol(%x: memref<?xf32, strided<[1], offset: ?>> {attn.sizes = [">=s3"]}, %threads: i32 {attn.threads}) {
  return
}
