// The source of version-1.1.mlirbc; see bytecode-version.test. Since 1.1 a spec is stored as a dictionary of its fields.
attn.spec @biased {width = 64, query_heads = 8, key_heads = 2, qk_size = 8, bias = ["query", "key", "value", "output"], clip_qkv = 6.0, sinks, norm_gain, key_norm = #attn.norm_kind<kind = rms>}
attn.spec @latent {query_heads = 16, v_size = 128, latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>, form = "absorbed", note.text = "kept"}

func.func @sequence(%x: tensor<?x4x?x16xf32>, %state: tensor<?x4x2x16xf32>, %w: tensor<4x3x16xf32>, %b: tensor<4x16xf32>)
    -> (tensor<?x4x?x16xf32>, tensor<?x4x2x16xf32>, tensor<?x4x1x16xf32>) {
  %c = attn.short_conv %x, %w after(%state : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>, tensor<4x3x16xf32>
  %s = attn.shift %c by 1 after(%state : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>
  %r = attn.bias %s, %b : tensor<?x4x?x16xf32>, tensor<4x16xf32>
  %l = attn.clamp %r to 6.0 : tensor<?x4x?x16xf32>
  %next = attn.carry %state, %x : tensor<?x4x2x16xf32>, tensor<?x4x?x16xf32>
  %newest = attn.newest %l : tensor<?x4x?x16xf32> -> tensor<?x4x1x16xf32>
  return %l, %next, %newest : tensor<?x4x?x16xf32>, tensor<?x4x2x16xf32>, tensor<?x4x1x16xf32>
}
