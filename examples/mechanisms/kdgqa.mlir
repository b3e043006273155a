// mechanism: Key-Driven Grouped-Query Attention (KDGQA)
// paper: Beyond Uniform Query Distribution: Key-Driven Grouped Query Attention (Khan et al., 2024)
// note: groups sized by the norms of the key heads; uneven, and the weakest head starts with no queries
//
// Norms 3, 1, 2, 5 of four key heads: (n - min) / (max - min) = 0.5, 0, 0.25, 1, shares of 16
// query heads 4.57, 0, 2.29, 9.14, rounded 5, 0, 2, 9. Key head 1 is cached and read by nobody.
// Vision transformers attend in both directions, so the mask shows everything.
attn.spec @kdgqa {
  width = 256,
  query_heads = 16, key_heads = 4, value_heads = 4,
  key_map = array<i64: 0, 0, 0, 0, 0, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3>,
  value_map = array<i64: 0, 0, 0, 0, 0, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3>,
  qk_size = 16,
  mask = #attn.mask<all>
}
