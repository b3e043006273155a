// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-attach-target=target=sm_80 --attn-plan

// Each warp of a block has a part of the values' columns.
func.func @latent(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x520xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x520xbf16>
  // expected-error@+1 {{found no tile for values that are columns of the keys, from column 0, in head sizes 576 and 520 in 166912 bytes of shared memory; expected keys of a multiple of 16 columns and values of a multiple of 128 up to 512, from a multiple of 8}}
  %o = attn.attention %q, %k, %v scale(0.07) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x520xbf16> -> tensor<?x16x?x520xbf16>
  return %o : tensor<?x16x?x520xbf16>
}

// -----

func.func @latent_warps(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected rows and keys of multiples of 16, a power of two of consumers for each 16 rows, that divide the values' columns in multiples of 32, and at least two stages, three with overlap = 1; found rows = 48, keys = 32, consumers = 8 and stages = 2}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 48, keys = 32, stages = 2, roles = uniform, consumers = 8, split_output = 8, values_in_keys = 1, blocks = 1, p_in_registers = 1, maximum = exact, splits = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @latent_memory(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected blocks = 1 to fit 255 registers per thread and 166912 bytes of shared memory}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 32, stages = 3, roles = uniform, consumers = 8, split_output = 8, values_in_keys = 1, blocks = 1, p_in_registers = 1, maximum = exact, splits = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @latent_split(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected form = stream, values_in_keys = 1, split_output = consumers, and neither q_in_registers nor register_keys where values are columns of the keys}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 32, stages = 2, roles = uniform, consumers = 8, split_output = 2, values_in_keys = 1, blocks = 1, p_in_registers = 1, maximum = exact, splits = 1, form = stream> : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// -----

func.func @not_latent(%q: tensor<?x16x?x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x64xbf16>) -> tensor<?x16x?x64xbf16> {
  // expected-error@+1 {{expected values that are columns of the keys (attn.columns), of the same heads, as values_in_keys = 1 says}}
  %o = attn.attention %q, %k, %v scale(0.07) schedule<rows = 64, keys = 32, stages = 2, roles = uniform, consumers = 4, split_output = 4, values_in_keys = 1, blocks = 1, p_in_registers = 1, maximum = exact, splits = 1, form = stream> : tensor<?x16x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x64xbf16> -> tensor<?x16x?x64xbf16>
  return %o : tensor<?x16x?x64xbf16>
}

// -----

func.func @size(%q: tensor<?x2x?x320xbf16>, %k: tensor<?x2x?x320xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  // expected-error@+1 {{expected a head size of queries and keys that is a multiple of 8 up to 256, found 320}}
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x320xbf16>, tensor<?x2x?x320xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// -----

func.func @roles(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected roles = uniform; other values of roles are not built for this target yet}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, persistent = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @rows(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected 1 to 16 consumers (warps) of a multiple of 16 rows each, found consumers = 4 and rows = 96}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 96, keys = 64, consumers = 4, p_in_registers = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @keys(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected keys to be a multiple of 16 up to 256, found 40}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 40, consumers = 4, p_in_registers = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @part(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected register_keys to be a multiple of 16 that divides a warp's 64 keys of a tile, found 48}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 64, register_keys = 48, consumers = 4, p_in_registers = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @registers(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected at most 255 registers per thread with blocks = 2, found 291 for rows = 128 and keys = 64 with values of 128 columns}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 64, stages = 1, consumers = 4, blocks = 2, p_in_registers = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @memory(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  // expected-error@+1 {{expected blocks = 2 to fit 166912 bytes of shared memory, found}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 64, stages = 3, consumers = 4, blocks = 2, p_in_registers = 1> : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// -----

func.func @lazy(%q: tensor<?x2x?x64xf16>, %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16> {
  // expected-error@+1 {{expected maximum = exact for f16, found lazy}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 64, keys = 64, consumers = 4, p_in_registers = 1, maximum = lazy> : tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16> -> tensor<?x2x?x64xf16>
  return %o : tensor<?x2x?x64xf16>
}

// -----

func.func @stream(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  // expected-error@+1 {{expected rows = 64 or 16, consumers = 4 and at least two stages in a schedule of form stream, found rows = 128, consumers = 4 and stages = 2}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 32, stages = 2, consumers = 4, p_in_registers = 1, form = stream> : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
