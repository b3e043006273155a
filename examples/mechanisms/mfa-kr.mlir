// mechanism: Multi-matrix Factorization Attention with key reuse (MFA-KR)
// paper: Multi-matrix Factorization Attention (Hu et al., Findings of ACL 2025)
// note: values are recomputed from the keys, so the keys alone are cached
//
// S_V = S_K + diag(alpha) N S_K: each value is one matrix's image of the key before its rotation, and the matrix
// I + diag(alpha) N is an argument. The form is from a secondary source; unverified: that what
// is cached are the keys before rotation, as the formula implies.
func.func @mfa_kr(%shared_query: tensor<?x1x?x128xf32> {attn.name = "query"},
                  %query_up: tensor<16x128x128xf32> {attn.name = "query_up"},
                  %key: tensor<?x1x?x128xf32> {attn.name = "key"},
                  %value_of_key: tensor<1x128x128xf32> {attn.name = "value_of_key"})
    -> (tensor<?x16x?x128xf32> {attn.name = "out"}) attributes {attn.entry = "prefill", attn.width = 2048 : i64} {
  %heads = attn.expand %shared_query, %query_up : tensor<?x1x?x128xf32>, tensor<16x128x128xf32> -> tensor<?x16x?x128xf32>
  %axis = arith.constant 2 : index
  %keys = tensor.dim %key, %axis : tensor<?x1x?x128xf32>
  %rows = tensor.dim %shared_query, %axis : tensor<?x1x?x128xf32>
  %start = arith.subi %keys, %rows : index
  %turned = attn.rope %heads at %start <dims = 128> : tensor<?x16x?x128xf32>
  %turned_key = attn.rope %key <dims = 128> : tensor<?x1x?x128xf32>
  %value = attn.expand %key, %value_of_key : tensor<?x1x?x128xf32>, tensor<1x128x128xf32> -> tensor<?x1x?x128xf32>
  %out = attn.attention %turned, %turned_key, %value scale(0.08838834764831845) mask(<causal>)
      : tensor<?x16x?x128xf32>, tensor<?x1x?x128xf32>, tensor<?x1x?x128xf32> -> tensor<?x16x?x128xf32>
  return %out : tensor<?x16x?x128xf32>
}
