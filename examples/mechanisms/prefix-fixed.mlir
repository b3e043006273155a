// mechanism: Meta tokens (fixed bidirectional prefix)
// paper: Hymba: A Hybrid-head Architecture for Small Language Models (Dong et al., ICLR 2025)
// note: 128 learned tokens in front are visible to all; the rest is a causal window
//
// The attention part of one hybrid layer of the 1.5B model: 25 query heads in groups of five.
attn.spec @prefix_fixed {
  width = 1600,
  query_heads = 25, key_heads = 5,
  qk_size = 64,
  rope = #attn.rope<dims = 64>,
  mask = #attn.mask<prefix<128> or causal and window<1024>>
}
