// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-plan

// expected-error@+1 {{expected the facts of a target in 'attn.target', found none; run --attn-attach-target=target=cpu first}}
module {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    %out = attn.attention %q, %q, %q scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %out : tensor<?x8x?x64xf32>
  }
}

// -----

module attributes {attn.target = #attn.target<kind = gpu>} {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    // expected-error@+1 {{expected elements of bf16 or f16, found 'f32'}}
    %out = attn.attention %q, %q, %q scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %out : tensor<?x8x?x64xf32>
  }
}

// -----

module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32>} {
  func.func @f(%q: tensor<?x8x?x640xf32>, %v: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    // expected-error@+1 {{expected a head size of at most 576 for queries and keys, found 640}}
    %out = attn.attention %q, %q, %v scale(0.125) : tensor<?x8x?x640xf32>, tensor<?x8x?x640xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %out : tensor<?x8x?x64xf32>
  }
}

// -----

module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32>} {
  func.func @f(%q: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x520xf32>) -> tensor<?x8x?x520xf32> {
    // expected-error@+1 {{expected a head size of at most 512 for values, found 520}}
    %out = attn.attention %q, %q, %v scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x520xf32> -> tensor<?x8x?x520xf32>
    return %out : tensor<?x8x?x520xf32>
  }
}

// -----

module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 4>} {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    // expected-error@+1 {{found no tile for head sizes 64 and 64 on a core with 4 vector registers}}
    %out = attn.attention %q, %q, %q scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %out : tensor<?x8x?x64xf32>
  }
}

// -----

module attributes {attn.target = #attn.target<kind = cpu, lanes = 8, vector_registers = 16>} {
  func.func @f(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
    // expected-error@+1 {{expected a register block of at most 16 vector registers, found 19 for register_keys = 8 and 2 vectors of rows; the accumulators would spill}}
    %a = attn.attention %q, %q, %q scale(0.125) schedule<rows = 16, keys = 64, register_keys = 8> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    // expected-error@+1 {{expected rows to be a multiple of lanes, found rows = 12 and lanes = 8}}
    %b = attn.attention %a, %q, %q scale(0.125) schedule<rows = 12, keys = 64, register_keys = 4> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    // expected-error@+1 {{expected keys to be a multiple of register_keys, found keys = 64 and register_keys = 6}}
    %c = attn.attention %b, %q, %q scale(0.125) schedule<rows = 16, keys = 64, register_keys = 6> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    // expected-error@+1 {{expected lanes = 8, the target's vector, found 16}}
    %d = attn.attention %c, %q, %q scale(0.125) schedule<rows = 16, keys = 64, lanes = 16> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    // expected-error@+1 {{expected splits = 1, found 4; splitting the key range is built for the forms stream and group only}}
    %e = attn.attention %d, %q, %q scale(0.125) schedule<rows = 8, keys = 60, splits = 4> : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
    return %e : tensor<?x8x?x64xf32>
  }
}

// -----

// Half a vector is for the rows of form group on a core of 16 lanes.
module attributes {attn.target = #attn.target<kind = cpu, lanes = 16, vector_registers = 32>} {
  func.func @f(%q: tensor<?x8x1x64xf32>, %k: tensor<?x1x?x64xf32>) -> tensor<?x8x1x64xf32> {
    // expected-error@+1 {{expected lanes = 16, the target's vector, found 4}}
    %a = attn.attention %q, %k, %k scale(0.125) schedule<rows = 4, keys = 64, lanes = 4, register_keys = 8, form = group> : tensor<?x8x1x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x8x1x64xf32>
    // expected-error@+1 {{expected lanes = 16, the target's vector, found 8}}
    %b = attn.attention %a, %k, %k scale(0.125) schedule<rows = 8, keys = 64, lanes = 8, register_keys = 4, form = stream> : tensor<?x8x1x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x8x1x64xf32>
    return %b : tensor<?x8x1x64xf32>
  }
}
