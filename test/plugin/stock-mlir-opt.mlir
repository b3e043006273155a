// A stock mlir-opt parses, verifies and prints the dialect, and runs our passes.
// RUN: mlir-opt --load-dialect-plugin=%attn_plugin %s | FileCheck %s --check-prefix=PRINT
// RUN: mlir-opt --load-dialect-plugin=%attn_plugin --load-pass-plugin=%attn_plugin \
// RUN:   --pass-pipeline='builtin.module(attn-elaborate)' %s | FileCheck %s --check-prefix=PASS

// PRINT: attn.spec @gqa
// PASS: func.func @gqa_decode(%{{[a-z0-9]+}}: tensor<?x8x?x64xf32>
// PASS: attn.attention
attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64}
