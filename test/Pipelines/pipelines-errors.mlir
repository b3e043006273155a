// RUN: not attn-opt %s --attn-to-planned=target=cpu:i8086 2>&1 | FileCheck %s --check-prefix=VARIANT
// RUN: not attn-opt %s --attn-to-llvm=target=sm_75 2>&1 | FileCheck %s --check-prefix=FAMILY
// RUN: not attn-opt %s --attn-to-elaborated=entry=prefil 2>&1 | FileCheck %s --check-prefix=ENTRY

attn.spec @mqa {query_heads = 4, key_heads = 1, qk_size = 16}

// VARIANT: error: {{.*}}i8086
// FAMILY:  error: target 'sm_75' is not built yet; available are 'cpu', 'sm_100', {{.*}}'sm_90a'
// ENTRY:   error: {{.*}}prefil
