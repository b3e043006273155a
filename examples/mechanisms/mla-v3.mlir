// mechanism: MLA of DeepSeek-V2 and V3
// paper: DeepSeek-V3 Technical Report (DeepSeek-AI, 2024)
// note: 128 heads over one latent of 512; queries come out of a latent of 1536
//
// V3's width; V2 has 5120 and the same heads and ranks. The model's extension of its rotation to longer
// contexts, and the factor on the scale that goes with it, are left out.
attn.spec @mla_v3 {
  width = 7168,
  query_heads = 128,
  latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64, q_rank = 1536>,
  v_size = 128,
  rope = #attn.rope<dims = 64, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain
}
