// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64 | FileCheck %s --check-prefix=V1
// RUN: attn-opt %s --attn-attach-target=target=cpu:znver4 | FileCheck %s --check-prefix=ZEN
// RUN: attn-opt %s --attn-attach-target=target=cpu:aarch64 | FileCheck %s --check-prefix=ARM
// RUN: attn-opt %s --attn-attach-target=target=sm_80 | FileCheck %s --check-prefix=AMPERE
// RUN: attn-opt %s --attn-attach-target=target=sm_86 | FileCheck %s --check-prefix=SMALL
// RUN: attn-opt %s --attn-attach-target=target=sm_90 | FileCheck %s --check-prefix=LARGE
// RUN: attn-opt %s --attn-attach-target=target=sm_90a | FileCheck %s --check-prefix=HOPPER
// RUN: attn-opt %s --attn-attach-target | FileCheck %s --check-prefix=HOST
// RUN: attn-opt %s --attn-attach-target=target=cpu:znver4 --attn-attach-target | FileCheck %s --check-prefix=ZEN
// RUN: attn-opt %s --attn-attach-target=target=cpu:znver4 --attn-attach-target=target=cpu:x86-64-v3 | FileCheck %s --check-prefix=V3

// Sixteen lanes need foundation and lane masks of AVX-512; the runtime will ask for what code may use.
// V4: module attributes {attn.target = #attn.target<
// V4-SAME: name = "cpu:x86-64-v4"
// V4-SAME: triple = "x86_64-unknown-linux-gnu"
// V4-SAME: features = "{{.*}}+fma{{.*}}+avx512f,
// V4-SAME: lanes = 16
// V4-SAME: vector_registers = 32
// V4-SAME: masked = 1
// V4-SAME: bf16_dot = 0

// V3: name = "cpu:x86-64-v3"
// V3-NOT: avx512
// V3-SAME: lanes = 8
// V3-SAME: vector_registers = 16
// V3-SAME: fused = 1
// V3-SAME: masked = 0
// V3-SAME: f16_convert = 1

// The plain level has no fused multiply-add and no float16 conversion.
// V1: name = "cpu:x86-64"
// V1-NOT: features
// V1-SAME: lanes = 4
// V1-SAME: fused = 0
// V1-SAME: f16_convert = 0

// ZEN: name = "cpu:znver4"
// ZEN-SAME: processor = "znver4"
// ZEN-SAME: +avx512bf16
// ZEN-SAME: lanes = 16
// ZEN-SAME: bf16_dot = 1

// ARM: name = "cpu:aarch64"
// ARM-SAME: triple = "aarch64-unknown-linux-gnu"
// ARM-NOT: features
// ARM-SAME: vector_registers = 32
// ARM-SAME: fused = 1
// ARM-SAME: f16_convert = 1

// A block may have a kilobyte less than the multiprocessor: 163, 99, 227. Only `sm_90a` has what is Hopper's alone.
// AMPERE: kind = gpu, name = "sm_80", triple = "nvptx64-nvidia-cuda", processor = "sm_80", shared_memory = 166912, registers = 65536, tensor_core = "mma"
// SMALL: name = "sm_86", {{.*}}shared_memory = 101376, {{.*}}tensor_core = "mma"
// LARGE: name = "sm_90", {{.*}}shared_memory = 232448, {{.*}}tensor_core = "mma"
// HOPPER: name = "sm_90a", {{.*}}shared_memory = 232448, {{.*}}tensor_core = "wgmma"

// Without a name it is this machine, whose caches and cores it asks.
// HOST: #attn.target<kind = cpu, name = "cpu"
// HOST-SAME: l1 = {{[0-9]+}}
module {
}
