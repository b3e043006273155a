// The source of version-1.0.mlirbc; see bytecode-version.test.
attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64, rope = #attn.rope<dims = 64, base = 500000.0>, mask = #attn.mask<causal and window<4096> or sink<4>>, dtype = bf16}

func.func @prefill(%q: tensor<?x8x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %gain: tensor<64xbf16>,
                   %sinks: tensor<8xf32>) -> (tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>) {
  %n = attn.norm %q gain(%gain : tensor<64xbf16>) <kind = rms> : tensor<?x8x?x64xbf16>
  %r = attn.rope %n <dims = 64, base = 500000.0> : tensor<?x8x?x64xbf16>
  %o, %l = attn.attention %r, %k, %v scale(0.125) mask(<causal and window<4096> or sink<4>>) sinks(%sinks : tensor<8xf32>)
      schedule<rows = 16, keys = 128> score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %m = attn.lookup %h in [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    %t = arith.mulf %s, %m : f32
    attn.yield %t : f32
  } : tensor<?x8x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>
  return %o, %l : tensor<?x8x?x64xbf16>, tensor<?x8x?xf32>
}

func.func @tiled(%q: memref<?x2x?x8xf32>, %n: index) {
  attn.work queries(%q) keys(%q) values(%q) offset(%n) heads([0, 1], [0, 1], [0, 1]) schedule<rows = 4, keys = 8> {
  ^bb0(%rows: !attn.rows<4>):
    %t = attn.tile.load_query %q[%rows : !attn.rows<4>] : memref<?x2x?x8xf32> -> !attn.tile<4x8xf32>
    %none = attn.online.init %rows : !attn.rows<4> -> !attn.online<4x8xf32>
    %s = attn.stream %rows : !attn.rows<4> to %n step 8 from %none mask(<causal>) {
    ^bb0(%first: index, %before: !attn.online<4x8xf32>):
      %k = attn.tile.load key %q[%rows : !attn.rows<4>, %first] : memref<?x2x?x8xf32> -> !attn.tile<8x8xf32>
      %p = attn.tile.dot %t, %k at [%rows : !attn.rows<4>, %first] scale(1.0) : !attn.tile<4x8xf32>, !attn.tile<8x8xf32> -> !attn.tile<4x8xf32>
      %after = attn.online.step %before, %p, %k : !attn.online<4x8xf32>, !attn.tile<4x8xf32>, !attn.tile<8x8xf32>
      attn.yield %after : !attn.online<4x8xf32>
    } : !attn.online<4x8xf32>
  } : memref<?x2x?x8xf32>, memref<?x2x?x8xf32>, memref<?x2x?x8xf32>
  return
}
