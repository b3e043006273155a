// What stands in the way of a cheaper form is named, and the form stays.
// RUN: attn-opt %s --attn-choose-form=all --verify-diagnostics -o - | FileCheck %s

// CHECK-LABEL: func.func @weights_across(
// CHECK:         attn.attention %{{.+}}, %{{.+}}, %{{.+}} scale(0.125) heads(key = [1, 0]){{.*}}attn.form_reason = "expanded: the other form is blocked; by cost absorbed: {{.+}}"
func.func @weights_across(%q: tensor<?x2x1x64xf32>, %c: tensor<?x1x?x64xf32>, %w: tensor<2x64x64xf32>) -> tensor<?x2x1x64xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x64xf32>, tensor<2x64x64xf32> -> tensor<?x2x?x64xf32>
  // expected-remark @below {{expected key weights of one head, or one per query head in the order of the score heads; found 2 weight heads for 2 query heads; keep the keys expanded}}
  %o = attn.attention %q, %k, %k scale(0.125) heads(key = [1, 0])
      : tensor<?x2x1x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x2x1x64xf32>
  return %o : tensor<?x2x1x64xf32>
}
