// mechanism: Light Sparse Query Attention (lSQA 12/4)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: three quarters of the query heads; proposed in the paper, not measured there
//
// Hq = 0.75 H. The work falls to 3/4; twelve query heads read four key heads in
// groups of three, which is no power of two and needs no padding of heads.
attn.spec @lsqa {
  width = 256,
  query_heads = 12, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal>
}
