// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-verify-planned

module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32>} {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    // expected-error@+1 {{expected a schedule, found none; run --attn-plan first}}
    %a = attn.attention %q, %q, %q scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    // expected-error@+1 {{expected a schedule with positive lanes, found 0; give it, or drop the schedule and let --attn-plan choose}}
    %b = attn.attention %a, %q, %q scale(0.125) schedule<rows = 32, keys = 64> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %b : tensor<?x8x?x64xf32>
  }
}

// -----

// expected-error@+1 {{expected the facts of a target in 'attn.target', found none}}
module {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    %b = attn.attention %q, %q, %q scale(0.125) schedule<rows = 32, keys = 64> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %b : tensor<?x8x?x64xf32>
  }
}
