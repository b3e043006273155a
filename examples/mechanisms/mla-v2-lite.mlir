// mechanism: MLA of DeepSeek-V2-Lite
// paper: DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model (DeepSeek-AI, 2024)
// note: no query latent; expanded to prefill, absorbed to decode, chosen by the entry
//
// 16 heads over a latent of 512, which is normalised before it is cached, and a rotary key of 64. The
// model's extension of its rotation to longer contexts is left out.
attn.spec @mla_v2_lite {
  width = 2048,
  query_heads = 16,
  latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>,
  v_size = 128,
  rope = #attn.rope<dims = 64, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain
}
