// mechanism: Multi-Layer Key-Value sharing (MLKV-12)
// paper: MLKV: Multi-Layer Key-Value Heads for Memory Efficient Transformer Decoding (Zuhri et al., NAACL Findings 2025)
// note: four of twelve layers hold three key heads each; the others read the nearest below
//
// Pythia-160M: 12 layers of 12 heads of 64, a quarter of each head rotated. Layer l reads
// the keys and values of holding layer floor(l 4 / 12); here layer 0 and its readers 1 and 2.
attn.spec @mlkv_holder {
  width = 768, query_heads = 12, key_heads = 3,
  qk_size = 64, rope = #attn.rope<dims = 16>,
  layers = array<i64: 0>
}
attn.spec @mlkv_reader {
  width = 768, query_heads = 12, key_heads = 3,
  qk_size = 64, rope = #attn.rope<dims = 16>,
  layers = array<i64: 1, 2>, kv_from = 0
}
