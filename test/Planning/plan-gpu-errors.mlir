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
  // expected-error@+1 {{expected splits = 1 without form = stream; other values of splits are not built for this target yet}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1, splits = 4> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @stream_rows(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected rows = 64 and consumers = 1 in a schedule of form stream, found rows = 128 and consumers = 2}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 64, stages = 2, consumers = 2, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @stream_keys(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected keys to be a multiple of 16 up to 256, found 40}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 40, stages = 2, consumers = 1, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @stream_splits(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected splits from 1 to 256, found 512}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 64, stages = 2, consumers = 1, splits = 512, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @stream_registers(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected at most 248 registers per consumer thread, found 262 for keys = 224 and values of 128 columns}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 224, stages = 1, consumers = 1, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @stream_memory(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected at most 232448 bytes of shared memory, found 278704; take fewer keys or stages}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 128, stages = 4, consumers = 1, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @lazyHalf(%q: tensor<?x2x?x128xf16>, %k: tensor<?x2x?x128xf16>, %v: tensor<?x2x?x128xf16>) -> tensor<?x2x?x128xf16> {
  // expected-error@+1 {{expected maximum = exact for f16, found lazy: a weight above 65504, which bf16 holds, would be infinite}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1, maximum = lazy> : tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16> -> tensor<?x2x?x128xf16>
  return %o : tensor<?x2x?x128xf16>
}
