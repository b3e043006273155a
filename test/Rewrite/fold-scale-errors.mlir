// RUN: attn-opt %s --attn-fold-scale=strict --split-input-file --verify-diagnostics
// RUN: attn-opt %s --attn-fold-scale --split-input-file 2>&1 | FileCheck %s

// CHECK: remark: expected only operations linear in a whole token

// A norm swallows the factor, but for its epsilon.
func.func @below_norm(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %q by 0.5 : tensor<?x2x?x8xf32>
  %n = attn.norm %s <kind = rms> : tensor<?x2x?x8xf32>
  // expected-error @below {{expected only operations linear in a whole token, each with one reader, between the factor and the attention, found attn.norm; scale its result instead}}
  %o = attn.attention %n, %q, %q scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

func.func @scaled_part(%q: tensor<?x2x?x8xf32>, %a: tensor<?x2x?x4xf32>, %b: tensor<?x2x?x4xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %a by 0.5 : tensor<?x2x?x4xf32>
  %k = attn.concat %s, %b : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x8xf32>
  // expected-error @below {{between the factor and the attention, found attn.concat}}
  %o = attn.attention %q, %k, %q scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// -----

// A softmax is unchanged by a factor on its weights only when the factor is 1.
func.func @output_under_softmax(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error @below {{found normalizer softmax and factor 5.000000e-01; the factor stays on the output}}
  %o = attn.attention %q, %q, %q scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  %s = attn.scale %o by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// -----

func.func @negative_under_relu(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  // expected-error @below {{found normalizer relu and factor -5.000000e-01; the factor stays on the output}}
  %o = attn.attention %q, %q, %q scale(1.0) normalizer<relu>
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  %s = attn.scale %o by -0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// -----

func.func @too_large(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %q by 1.0e+200 : tensor<?x2x?x8xf32>
  // expected-error @below {{expected the product of scale 1.000000e+200 and factor 1.000000e+200 within double precision's range, found INF; bring both nearer to 1}}
  %o = attn.attention %s, %k, %k scale(1.0e+200)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
