// mechanism: Multi-head Latent Attention (MLA), absorbed
// paper: DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model (DeepSeek-AI, 2024)
// note: the same numbers as expanded, as one key head of 576 that 16 query heads read
//
// The expansion of keys moves to the query, that of values behind the sum: <q, c W> = <q Wt, c>. The scale
// stays 1/sqrt(192). Values are the first 512 columns of the keys. Suits decode.
attn.spec @mla_absorbed {
  width = 2048,
  query_heads = 16,
  latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>,
  v_size = 128,
  rope = #attn.rope<dims = 64, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, norm_gain,
  form = "absorbed"
}
