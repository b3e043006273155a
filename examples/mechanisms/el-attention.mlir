// mechanism: EL-attention
// paper: EL-Attention: Memory Efficient Lossless Attention for Generation (Yan et al., ICML 2021)
// note: hidden states are the only cache; keys and values are their images, moved to query and output
//
// Written as it is trained. `--attn-absorb-latent` gives the paper's form: the query is taken
// through the transposed key weights and the sum runs over the hidden states once.
func.func @el_attention(%query: tensor<?x8x?x32xf32> {attn.name = "query"},
                        %hidden: tensor<?x1x?x256xf32> {attn.name = "cache"},
                        %key_up: tensor<8x256x32xf32> {attn.name = "key_up"},
                        %value_up: tensor<8x256x32xf32> {attn.name = "value_up"})
    -> (tensor<?x8x?x32xf32> {attn.name = "out"}) attributes {attn.entry = "prefill", attn.width = 256 : i64} {
  %key = attn.expand %hidden, %key_up : tensor<?x1x?x256xf32>, tensor<8x256x32xf32> -> tensor<?x8x?x32xf32>
  %value = attn.expand %hidden, %value_up : tensor<?x1x?x256xf32>, tensor<8x256x32xf32> -> tensor<?x8x?x32xf32>
  %out = attn.attention %query, %key, %value scale(0.17677669529663687)
      : tensor<?x8x?x32xf32>, tensor<?x8x?x32xf32>, tensor<?x8x?x32xf32> -> tensor<?x8x?x32xf32>
  return %out : tensor<?x8x?x32xf32>
}
