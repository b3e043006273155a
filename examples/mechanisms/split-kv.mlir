// mechanism: Split keys and log-sum-exp merge (Flash-Decoding)
// paper: Flash-Decoding for Long-Context Inference (Dao et al., 2023)
// note: attention over disjoint key sets, merged by their log-sum-exps, is attention over the union
//
// A shared prompt and a sequence's own tokens (a cascade) are two such sets. Rows come
// after both, so every key of the first is visible and the second is causal.
func.func @split_kv(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                    %prompt_key: tensor<?x2x?x64xf32> {attn.name = "prompt_key"},
                    %prompt_value: tensor<?x2x?x64xf32> {attn.name = "prompt_value"},
                    %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                    %value: tensor<?x2x?x64xf32> {attn.name = "value"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
    attributes {attn.entry = "decode"} {
  %o0, %l0 = attn.attention %query, %prompt_key, %prompt_value scale(0.125)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  %o1, %l1 = attn.attention %query, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  %out, %lse = attn.merge %o0, %o1 lse %l0, %l1 : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
  return %out, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}
