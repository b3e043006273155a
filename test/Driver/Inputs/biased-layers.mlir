// Every projection adds a vector; queries, keys and values of the first layer are limited.
attn.spec @grouped {
  width = 40, query_heads = 4, key_heads = 2, qk_size = 24, v_size = 16, sinks, rope = #attn.rope<dims = 16>,
  bias = ["query", "key", "value", "output"], clip_qkv = 1.0
}
attn.spec @latent {
  width = 40, query_heads = 3, v_size = 16, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8, q_rank = 24>,
  rope = #attn.rope<dims = 8>, key_norm = #attn.norm_kind<kind = rms>, norm_gain, bias = ["query", "latent", "output"]
}
attn.spec @absorbed {
  width = 40, query_heads = 3, v_size = 16, latent = #attn.latent<kv_rank = 32, nope = 16, rope = 8>,
  rope = #attn.rope<dims = 8>, bias = ["query", "latent"], form = "absorbed"
}
