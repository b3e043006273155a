// mechanism: Sliding-Window Sparse Query Attention (SW-SQA)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: SQA under a window; proposed in the paper
//
// Fewer query heads and fewer visible keys multiply: a row sees itself and the
// 127 tokens before it, and key tiles outside the window are never visited.
attn.spec @sw_sqa {
  width = 256,
  query_heads = 8, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal and window<128>>
}
