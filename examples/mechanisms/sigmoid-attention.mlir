// mechanism: Sigmoid attention
// paper: Theory, Analysis, and Best Practices for Sigmoid Self-Attention (Ramapuram et al., ICLR 2025)
// note: each weight is a sigmoid of its score plus the bias -log(n)
//
// The bias keeps the sum of a row near one; n is the length trained for, here 4096: -8.317766.
// It is a score region, which a spec does not have, so the function is written out.
func.func @sigmoid_attention(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                             %key: tensor<?x8x?x64xf32> {attn.name = "key"},
                             %value: tensor<?x8x?x64xf32> {attn.name = "value"})
    -> (tensor<?x8x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "prefill"} {
  %out = attn.attention %query, %key, %value scale(0.125) mask(<causal>) normalizer<sigmoid> score {
  ^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index):
    %bias = arith.constant -8.317766 : f32
    %score = arith.addf %s, %bias : f32
    attn.yield %score : f32
  } : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
