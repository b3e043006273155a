// mechanism: Grouped queries as a latent (TransMLA)
// paper: TransMLA: Multi-Head Latent Attention Is All You Need (Meng et al., 2025)
// note: the four key heads of a GQA model are the latent; trained expansions then differ per query head
//
// GQA's repetition of 4 heads of 16 for 16 query heads is a matrix of rank 64 at most. The expansion
// starts as that matrix and may train on, with a latent of 64. Rotations are left out here.
attn.spec @transmla {
  width = 256,
  query_heads = 16,
  latent = #attn.latent<kv_rank = 64, nope = 16>,
  v_size = 16,
  mask = #attn.mask<causal>
}
