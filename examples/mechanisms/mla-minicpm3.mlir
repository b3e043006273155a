// mechanism: MLA of MiniCPM3
// paper: MiniCPM: Unveiling the Potential of Small Language Models with Scalable Training Strategies (Hu et al., 2024)
// note: a latent of 256 under 40 heads of 64 + 32, a head count that is no power of two
//
// 288 cached numbers per token. The model's long-context rotation is left out.
attn.spec @mla_minicpm3 {
  width = 2560,
  query_heads = 40,
  latent = #attn.latent<kv_rank = 256, nope = 64, rope = 32, q_rank = 768>,
  v_size = 64,
  rope = #attn.rope<dims = 32>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain
}
