// mechanism: Ragged batch
// paper: FlashInfer: Efficient and Customizable Attention Engine for LLM Inference Serving (Ye et al., MLSys 2025)
// note: sequences of one batch have lengths of their own; keys beyond a sequence's length are neither seen nor waited for
//
// One token per sequence: it sees the first `length` keys of its own. Key tiles and parts beyond them are skipped, so
// the time follows the keys that are there, not the longest sequence.
func.func @ragged_decode(%query: tensor<?x32x1x128xbf16> {attn.name = "query"},
                         %key: tensor<?x8x?x128xbf16> {attn.name = "key"},
                         %value: tensor<?x8x?x128xbf16> {attn.name = "value"},
                         %length: tensor<?xi64> {attn.name = "length"})
    -> (tensor<?x32x1x128xbf16> {attn.name = "out"}, tensor<?x32x1xf32> {attn.name = "lse"})
    attributes {attn.entry = "decode"} {
  %out, %lse = attn.attention %query, %key, %value scale(0.08838834764)
      mask(<prefix_length<0>>, %length : tensor<?xi64>)
      : tensor<?x32x1x128xbf16>, tensor<?x8x?x128xbf16>, tensor<?x8x?x128xbf16>
     -> tensor<?x32x1x128xbf16>, tensor<?x32x1xf32>
  return %out, %lse : tensor<?x32x1x128xbf16>, tensor<?x32x1xf32>
}
