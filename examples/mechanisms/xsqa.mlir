// mechanism: Extreme Sparse Query Attention (xSQA 4/4)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: a quarter of the query heads
//
// At most a quarter of the 16 reference heads stays: ideal speed-up of the core H/Hq = 4.
attn.spec @xsqa {
  width = 256,
  query_heads = 4, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal>
}
