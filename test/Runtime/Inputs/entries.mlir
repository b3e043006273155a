// Whole entries as models have them: norms, rotary on half of the columns, a latent with its projections.
attn.spec @grouped {
  width = 256, query_heads = 4, key_heads = 2, qk_size = 64, scale = 0.125,
  query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = rms>, norm_gain,
  rope = #attn.rope<dims = 32>, dtype = bf16
}
attn.spec @latent {
  width = 256, query_heads = 4, latent = #attn.latent<kv_rank = 128, nope = 64, rope = 32>, v_size = 64, scale = 0.125,
  rope = #attn.rope<dims = 32, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms>, norm_gain, dtype = bf16
}
