// mechanism: Multi-head Latent Attention (MLA), expanded
// paper: DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model (DeepSeek-AI, 2024)
// note: 576 cached numbers per token; keys and values are expanded head by head
//
// The small model's sizes. [latent | rotary key] is the cache; each head's key is its expansion of
// the latent and, after it, the rotary key that all heads share. Suits prefill.
attn.spec @mla_expanded {
  width = 2048,
  query_heads = 16,
  latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>,
  v_size = 128,
  rope = #attn.rope<dims = 64, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain,
  form = "expanded"
}
