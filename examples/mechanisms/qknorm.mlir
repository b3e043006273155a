// mechanism: Query-Key Normalization (QKNorm)
// paper: Query-Key Normalization for Transformers (Henry et al., Findings of EMNLP 2020)
// note: cosine scores times one learned number in place of 1/sqrt(d)
//
// Queries and keys are divided by their Euclidean norm; the learned scale starts at
// log2(L^2 - L) of the 97.5th percentile length L, here L = 64: log2(4032) = 11.977.
// The paper's encoder attends in both directions.
attn.spec @qknorm {
  width = 512,
  query_heads = 8,
  qk_size = 64,
  query_norm = #attn.norm_kind<kind = l2>,
  key_norm = #attn.norm_kind<kind = l2>,
  scale = 11.977,
  mask = #attn.mask<all>
}
