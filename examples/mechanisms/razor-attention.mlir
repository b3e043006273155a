// mechanism: RazorAttention, compensated
// paper: RazorAttention: Efficient KV Cache Compression Through Retrieval Heads (Tang et al., ICLR 2025)
// note: heads that do not retrieve keep sinks and a window, plus one entry that stands for what was dropped
//
// One streaming head group. Entry 0 of the cache is the mean of the n dropped keys (and values) and
// counts n times: log(n) joins its score, here log(1000). Rows are the newest tokens, so
// the entries kept (4 sinks, then the window, in cache order) are all visible to them.
func.func @razor_attention(%query: tensor<?x4x?x64xf32> {attn.name = "query"},
                           %key: tensor<?x1x?x64xf32> {attn.name = "key"},
                           %value: tensor<?x1x?x64xf32> {attn.name = "value"})
    -> (tensor<?x4x?x64xf32> {attn.name = "out"}) attributes {attn.entry = "decode"} {
  %out = attn.attention %query, %key, %value scale(0.125) mask(<causal>) score {
  ^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index):
    %zero = arith.constant 0 : index
    %log_count = arith.constant 6.907755 : f32
    %none = arith.constant 0.0 : f32
    %dropped = arith.cmpi eq, %k, %zero : index
    %bias = arith.select %dropped, %log_count, %none : f32
    %score = arith.addf %s, %bias : f32
    attn.yield %score : f32
  } : tensor<?x4x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x4x?x64xf32>
  return %out : tensor<?x4x?x64xf32>
}
