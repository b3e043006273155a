// mechanism: Chunked local attention (Llama 4)
// paper: The Llama 4 herd, model card (Meta, 2025)
// note: rotated layers see the tokens of their own chunk of 8192; every fourth layer has no rotation and sees all
//
// Scout's sizes: two specs, chunked with rotation and global without.
attn.spec @chunked_local {
  width = 5120, query_heads = 40, key_heads = 8, qk_size = 128,
  rope = #attn.rope<dims = 128, base = 500000.0, layout = interleaved>,
  mask = #attn.mask<causal and chunk<8192>>,
  layers = array<i64: 0, 1, 2>
}
attn.spec @chunked_global {
  width = 5120, query_heads = 40, key_heads = 8, qk_size = 128,
  mask = #attn.mask<causal>,
  layers = array<i64: 3>
}
