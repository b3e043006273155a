// RUN: attn-opt %s --attn-elaborate=entry=layer-prefill,layer-decode --split-input-file --verify-diagnostics

// expected-error @below {{expected 'width', the size of the hidden states, for a layer entry; found none; add width = ... to the spec}}
attn.spec @without_a_width {query_heads = 4, qk_size = 8}

// -----

// expected-error @below {{expected the name @x_layer_prefill to be free for the layer-prefill of the spec; rename one of them}}
attn.spec @x {width = 16, query_heads = 2, qk_size = 8}
// expected-note @below {{found it here}}
func.func @x_layer_prefill() {
  return
}

// -----

// As the importer wrote it before it knew which.
// expected-error @below {{expected 'bias' to name the projections that add a vector, found 'attn.projection_bias'; import the model again}}
attn.spec @with_biases {width = 16, query_heads = 2, qk_size = 8, attn.projection_bias}

// -----

// The expanded form has a way out; the absorbed one was asked for.
// expected-error @below {{expected key weights of one head, or one per query head in the order of the score heads}}
// expected-error @below {{cannot be absorbed; use form = "expanded"}}
attn.spec @x {width = 16, query_heads = 2, latent = #attn.latent<kv_rank = 8, nope = 8>, form = "absorbed", key_map = array<i64: 1, 0>}
