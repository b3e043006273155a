// RUN: attn-opt %s --attn-choose-form=all --split-input-file | FileCheck %s
// RUN: attn-opt %s --attn-choose-form --split-input-file | FileCheck %s --check-prefix=WRITTEN
// RUN: attn-opt %s --attn-choose-form="all rows=16 keys=64" --split-input-file | FileCheck %s --check-prefix=FEW

// One row: the weights move to it. As arithmetic alone has it, 512 (128 + 128) / (1024 - 256) = 170.7 rows.
// CHECK-LABEL: func.func @one_row(
// CHECK:         attn.expand %{{.+}}, %{{.+}} transposed
// CHECK:         attn.attention {{.+}} {attn.form_reason = "absorbed: {{.+}} for 1 query rows and 2048 keys, expanded {{.+}}; expanded is no dearer from 1{{[5-8]}}{{[0-9]}} query rows a call on, at 2048 keys"}

// Nobody asked for it: as written.
// WRITTEN-LABEL: func.func @one_row(
// WRITTEN-NOT:     transposed
// WRITTEN:         attn.form_reason = "expanded: as written; by cost absorbed: {{.+}}"
func.func @one_row(%q: tensor<?x16x1x128xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>, %v: tensor<16x512x128xf32>) -> tensor<?x16x1x128xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
  %e = attn.expand %c, %v : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
  %o = attn.attention %q, %k, %e scale(0.125)
      : tensor<?x16x1x128xf32>, tensor<?x16x?x128xf32>, tensor<?x16x?x128xf32> -> tensor<?x16x1x128xf32>
  return %o : tensor<?x16x1x128xf32>
}

// -----

// Many rows: the weights move to the cache. Few rows: they stay at the query.
// CHECK-LABEL: func.func @absorbed_prefill(
// CHECK-NOT:     transposed
// CHECK:         attn.attention {{.+}} {attn.form_reason = "expanded: {{.+}} for 2048 query rows and 2048 keys
// FEW-LABEL:   func.func @absorbed_prefill(
// FEW:           transposed
// FEW:           attn.form_reason = "absorbed: {{.+}} for 16 query rows and 64 keys
func.func @absorbed_prefill(%q: tensor<?x16x?x128xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>, %v: tensor<16x512x128xf32>) -> tensor<?x16x?x128xf32> attributes {attn.entry = "prefill"} {
  %a = attn.expand %q, %w transposed : tensor<?x16x?x128xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x512xf32>
  %o = attn.attention %a, %c, %c scale(0.125) mask(<causal>)
      : tensor<?x16x?x512xf32>, tensor<?x1x?x512xf32>, tensor<?x1x?x512xf32> -> tensor<?x16x?x512xf32>
  %r = attn.expand %o, %v : tensor<?x16x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
  return %r : tensor<?x16x?x128xf32>
}

// -----

// Absorbed, the keys would be too long for a tile: a latent of 1024 stays expanded whatever it costs.
// CHECK-LABEL: func.func @too_wide(
// CHECK:         attn.form_reason = "expanded: absorbed, keys of 1024 and values of 1024 would exceed the largest head sizes, 576 and 512"
func.func @too_wide(%q: tensor<?x16x1x64xf32>, %c: tensor<?x1x?x1024xf32>, %w: tensor<16x1024x64xf32>, %v: tensor<16x1024x64xf32>) -> tensor<?x16x1x64xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x1024xf32>, tensor<16x1024x64xf32> -> tensor<?x16x?x64xf32>
  %e = attn.expand %c, %v : tensor<?x1x?x1024xf32>, tensor<16x1024x64xf32> -> tensor<?x16x?x64xf32>
  %o = attn.attention %q, %k, %e scale(0.125)
      : tensor<?x16x1x64xf32>, tensor<?x16x?x64xf32>, tensor<?x16x?x64xf32> -> tensor<?x16x1x64xf32>
  return %o : tensor<?x16x1x64xf32>
}

// -----

// Keys of their own have one form.
// CHECK-LABEL: func.func @plain(
// CHECK-NOT:     attn.form_reason
func.func @plain(%q: tensor<?x16x?x64xf32>, %k: tensor<?x4x?x64xf32>) -> tensor<?x16x?x64xf32> {
  %o = attn.attention %q, %k, %k scale(0.125)
      : tensor<?x16x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32> -> tensor<?x16x?x64xf32>
  return %o : tensor<?x16x?x64xf32>
}
