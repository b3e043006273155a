// mechanism: Sliding-window attention (Mistral 7B)
// paper: Mistral 7B (Jiang et al., 2023)
// note: a row sees itself and the 4095 tokens before it
//
// Longformer's window, causal. Work and cache stop growing at 4096 tokens; information
// travels further by one window per layer.
attn.spec @mistral_window {
  width = 4096,
  query_heads = 32, key_heads = 8, value_heads = 8,
  qk_size = 128,
  rope = #attn.rope<dims = 128>,
  mask = #attn.mask<causal and window<4096>>
}
