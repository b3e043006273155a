// mechanism: Grouped-Query Attention (GQA)
// paper: GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints (Ainslie et al., EMNLP 2023)
// note: even groups of query heads share a key and value head
//
// Four groups of four: query head h reads key and value head floor(h 4 / 16).
// One head per group is MHA, one group is MQA.
attn.spec @gqa {
  width = 256,
  query_heads = 16, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal>
}
