// mechanism: Temporal latent slots (MTLA)
// paper: Multi-head Temporal Latent Attention (Deng and Woodland, NeurIPS 2025)
// note: two tokens share a slot of the cache; the last slot is rewritten in place until it is full
//
// Prefill makes every partial merge and lets a row see itself and the last token of each earlier slot: c_t w_t and, for
// the second token of a slot, what its first one left (`carried` is that one's weight, 0 for a first token).
// Decoding keeps one row of 288 numbers per slot. The cache has room for the token's slot; `keep` is 1 where the slot is
// begun, and 0 where the token begins it. The rotary key of a slot is that of its newest token. A query of a decoded
// token stands beyond the slots, so every slot is visible. Latents arrive normalised.
// Unverified: the last step of the network that makes the weights, which are arguments here.
func.func @mtla_prefill(%query: tensor<?x8x?x96xf32> {attn.name = "query"},
                        %latent: tensor<?x1x?x256xf32> {attn.name = "latent"},
                        %rope_key: tensor<?x1x?x32xf32> {attn.name = "rope_key"},
                        %carried: tensor<?x1x?xf32> {attn.name = "carried"},
                        %weight: tensor<?x1x?xf32> {attn.name = "weight"},
                        %key_up: tensor<8x256x64xf32> {attn.name = "key_up"},
                        %value_up: tensor<8x256x64xf32> {attn.name = "value_up"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x1x?x288xf32> {attn.name = "rows"})
    attributes {attn.entry = "prefill", attn.width = 512 : i64, attn.tokens_per_key = 2 : i64} {
  %first = attn.shift %latent by 1 : tensor<?x1x?x256xf32>
  %merged = attn.gated_sum %first, %latent gates %carried, %weight : tensor<?x1x?x256xf32>, tensor<?x1x?xf32>
  %turned_key = attn.rope %rope_key <dims = 32, layout = interleaved> : tensor<?x1x?x32xf32>
  %rows = attn.concat %merged, %turned_key : tensor<?x1x?x256xf32>, tensor<?x1x?x32xf32> -> tensor<?x1x?x288xf32>
  %turned = attn.rope %query <dims = 32, start = 64, layout = interleaved> : tensor<?x8x?x96xf32>
  %plain = attn.expand %merged, %key_up : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  %key = attn.concat %plain, %turned_key : tensor<?x8x?x64xf32>, tensor<?x1x?x32xf32> -> tensor<?x8x?x96xf32>
  %value = attn.expand %merged, %value_up : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  %out = attn.attention %turned, %key, %value scale(0.10206207261596577) mask(<causal and stride<2>>)
      : tensor<?x8x?x96xf32>, tensor<?x8x?x96xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out, %rows : tensor<?x8x?x64xf32>, tensor<?x1x?x288xf32>
}
func.func @mtla_decode(%query: tensor<?x8x1x96xf32> {attn.name = "query"},
                       %latent: tensor<?x1x1x256xf32> {attn.name = "latent"},
                       %rope_key: tensor<?x1x1x32xf32> {attn.name = "rope_key"},
                       %keep: tensor<?x1x1xf32> {attn.name = "keep"},
                       %weight: tensor<?x1x1xf32> {attn.name = "weight"},
                       %cache: tensor<?x1x?x288xf32> {attn.name = "cache"},
                       %key_up: tensor<8x256x64xf32> {attn.name = "key_up"},
                       %value_up: tensor<8x256x64xf32> {attn.name = "value_up"},
                       %position: index {attn.name = "position"})
    -> (tensor<?x8x1x64xf32> {attn.name = "out"}, tensor<?x1x?x288xf32> {attn.name = "cache_out"})
    attributes {attn.entry = "decode", attn.width = 512 : i64, attn.tokens_per_key = 2 : i64} {
  %slot = attn.newest %cache : tensor<?x1x?x288xf32> -> tensor<?x1x1x288xf32>
  %begun = attn.columns %slot from 0 : tensor<?x1x1x288xf32> -> tensor<?x1x1x256xf32>
  %merged = attn.gated_sum %begun, %latent gates %keep, %weight : tensor<?x1x1x256xf32>, tensor<?x1x1xf32>
  %turned_key = attn.rope %rope_key at %position <dims = 32, layout = interleaved> : tensor<?x1x1x32xf32>
  %row = attn.concat %merged, %turned_key : tensor<?x1x1x256xf32>, tensor<?x1x1x32xf32> -> tensor<?x1x1x288xf32>
  %slots = attn.append %cache, %row : tensor<?x1x?x288xf32>, tensor<?x1x1x288xf32>
  %turned = attn.rope %query at %position <dims = 32, start = 64, layout = interleaved> : tensor<?x8x1x96xf32>
  %plain = attn.columns %turned from 0 : tensor<?x8x1x96xf32> -> tensor<?x8x1x64xf32>
  %absorbed = attn.expand %plain, %key_up transposed : tensor<?x8x1x64xf32>, tensor<8x256x64xf32> -> tensor<?x8x1x256xf32>
  %tail = attn.columns %turned from 64 : tensor<?x8x1x96xf32> -> tensor<?x8x1x32xf32>
  %whole = attn.concat %absorbed, %tail : tensor<?x8x1x256xf32>, tensor<?x8x1x32xf32> -> tensor<?x8x1x288xf32>
  %value = attn.columns %slots from 0 : tensor<?x1x?x288xf32> -> tensor<?x1x?x256xf32>
  %sum = attn.attention %whole, %slots, %value scale(0.10206207261596577)
      : tensor<?x8x1x288xf32>, tensor<?x1x?x288xf32>, tensor<?x1x?x256xf32> -> tensor<?x8x1x256xf32>
  %out = attn.expand %sum, %value_up : tensor<?x8x1x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x1x64xf32>
  return %out, %slots : tensor<?x8x1x64xf32>, tensor<?x1x?x288xf32>
}
