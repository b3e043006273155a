// mechanism: Attention with Linear Biases (ALiBi)
// paper: Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation (Press et al., ICLR 2022)
// note: score - m_h (q - k), one slope per head, no other position information
//
// Slopes of eight heads, 2^-1 ... 2^-8. Cached keys carry no position.
attn.spec @alibi {
  width = 512,
  query_heads = 8,
  qk_size = 64,
  alibi = array<f64: 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625>,
  mask = #attn.mask<causal>
}
