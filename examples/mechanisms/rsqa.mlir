// mechanism: Reverse Sparse Query Attention (rSQA 4/8)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: fewer query heads than key heads: each query head is scored against two key heads
//
// The reverse map: score heads follow the longest axis, so there are eight, and score
// head h reads query head floor(h 4 / 8). Nothing is repeated in memory; the output has 8 heads.
attn.spec @rsqa {
  width = 256,
  query_heads = 4, key_heads = 8, value_heads = 8,
  qk_size = 16,
  mask = #attn.mask<causal>
}
