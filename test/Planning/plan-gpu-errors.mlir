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

func.func @held_queries(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  // expected-error@+1 {{expected at most 112 registers per consumer thread, found 126 for keys = 64, values of 64 columns and queries in registers; the products would run one after the other}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 256, keys = 64, stages = 4, roles = specialised, consumers = 4, q_in_registers = 1, p_in_registers = 1, pingpong = 1, persistent = 1, maximum = lazy> : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
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

func.func @peek(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected peek = 0 without roles = specialised, form = panels and maximum = lazy; other values of peek are not built for this target yet}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, peek = 1, persistent = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
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
  // expected-error@+1 {{expected at most 232448 bytes of shared memory, found 278696; take fewer keys or stages}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 128, stages = 4, consumers = 1, roles = specialised, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @own_values(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>, %v: tensor<?x1x?x512xbf16>) -> tensor<?x16x?x512xbf16> {
  // expected-error@+1 {{larger heads need values that are columns of the keys (attn.columns), from a multiple of 64 and a multiple of 128 wide}}
  %o = attn.attention %q, %k, %v scale(0.07) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @split_of_own(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected values that are columns of the keys (attn.columns, from a multiple of 64, a multiple of 128 up to 512 wide), of the same heads, and keys of a multiple of 32 columns, as split_output = 2 needs}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 64, stages = 2, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, persistent = 1, splits = 4, form = stream> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @latent_keys(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected keys = 64 where the output is split, found 128}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 128, stages = 2, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @latent_stages(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected stages to be a power of two, at least 2 (a key tile for each consumer), found 1}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 64, stages = 1, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @latent_memory(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected at most 232448 bytes of shared memory, found 371}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 64, stages = 4, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, persistent = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @latent_form(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected form = stream where the output is split, found panels}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 64, stages = 2, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, persistent = 1> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @lazyHalf(%q: tensor<?x2x?x128xf16>, %k: tensor<?x2x?x128xf16>, %v: tensor<?x2x?x128xf16>) -> tensor<?x2x?x128xf16> {
  // expected-error@+1 {{expected maximum = exact for f16, found lazy: a weight above 65504, which bf16 holds, would be infinite}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1, maximum = lazy> : tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16>, tensor<?x2x?x128xf16> -> tensor<?x2x?x128xf16>
  return %o : tensor<?x2x?x128xf16>
}
