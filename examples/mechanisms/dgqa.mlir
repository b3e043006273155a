// mechanism: Dynamic Grouped-Query Attention (DGQA)
// paper: Beyond Uniform Query Distribution: Key-Driven Grouped Query Attention (Khan et al., 2024)
// note: the split of KDGQA, refreshed from a moving average of the norms; frozen here as a table
//
// The table is data of a checkpoint. Average norms 0.9 * n + 0.1 * c of 3.5, 3, 0.5, 1
// give 16 query heads as 7, 6, 1, 2: sizes that no even division produces.
attn.spec @dgqa {
  width = 256,
  query_heads = 16, key_heads = 4, value_heads = 4,
  key_map = array<i64: 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3, 3>,
  value_map = array<i64: 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3, 3>,
  qk_size = 16,
  mask = #attn.mask<all>
}
