// Each pipeline ends in its state, from any state before.

// RUN: attn-opt %s --attn-to-elaborated | FileCheck %s --check-prefix=ELABORATED
// RUN: attn-opt %s --attn-to-elaborated=entry=decode | FileCheck %s --check-prefix=DECODE
// RUN: attn-opt %s --attn-to-planned=target=cpu:x86-64-v3 | FileCheck %s --check-prefix=PLANNED
// RUN: attn-opt %s --attn-to-tiled=target=cpu:x86-64-v3 --attn-verify-tiled | FileCheck %s --check-prefix=TILED
// RUN: attn-opt %s --attn-to-llvm=target=cpu:x86-64-v3 --attn-verify-lowered | FileCheck %s --check-prefix=LLVM
// RUN: attn-opt %s --attn-to-elaborated | attn-opt --attn-to-planned=target=cpu:x86-64-v3 --attn-verify-planned | FileCheck %s --check-prefix=PLANNED

attn.spec @mqa {query_heads = 4, key_heads = 1, qk_size = 16}

// ELABORATED: func.func @mqa_prefill
// ELABORATED: func.func @mqa_decode
// ELABORATED: func.func @mqa_append

// DECODE-NOT: @mqa_prefill
// DECODE:     func.func @mqa_decode

// PLANNED:       attn.target = #attn.target<
// PLANNED-LABEL: func.func @mqa_prefill
// PLANNED:       attn.attention {{.*}} schedule<

// TILED-NOT: tensor<
// TILED:     attn.work

// LLVM-NOT: memref<
// LLVM:     llvm.func @mqa_prefill(%{{.*}}: !llvm.ptr{{.*}}, %{{.*}}: i64, %{{.*}}: i32) -> i32
