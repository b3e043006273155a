// mechanism: ReLU attention
// paper: Active-Dormant Attention Heads: Mechanistically Demystifying Extreme-Token Phenomena in LLMs (Guo et al., 2024)
// note: max(s, 0) in place of the softmax; rows are not normalised, and there is no lse
//
// Without the competition of a softmax no head needs a token to dump its weight on. Whether the
// sum is divided by the length is left to the projection that follows.
attn.spec @relu_attention {
  query_heads = 8,
  qk_size = 64,
  normalizer = #attn.normalizer<relu>,
  mask = #attn.mask<causal>
}
