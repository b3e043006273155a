// mechanism: DuoAttention
// paper: DuoAttention: Efficient Long-Context LLM Inference with Retrieval and Streaming Heads (Xiao et al., ICLR 2025)
// note: some heads see everything, the others attention sinks and a window
//
// A table per head picks one of two expressions. Classes are chosen per key head (here key
// heads 0 and 3 retrieve), so the four query heads of a group agree and tiles stay whole.
attn.spec @duo_attention {
  query_heads = 16, key_heads = 4,
  qk_size = 64,
  rope = #attn.rope<dims = 64>,
  mask = #attn.mask<causal and per_head<[all, sink<64> or window<256>],
                                        [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]>>
}
