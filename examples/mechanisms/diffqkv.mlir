// mechanism: DiffQKV attention (Sigma)
// paper: Sigma: Differential Rescaling of Query, Key and Value for Efficient Language Models (Lin et al., 2025)
// note: three independent head counts: 32 query, 4 key and 16 value heads
//
// Keys stand more compression than values. Query head h reads key head floor(h 4 / 32) and
// value head floor(h 16 / 32): one key tile meets four different value tiles.
attn.spec @diffqkv {
  query_heads = 32, key_heads = 4, value_heads = 16,
  qk_size = 64,
  rope = #attn.rope<dims = 64>,
  mask = #attn.mask<causal>
}
