// mechanism: Partial rotation and a joint latent (MHA2MLA)
// paper: Towards Economical Inference: Enabling DeepSeek's Multi-Head Latent Attention in Any Transformer-based LLMs (Ji et al., 2025)
// note: 16 of a head's 128 elements stay rotated and cached per head; the rest and the values share one latent
//
// 8 heads: a latent of 64 per head, 512 in all, and 8 rotary keys of 16 are 31.25 % of what MHA caches.
// The rotated elements stand last here; which frequencies are kept is a choice of the conversion.
// Unverified: that the latent is joint over heads rather than one per head.
func.func @mha2mla(%query: tensor<?x8x?x128xf32> {attn.name = "query"},
                   %latent: tensor<?x1x?x512xf32> {attn.name = "latent"},
                   %rope_key: tensor<?x8x?x16xf32> {attn.name = "rope_key"},
                   %key_up: tensor<8x512x112xf32> {attn.name = "key_up"},
                   %value_up: tensor<8x512x128xf32> {attn.name = "value_up"})
    -> (tensor<?x8x?x128xf32> {attn.name = "out"}) attributes {attn.entry = "prefill", attn.width = 1024 : i64} {
  %axis = arith.constant 2 : index
  %keys = tensor.dim %latent, %axis : tensor<?x1x?x512xf32>
  %rows = tensor.dim %query, %axis : tensor<?x8x?x128xf32>
  %start = arith.subi %keys, %rows : index
  %turned = attn.rope %query at %start <dims = 16, start = 112> : tensor<?x8x?x128xf32>
  %plain = attn.expand %latent, %key_up : tensor<?x1x?x512xf32>, tensor<8x512x112xf32> -> tensor<?x8x?x112xf32>
  %key = attn.concat %plain, %rope_key : tensor<?x8x?x112xf32>, tensor<?x8x?x16xf32> -> tensor<?x8x?x128xf32>
  %value = attn.expand %latent, %value_up : tensor<?x1x?x512xf32>, tensor<8x512x128xf32> -> tensor<?x8x?x128xf32>
  %out = attn.attention %turned, %key, %value scale(0.08838834764831845) mask(<causal>)
      : tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32> -> tensor<?x8x?x128xf32>
  return %out : tensor<?x8x?x128xf32>
}
