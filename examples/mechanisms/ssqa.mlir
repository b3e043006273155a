// mechanism: Symmetric Sparse Query Attention (sSQA 8/8)
// paper: Sparse Query Attention (SQA): A Computationally Efficient Attention Mechanism with Query Heads Reduction (Filipek, 2025)
// note: query and key/value heads both halved
//
// The symmetric variant: half of the 16 reference heads on each side, so the work
// halves and each remaining query head keeps keys and values of its own.
attn.spec @ssqa {
  width = 256,
  query_heads = 8, key_heads = 8, value_heads = 8,
  qk_size = 16,
  mask = #attn.mask<causal>
}
