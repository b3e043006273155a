// mechanism: Learned sink logits (gpt-oss)
// paper: gpt-oss-120b & gpt-oss-20b Model Card (OpenAI, 2025)
// note: one learned logit per head joins the softmax's sum and has no value
//
// A head may then attend to nothing. gpt-oss-20b's windowed layers, with its YaRN scaling.
attn.spec @sink_logits {
  width = 2880,
  query_heads = 64, key_heads = 8,
  qk_size = 64,
  rope = #attn.rope<dims = 64, base = 150000.0, scaling = yarn, factor = 32.0, original_length = 4096,
                    truncate = 0, magnitude = 1.3465735902799727>,
  sinks,
  mask = #attn.mask<causal and window<128>>
}
