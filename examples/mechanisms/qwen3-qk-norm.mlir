// mechanism: RMS-normalised queries and keys with gain
// paper: Qwen3 Technical Report (Qwen Team, 2025)
// note: a learned gain of one head's size, shared by the heads, before the rotation
//
// Keys are normalised and rotated once, by append; the cache holds the result.
attn.spec @qwen3_qk_norm {
  width = 4096,
  query_heads = 32, key_heads = 8,
  qk_size = 128,
  query_norm = #attn.norm_kind<kind = rms>,
  key_norm = #attn.norm_kind<kind = rms>,
  norm_gain,
  rope = #attn.rope<dims = 128, base = 1000000.0>
}
