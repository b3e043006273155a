// RUN: attn-opt %s --attn-elaborate=entry=prefill-core,decode-core --split-input-file --verify-diagnostics

// expected-error @below {{expected the name @x_decode_core to be free for the decode-core of the spec; rename one of them}}
attn.spec @x {query_heads = 2, qk_size = 8}
// expected-note @below {{found it here}}
func.func @x_decode_core() {
  return
}

// -----

// An absorbed query belongs to its head's weights.
// expected-error @below {{expected score heads in the order of the query heads for an absorbed core, found a head map; use form = "expanded"}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 8, nope = 8>, key_map = array<i64: 1, 0>}

// -----

// expected-error @below {{expected at most 8 rotated elements, the latent's 'rope', found 16}}
attn.spec @x {query_heads = 2, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>, rope = #attn.rope<dims = 16>}

// -----

// expected-error @below {{expected keys of at most 576 and values of at most 512 for the absorbed form, found kv_rank + rope = 1056 and kv_rank = 1024; use form = "expanded"}}
attn.spec @x {query_heads = 4, latent = #attn.latent<kv_rank = 1024, nope = 64, rope = 32>}
