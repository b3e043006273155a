// RUN: attn-opt %s --attn-elaborate --split-input-file --verify-diagnostics
// RUN: not attn-opt %s --attn-elaborate=entry=prefil --split-input-file -o %t 2>&1 | FileCheck %s

// CHECK: error: expected entries among prefill, decode, append, prefill-core, decode-core, layer-prefill, layer-decode; found 'prefil'; did you mean 'prefill'?

// expected-error @below {{expected the name @x_decode to be free for the decode of the spec; rename one of them}}
attn.spec @x {query_heads = 2, qk_size = 8}
// expected-note @below {{found it here}}
func.func @x_decode() {
  return
}

// -----

// A query head between two key heads of different bases has no rotation that suits both.
// expected-error @below {{expected one rope base for all keys a query head meets, found 1.000000e+01 and 2.000000e+01 for query head 0; give the key heads of a group the same base}}
attn.spec @x {query_heads = 1, key_heads = 2, qk_size = 8, rope = #attn.rope<dims = 8, bases = [10.0, 20.0]>}

// -----

// expected-error @below {{expected the rotation of a latent's heads to start at their rotary part, 16, found 4; leave 'start' out}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, rope = #attn.rope<dims = 8, start = 4>}

// -----

// expected-error @below {{expected at most 8 rotated elements, the latent's 'rope', found 16}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, rope = #attn.rope<dims = 16>}

// -----

// expected-error @below {{expected one rope base for the rotary key that all heads of a latent share, found 'bases'; use 'base'}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, rope = #attn.rope<dims = 8, bases = [10.0, 10.0]>}

// -----

// expected-error @below {{expected no 'value_norm' beside a latent}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16>, value_norm = #attn.norm_kind<kind = rms>}

// -----

// Score head 0 would meet weights of head 1: no transposed weight per query head does that.
// expected-error @below {{expected key weights of one head, or one per query head in the order of the score heads; found 2 weight heads for 2 query heads; keep the keys expanded}}
// expected-error @below {{cannot be absorbed; use form = "expanded"}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 8, nope = 8>, form = "absorbed", key_map = array<i64: 1, 0>}

// -----

// A layer may read one that comes before it and has keys and values.
// expected-note @below {{layer 1 is described here}}
attn.spec @reader {query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 1>, kv_from = 0}
// expected-error @below {{expected 'kv_from' to name a layer with keys and values of its own, found 1, which reads those of layer 0; name that one}}
attn.spec @reader_of_a_reader {query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 2>, kv_from = 1}

// -----

attn.spec @owner {query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 0, 2>}
// expected-error @below {{expected 'kv_from' to name a layer with keys and values, found 1, which no spec of this module describes; name one that is in 'layers' of a spec}}
attn.spec @reader_of_nothing {query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 3>, kv_from = 1}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, key_heads = 2, qk_size = 8, layers = array<i64: 0>}
// expected-error @below {{expected the key head count of layer 0, whose cache it reads, 2; found 1; a cache is read as it was written}}
attn.spec @other_heads {query_heads = 4, key_heads = 1, qk_size = 8, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, layers = array<i64: 0>}
// expected-error @below {{expected the latent rank of layer 0, whose cache it reads, 16; found 32; a cache is read as it was written}}
attn.spec @other_latent {query_heads = 4, latent = #attn.latent<kv_rank = 32, nope = 8>, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, layers = array<i64: 0>}
// expected-error @below {{expected the latent rank of layer 0, whose cache it reads, 16; found 0; a cache is read as it was written}}
attn.spec @keys_from_a_latent {query_heads = 4, qk_size = 8, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, qk_size = 8, rope = #attn.rope<dims = 8>, layers = array<i64: 0>}
// expected-error @below {{expected the rotation of the keys of layer 0, whose cache it reads, #attn.rope<dims = 8>; found none; a cache is read as it was written}}
attn.spec @other_rotation {query_heads = 4, qk_size = 8, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 4>, layers = array<i64: 0>}
// expected-error @below {{expected the rotary key size of layer 0, whose cache it reads, 4; found 8; a cache is read as it was written}}
attn.spec @other_rotary_key {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 8>, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, dtype = bf16, layers = array<i64: 0>}
// expected-error @below {{expected the dtype of layer 0, whose cache it reads, bf16; found f32; a cache is read as it was written}}
attn.spec @other_type {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8>, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-note @below {{layer 0 is described here}}
attn.spec @owner {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 4>, rope = #attn.rope<dims = 4, base = 500000.0>, layers = array<i64: 0>}
// expected-error @below {{expected the rotation of the keys of layer 0, whose cache it reads, #attn.rope<dims = 4, base = 500000.0>; found #attn.rope<dims = 4>; a cache is read as it was written}}
attn.spec @other_base {query_heads = 4, latent = #attn.latent<kv_rank = 16, nope = 8, rope = 4>, rope = #attn.rope<dims = 4>, layers = array<i64: 1>, kv_from = 0}

// -----

// expected-error @below {{expected keys of at most 576 and values of at most 512 for the absorbed form, found kv_rank + rope = 608 and kv_rank = 512; use form = "expanded"}}
attn.spec @x {query_heads = 4, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 96>, form = "absorbed"}

// -----

// Without a form the expanded one is chosen in time, so this is no error.
attn.spec @x {query_heads = 4, latent = #attn.latent<kv_rank = 1024, nope = 64, rope = 32>}
