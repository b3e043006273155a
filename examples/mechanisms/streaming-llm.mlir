// mechanism: StreamingLLM
// paper: Efficient Streaming Language Models with Attention Sinks (Xiao et al., ICLR 2024)
// note: the first four tokens stay visible beside a window
//
// Here positions are those of the text; the paper numbers by cache slot, which for
// a rotated cache means rotating at read.
attn.spec @streaming_llm {
  query_heads = 32, key_heads = 8,
  qk_size = 128,
  rope = #attn.rope<dims = 128>,
  mask = #attn.mask<causal and (sink<4> or window<1020>)>
}
