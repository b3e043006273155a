// mechanism: Grouped-Tied Attention (GTA)
// paper: Hardware-Efficient Attention for Fast Decoding (Zadouri et al., 2025)
// note: values are the cached state itself; keys are its first half and a rotary half all groups share
//
// State per group [64], rotary key [32]: the value and half of the key are one load.
func.func @gta(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
               %state: tensor<?x2x?x64xf32> {attn.name = "key"},
               %rope_key: tensor<?x1x?x32xf32> {attn.name = "rope_key"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
    attributes {attn.entry = "decode", attn.width = 512 : i64} {
  %half = attn.columns %state from 0 : tensor<?x2x?x64xf32> -> tensor<?x2x?x32xf32>
  %key = attn.concat %half, %rope_key : tensor<?x2x?x32xf32>, tensor<?x1x?x32xf32> -> tensor<?x2x?x64xf32>
  %out, %lse = attn.attention %query, %key, %state scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %out, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}
