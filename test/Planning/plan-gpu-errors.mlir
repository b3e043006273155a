// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-attach-target=target=sm_90a --attn-plan

func.func @f32(%q: tensor<?x2x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) -> tensor<?x2x?x64xf32> {
  // expected-error@+1 {{expected elements of bf16 or f16, found 'f32'; the tensor cores' other types are not built for this target yet (--dtype=bf16)}}
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x2x?x64xf32>
  return %o : tensor<?x2x?x64xf32>
}

// -----

func.func @size(%q: tensor<?x2x?x512xbf16>, %k: tensor<?x2x?x512xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  // expected-error@+1 {{expected a head size of queries and keys that is a multiple of 8 up to 256, found 512}}
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x512xbf16>, tensor<?x2x?x512xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

func.func @registers(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected at most 160 registers per consumer thread, found 190 for keys = 128 and values of 128 columns; the products would run one after the other}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 192, keys = 128, stages = 1, roles = specialised, consumers = 3, p_in_registers = 1, persistent = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @memory(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected at most 232448 bytes of shared memory, found 295}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 4, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @splits(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected splits = 1; other values of splits are not built for this target yet}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1, splits = 4> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @lazyHalf(%q: tensor<?x2x?x128xf16>, %k: tensor<?x2x?x128xf16>, %v: tensor<?x2x?x128xf16>) -> tensor<?x2x?x128xf16> {
  // expected-error@+1 {{expected maximum = exact for f16, found lazy: a weight above 65504, which bf16 holds, would be infinite}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1, maximum = lazy> : tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16> -> tensor<?x2x?x128xf16>
  return %o : tensor<?x2x?x128xf16>
}
