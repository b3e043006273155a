// Grouped heads, rotary positions, a soft cap and a window.
attn.spec @model {
  query_heads = 8, key_heads = 2, qk_size = 64,
  rope = #attn.rope<dims = 64>, softcap = 50.0,
  mask = #attn.mask<causal and window<4096>>
}
