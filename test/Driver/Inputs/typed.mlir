// Every kind of float tensor in one function.
func.func @typed(%q: tensor<?x4x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %sinks: tensor<4xf32>,
                 %bias: tensor<?x4x?x?xf32>, %gain: tensor<64xf32>) -> (tensor<?x4x?x64xf32>, tensor<?x4x?xf32>) {
  %weight = arith.constant dense<0.03> : tensor<4x64x64xf32>
  %n = attn.norm %q gain(%gain : tensor<64xf32>) <kind = rms> : tensor<?x4x?x64xf32>
  %o, %l = attn.attention %n, %k, %v scale(0.125) sinks(%sinks : tensor<4xf32>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %x = tensor.extract %bias[%b, %h, %i, %j] : tensor<?x4x?x?xf32>
    %r = arith.addf %s, %x : f32
    attn.yield %r : f32
  } : tensor<?x4x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x4x?x64xf32>, tensor<?x4x?xf32>
  %e = attn.expand %o, %weight : tensor<?x4x?x64xf32>, tensor<4x64x64xf32> -> tensor<?x4x?x64xf32>
  return %e, %l : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>
}
