// RUN: attn-opt %s --attn-plan --attn-verify-planned | FileCheck %s

// What planning writes is what verification accepts.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 4, vector_registers = 16, fused = 1>} {
  // CHECK-LABEL: @f
  // CHECK: schedule<rows = 12,
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    %out = attn.attention %q, %q, %q scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %out : tensor<?x8x?x64xf32>
  }
}
