// Projections of a layer of DeepSeek-V2-Lite's width, as functions of their own; see benchmarks/projections.cpp.
func.func @queries(%hidden: tensor<?x?x2048xf32>, %w: tensor<16x2048x128xf32>) -> tensor<?x16x?x128xf32> {
  %x = attn.tokens %hidden : tensor<?x?x2048xf32> -> tensor<?x1x?x2048xf32>
  %q = attn.expand %x, %w : tensor<?x1x?x2048xf32>, tensor<16x2048x128xf32> -> tensor<?x16x?x128xf32>
  return %q : tensor<?x16x?x128xf32>
}
func.func @latents(%hidden: tensor<?x?x2048xf32>, %w: tensor<1x2048x576xf32>) -> tensor<?x1x?x576xf32> {
  %x = attn.tokens %hidden : tensor<?x?x2048xf32> -> tensor<?x1x?x2048xf32>
  %c = attn.expand %x, %w : tensor<?x1x?x2048xf32>, tensor<1x2048x576xf32> -> tensor<?x1x?x576xf32>
  return %c : tensor<?x1x?x576xf32>
}
func.func @output(%o: tensor<?x16x?x128xf32>, %w: tensor<16x128x2048xf32>) -> tensor<?x?x2048xf32> {
  %y = attn.project %o, %w : tensor<?x16x?x128xf32>, tensor<16x128x2048xf32> -> tensor<?x?x2048xf32>
  return %y : tensor<?x?x2048xf32>
}
func.func @queries_bf16(%hidden: tensor<?x?x2048xbf16>, %w: tensor<16x2048x128xbf16>) -> tensor<?x16x?x128xbf16> {
  %x = attn.tokens %hidden : tensor<?x?x2048xbf16> -> tensor<?x1x?x2048xbf16>
  %q = attn.expand %x, %w : tensor<?x1x?x2048xbf16>, tensor<16x2048x128xbf16> -> tensor<?x16x?x128xbf16>
  return %q : tensor<?x16x?x128xbf16>
}
func.func @latents_bf16(%hidden: tensor<?x?x2048xbf16>, %w: tensor<1x2048x576xbf16>) -> tensor<?x1x?x576xbf16> {
  %x = attn.tokens %hidden : tensor<?x?x2048xbf16> -> tensor<?x1x?x2048xbf16>
  %c = attn.expand %x, %w : tensor<?x1x?x2048xbf16>, tensor<1x2048x576xbf16> -> tensor<?x1x?x576xbf16>
  return %c : tensor<?x1x?x576xbf16>
}
func.func @output_bf16(%o: tensor<?x16x?x128xbf16>, %w: tensor<16x128x2048xbf16>) -> tensor<?x?x2048xbf16> {
  %y = attn.project %o, %w : tensor<?x16x?x128xbf16>, tensor<16x128x2048xbf16> -> tensor<?x?x2048xbf16>
  return %y : tensor<?x?x2048xbf16>
}
