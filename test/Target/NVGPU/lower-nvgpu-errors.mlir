// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-plan --attn-tile --attn-lower-nvgpu

// expected-error@+1 {{module has no GPU target; run --attn-attach-target=target=sm_90a first}}
module attributes {attn.target = #attn.target<kind = cpu>} {
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @rope(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  // expected-error@+1 {{token operations are not built for this target yet}}
  %r = attn.rope %q <dims = 64> : tensor<?x2x?x64xbf16>
  %o = attn.attention %r, %k, %v scale(0.125) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
}

// -----

module attributes {attn.target = #attn.target<kind = gpu, name = "sm_90a", shared_memory = 232448>} {
func.func @captured(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{'math.sin' cannot stand in a score region on this target}}
    %r = math.sin %s : f32
    attn.yield %r : f32
  } : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
}
