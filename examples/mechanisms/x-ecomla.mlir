// mechanism: Upcycled latent (X-EcoMLA)
// paper: X-EcoMLA: Upcycling Pre-Trained Attention into MLA for Efficient and Extreme KV Compression (Li et al., 2025)
// note: 160 cached numbers where the GQA teacher has 1024
//
// Llama-3.2-1B: 32 heads of 64. Unverified: how a head divides into 32 position-free and 32 rotated
// elements, and that a query rank of 1344 goes with this latent; secondary sources disagree.
attn.spec @x_ecomla {
  width = 2048,
  query_heads = 32,
  latent = #attn.latent<kv_rank = 128, nope = 32, rope = 32, q_rank = 1344>,
  v_size = 64,
  rope = #attn.rope<dims = 32, base = 500000.0>,
  key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-5>, norm_gain
}
