// mechanism: Document mask (packed sequences)
// paper: Efficient Sequence Packing without Cross-contamination (Krell et al., 2021)
// note: several documents share one sequence; a row sees the keys of its own document
//
// One number per token names its document; tiles between different documents are skipped.
func.func @document_mask(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                         %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                         %value: tensor<?x2x?x64xf32> {attn.name = "value"},
                         %documents: tensor<?x?xi32> {attn.name = "documents"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
    attributes {attn.entry = "prefill"} {
  %out, %lse = attn.attention %query, %key, %value scale(0.125)
      mask(<causal and document<0>>, %documents : tensor<?x?xi32>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>
     -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %out, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}
