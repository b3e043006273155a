// mechanism: Multi-Query Attention (MQA)
// paper: Fast Transformer Decoding: One Write-Head is All You Need (Shazeer, 2019)
// note: all query heads read one key head and one value head
//
// The cache shrinks by the number of heads. A decode step multiplies all 16 query heads,
// as rows of one tile, with the one key head.
attn.spec @mqa {
  width = 256,
  query_heads = 16, key_heads = 1, value_heads = 1,
  qk_size = 16,
  mask = #attn.mask<causal>
}
