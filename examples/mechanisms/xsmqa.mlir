// mechanism: Extreme Sparse Multi-Query Attention (xSMQA 4/1)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: a quarter of the query heads over one key and value head
//
// xSQA with a single key and value head, the smallest cache of the family:
// 2 * 16 elements per token and layer, where MHA holds 2 * 256.
attn.spec @xsmqa {
  width = 256,
  query_heads = 4, key_heads = 1, value_heads = 1,
  qk_size = 16,
  mask = #attn.mask<causal>
}
