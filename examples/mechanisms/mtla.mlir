// mechanism: Temporal latent slots, decoding (MTLA)
// paper: Multi-head Temporal Latent Attention (Deng and Woodland, NeurIPS 2025)
// note: two tokens share a slot of the cache; the last slot is rewritten until it is full
//
// The slots are the keys: 288 numbers for two tokens. `@mtla_merge` gives the row that goes into the last slot: what
// is there, if the slot is begun (keep = 1), plus the weighted latent; the rotary key is the newest token's.
// The query stands at its token's position, beyond the slots, so every slot is visible.
// Unverified: the last step of the network that makes the weights, which are an argument here.
func.func @mtla_merge(%slot: tensor<?x1x?x256xf32> {attn.name = "slot"},
                      %latent: tensor<?x1x?x256xf32> {attn.name = "latent"},
                      %rope_key: tensor<?x1x?x32xf32> {attn.name = "rope_key"},
                      %keep: tensor<?x1x?xf32> {attn.name = "keep"},
                      %weight: tensor<?x1x?xf32> {attn.name = "weight"},
                      %position: index {attn.name = "position"})
    -> (tensor<?x1x?x288xf32> {attn.name = "slot_out"}) attributes {attn.entry = "append"} {
  %merged = attn.gated_sum %slot, %latent gates %keep, %weight : tensor<?x1x?x256xf32>, tensor<?x1x?xf32>
  %turned = attn.rope %rope_key at %position <dims = 32, layout = interleaved> : tensor<?x1x?x32xf32>
  %row = attn.concat %merged, %turned : tensor<?x1x?x256xf32>, tensor<?x1x?x32xf32> -> tensor<?x1x?x288xf32>
  return %row : tensor<?x1x?x288xf32>
}
func.func @mtla_decode(%query: tensor<?x8x?x96xf32> {attn.name = "query"},
                       %slots: tensor<?x1x?x288xf32> {attn.name = "cache"},
                       %key_up: tensor<8x256x64xf32> {attn.name = "key_up"},
                       %value_up: tensor<8x256x64xf32> {attn.name = "value_up"},
                       %position: index {attn.name = "position"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "decode", attn.tokens_per_key = 2 : i64} {
  %turned = attn.rope %query at %position <dims = 32, start = 64, layout = interleaved> : tensor<?x8x?x96xf32>
  %plain = attn.columns %turned from 0 : tensor<?x8x?x96xf32> -> tensor<?x8x?x64xf32>
  %absorbed = attn.expand %plain, %key_up transposed : tensor<?x8x?x64xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x256xf32>
  %tail = attn.columns %turned from 64 : tensor<?x8x?x96xf32> -> tensor<?x8x?x32xf32>
  %whole = attn.concat %absorbed, %tail : tensor<?x8x?x256xf32>, tensor<?x8x?x32xf32> -> tensor<?x8x?x288xf32>
  %value = attn.columns %slots from 0 : tensor<?x1x?x288xf32> -> tensor<?x1x?x256xf32>
  %sum = attn.attention %whole, %slots, %value scale(0.10206207261596577)
      : tensor<?x8x?x288xf32>, tensor<?x1x?x288xf32>, tensor<?x1x?x256xf32> -> tensor<?x8x?x256xf32>
  %out = attn.expand %sum, %value_up : tensor<?x8x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
