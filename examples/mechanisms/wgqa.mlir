// mechanism: Weighted Grouped-Query Attention (WGQA), folded
// paper: Weighted Grouped Query Attention in Transformers (Chinnakonduru and Mohapatra, 2024)
// note: learned weights of the averaged heads fold into the projections, so inference is plain GQA
//
// In training K_g = sum over the heads h of group g of a_h K_h, and V_g with b_h. Both sums
// are linear in the projection weights: the folded weights make K_g and V_g directly.
attn.spec @wgqa {
  width = 256,
  query_heads = 16, key_heads = 4, value_heads = 4,
  qk_size = 16,
  mask = #attn.mask<causal>
}
