// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-attach-target=target=sm_80 --attn-plan

// Values that are columns of the keys need a wider accumulator than a warp has.
func.func @latent(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  // expected-error@+1 {{expected values of their own on this target, found columns of the keys; kernels that load them once are built for sm_90a}}
  %o = attn.attention %q, %k, %v scale(0.07) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
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
  // expected-error@+1 {{expected register_keys to be a multiple of 16 that divides keys = 64, found 48}}
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
  // expected-error@+1 {{expected rows = 64, consumers = 4 and at least two stages in a schedule of form stream, found rows = 128, consumers = 4 and stages = 2}}
  %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 128, keys = 32, stages = 2, consumers = 4, p_in_registers = 1, form = stream> : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
