// mechanism: Temporal latent slots, training mask (MTLA)
// paper: Multi-head Temporal Latent Attention (Deng and Woodland, NeurIPS 2025)
// note: a row sees itself and the last token of each earlier slot of two
//
// The paper's stride-aware causal mask: k = q, or k < q and (k + 1) mod 2 = 0. The merged
// latents come from the weight network and are an argument here. `mtla.mlir` decodes over slots.
attn.spec @mtla_training_mask {
  width = 512,
  query_heads = 8,
  latent = #attn.latent<kv_rank = 256, nope = 64, rope = 32>,
  v_size = 64,
  rope = #attn.rope<dims = 32, layout = interleaved>,
  mask = #attn.mask<causal and stride<2>>
}
