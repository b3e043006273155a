// mechanism: Multi-Head Attention (MHA)
// paper: Attention Is All You Need (Vaswani et al., NeurIPS 2017)
// note: every query head has its own key and value head; the reference of the SQA paper, 16 heads of size 16
//
// Sizes of the dense model all SQA variants in this folder are compared with: width 256,
// 16 heads of size 16. Query head h reads key and value head h.
attn.spec @mha {
  width = 256,
  query_heads = 16, key_heads = 16, value_heads = 16,
  qk_size = 16,
  mask = #attn.mask<causal>
}
