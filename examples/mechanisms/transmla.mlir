// mechanism: Grouped queries as a latent (TransMLA)
// paper: TransMLA: Multi-Head Latent Attention Is All You Need (Meng et al., 2025)
// note: the four key and value heads of a GQA model are the latent, so the cache stays; the expansions train on
//
// 4 heads of 16 for 16 query heads: [keys | values] is a latent of 128, and the repetition of heads is its
// expansion by zeros and ones, which `attn-opt --attn-groups-to-latent` writes for any grouped attention.
// Unverified: how the paper's later versions treat rotations (left out here) and their joint compression.
attn.spec @transmla {
  width = 256,
  query_heads = 16,
  latent = #attn.latent<kv_rank = 128, nope = 16>,
  v_size = 16,
  mask = #attn.mask<causal>
}
