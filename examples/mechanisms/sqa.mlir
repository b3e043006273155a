// mechanism: Sparse Query Attention (SQA 8/4)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: half the query heads of MHA: half the score work; the output has 8 heads of 16, not the model width
//
// Reference: 16 heads. Fewer query heads cut FLOPs as H/Hq = 2; grouping of the keys
// cuts the cache, independently. The output projection takes 8 * 16 = 128 columns.
attn.spec @sqa {
  width = 256,
  query_heads = 8, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal>
}
