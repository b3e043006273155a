// RUN: not attn-opt %s --attn-attach-target=target=cpi 2>&1 | FileCheck %s --check-prefix=FAMILY
// RUN: not attn-opt %s --attn-attach-target=target=sm_75 2>&1 | FileCheck %s --check-prefix=PLANNED
// RUN: not attn-opt %s --attn-attach-target=target=cpu:znver44 2>&1 | FileCheck %s --check-prefix=PROCESSOR
// RUN: not attn-opt %s --attn-attach-target=target=cpu:qwertyuiop 2>&1 | FileCheck %s --check-prefix=STRANGE
// RUN: not attn-opt %s --attn-attach-target=target=cpu:pentium4 2>&1 | FileCheck %s --check-prefix=NARROW
// RUN: not attn-opt %s --attn-attach-target=target=cpu: 2>&1 | FileCheck %s --check-prefix=NOTHING

// FAMILY: attach-target-errors.mlir:[[#@LINE+6]]:1: error: unknown target 'cpi'; known are 'cpu', 'sm_100', {{.*}}'sm_80', {{.*}}'sm_90', 'sm_90a'; did you mean 'cpu'?
// PLANNED: error: target 'sm_75' is not built yet; available are 'cpu', 'sm_100', 'sm_103', 'sm_110', 'sm_120', 'sm_121', 'sm_80', 'sm_86', 'sm_87', 'sm_89', 'sm_90', 'sm_90a'
// PROCESSOR: error: unknown processor 'znver44' in target 'cpu:znver44'; common ones are 'x86-64', {{.*}}; did you mean 'znver4'?
// STRANGE: error: unknown processor 'qwertyuiop' in target 'cpu:qwertyuiop'; common ones are 'x86-64', {{.*}} 'neoverse-v1'{{$}}
// NARROW: error: unknown processor 'pentium4' in target 'cpu:pentium4'; common ones are
// NOTHING: error: expected a processor after 'cpu:', found nothing; leave the colon out for this machine
module {
}
