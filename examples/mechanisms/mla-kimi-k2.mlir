// mechanism: MLA of Kimi K2
// paper: Kimi K2: Open Agentic Intelligence (Kimi Team, 2025)
// note: V3's latents with half the heads
//
// 64 heads; width and ranks are those of DeepSeek-V3.
attn.spec @mla_kimi_k2 {
  width = 7168,
  query_heads = 64,
  latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64, q_rank = 1536>,
  v_size = 128,
  rope = #attn.rope<dims = 64, base = 50000.0, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain
}
