// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-verify-tiled

// expected-error@+1 {{expected memrefs only, found a tensor ('tensor<?x8x?x64xf32>'); run --attn-tile first}}
func.func @tensors(%x: tensor<?x8x?x64xf32>) {
  return
}

// -----

func.func @wish() {
  // expected-error@+1 {{expected memrefs only, found a tensor ('tensor<1x8x4x64xf32>'); run --attn-tile first}}
  %x = arith.constant dense<0.0> : tensor<1x8x4x64xf32>
  // expected-error@+1 {{expected the tiled form only, found 'attn.scale'; run --attn-tile first}}
  %y = attn.scale %x by 0.5 : tensor<1x8x4x64xf32>
  return
}
