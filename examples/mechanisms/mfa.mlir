// mechanism: Multi-matrix Factorization Attention (MFA)
// paper: Multi-matrix Factorization Attention (Hu et al., Findings of ACL 2025)
// note: many query heads, each a matrix of a shared query, over one wide key and value head
//
// 16 query heads of 128 over one key head: 16 * 128 may exceed the model width. The shared
// query goes through a matrix per head; queries and keys are rotated.
func.func @mfa(%shared_query: tensor<?x1x?x128xf32> {attn.name = "query"},
               %query_up: tensor<16x128x128xf32> {attn.name = "query_up"},
               %key: tensor<?x1x?x128xf32> {attn.name = "key"},
               %value: tensor<?x1x?x128xf32> {attn.name = "value"})
    -> (tensor<?x16x?x128xf32> {attn.name = "out"}, tensor<?x16x?xf32> {attn.name = "lse"})
    attributes {attn.entry = "prefill", attn.width = 2048 : i64} {
  %heads = attn.expand %shared_query, %query_up : tensor<?x1x?x128xf32>, tensor<16x128x128xf32> -> tensor<?x16x?x128xf32>
  %axis = arith.constant 2 : index
  %keys = tensor.dim %key, %axis : tensor<?x1x?x128xf32>
  %rows = tensor.dim %shared_query, %axis : tensor<?x1x?x128xf32>
  %start = arith.subi %keys, %rows : index
  %query = attn.rope %heads at %start <dims = 128> : tensor<?x16x?x128xf32>
  %out, %lse = attn.attention %query, %key, %value scale(0.08838834764831845) mask(<causal>)
      : tensor<?x16x?x128xf32>, tensor<?x1x?x128xf32>, tensor<?x1x?x128xf32> -> tensor<?x16x?x128xf32>, tensor<?x16x?xf32>
  return %out, %lse : tensor<?x16x?x128xf32>, tensor<?x16x?xf32>
}
