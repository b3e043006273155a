// mechanism: Alternating window and global layers with capped scores (Gemma 2)
// paper: Gemma 2: Improving Open Language Models at a Practical Size (Gemma Team, 2024)
// note: scores become 50 tanh(s / 50) before the mask; even layers see a window, odd layers everything
//
// The 9B model, 42 layers; two specs name the layers they serve. The scale is written out,
// since it comes from the model's query_pre_attn_scalar and not from the head size.
attn.spec @gemma2_window {
  width = 3584, query_heads = 16, key_heads = 8, qk_size = 256,
  scale = 0.0625, softcap = 50.0, rope = #attn.rope<dims = 256>,
  mask = #attn.mask<causal and window<4096>>,
  layers = array<i64: 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40>
}
attn.spec @gemma2_global {
  width = 3584, query_heads = 16, key_heads = 8, qk_size = 256,
  scale = 0.0625, softcap = 50.0, rope = #attn.rope<dims = 256>,
  mask = #attn.mask<causal>,
  layers = array<i64: 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41>
}
