// mechanism: Two layers over one cache (CLA2, a pair)
// paper: Reducing Transformer Key-Value Cache Size with Cross-Layer Attention (Brandon et al., NeurIPS 2024)
// note: the second layer's attention names the first one's keys and values as its operands
//
// Both attentions of a pair in one function, with residual sums and nothing else between the layers: 8 query
// heads and one key head of 64 each. One cache is written, and read by both.
func.func @cla_pair(%hidden: tensor<?x?x256xf32> {attn.name = "hidden"},
                    %key_cache: tensor<?x1x?x64xf32> {attn.name = "key_cache"},
                    %value_cache: tensor<?x1x?x64xf32> {attn.name = "value_cache"},
                    %query_weight: tensor<8x256x64xf32> {attn.name = "query_weight"},
                    %key_weight: tensor<1x256x64xf32> {attn.name = "key_weight"},
                    %value_weight: tensor<1x256x64xf32> {attn.name = "value_weight"},
                    %output_weight: tensor<8x64x256xf32> {attn.name = "output_weight"},
                    %next_query_weight: tensor<8x256x64xf32> {attn.name = "next_query_weight"},
                    %next_output_weight: tensor<8x64x256xf32> {attn.name = "next_output_weight"})
    -> (tensor<?x?x256xf32> {attn.name = "out"}, tensor<?x1x?x64xf32> {attn.name = "key_cache_out"},
        tensor<?x1x?x64xf32> {attn.name = "value_cache_out"}) attributes {attn.entry = "layer-decode", attn.layer_count = 2 : i64} {
  %axis = arith.constant 2 : index
  %token = arith.constant 1 : index
  %keys = tensor.dim %key_cache, %axis : tensor<?x1x?x64xf32>
  %rows = tensor.dim %hidden, %token : tensor<?x?x256xf32>
  %start = arith.subi %keys, %rows : index
  %x = attn.tokens %hidden : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
  %k = attn.expand %x, %key_weight : tensor<?x1x?x256xf32>, tensor<1x256x64xf32> -> tensor<?x1x?x64xf32>
  %turned_k = attn.rope %k at %start <dims = 64> : tensor<?x1x?x64xf32>
  %v = attn.expand %x, %value_weight : tensor<?x1x?x256xf32>, tensor<1x256x64xf32> -> tensor<?x1x?x64xf32>
  %key = attn.append %key_cache, %turned_k : tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>
  %value = attn.append %value_cache, %v : tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>
  %q = attn.expand %x, %query_weight : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  %turned_q = attn.rope %q at %start <dims = 64> : tensor<?x8x?x64xf32>
  %heads = attn.attention %turned_q, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x8x?x64xf32>
  %first = attn.project %heads, %output_weight : tensor<?x8x?x64xf32>, tensor<8x64x256xf32> -> tensor<?x?x256xf32>
  %between = attn.add %hidden, %first : tensor<?x?x256xf32>
  %y = attn.tokens %between : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
  %p = attn.expand %y, %next_query_weight : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
  %turned_p = attn.rope %p at %start <dims = 64> : tensor<?x8x?x64xf32>
  %next_heads = attn.attention %turned_p, %key, %value scale(0.125) mask(<causal>)
      : tensor<?x8x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x8x?x64xf32>
  %second = attn.project %next_heads, %next_output_weight : tensor<?x8x?x64xf32>, tensor<8x64x256xf32> -> tensor<?x?x256xf32>
  %out = attn.add %between, %second : tensor<?x?x256xf32>
  return %out, %key, %value : tensor<?x?x256xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>
}
