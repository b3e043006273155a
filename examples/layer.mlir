// A whole attention layer: attn-compile examples/layer.mlir --entry=layer-prefill --entry=layer-decode -o layer.bundle
// Multi-head latent attention with DeepSeek-V2-Lite's ranks and a small model's width and heads.
attn.spec @layer {
  width = 256,
  query_heads = 4,
  latent = #attn.latent<kv_rank = 128, nope = 32, rope = 16>,
  v_size = 32,
  rope = #attn.rope<dims = 16, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms>, norm_gain
}
