// Schedules of matrix tiles that the planner does not choose: panels of several blocks, table powers, hints of tile loads.

// Two blocks of rows in a panel; the value product takes 64 rows at a time.
func.func @rows64(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 64, keys = 96, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, stages = 1, overlap = 1, maximum = lazy, bypass = both> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}

// More blocks in a panel than buffers; an odd number of value tiles.
func.func @rows128(%q: tensor<?x4x?x80xbf16>, %k: tensor<?x2x?x80xbf16>, %v: tensor<?x2x?x80xbf16>) -> tensor<?x4x?x80xbf16> {
  %o = attn.attention %q, %k, %v scale(0.111803) schedule<rows = 128, keys = 64, panels = 2, lanes = 16, register_keys = 2, register_values = 2, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = table> : tensor<?x4x?x80xbf16>, tensor<?x2x?x80xbf16>, tensor<?x2x?x80xbf16> -> tensor<?x4x?x80xbf16>
  return %o : tensor<?x4x?x80xbf16>
}

// Three blocks ahead, past the end of a short panel.
func.func @table(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 32, keys = 128, panels = 3, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 3, overlap = 1, maximum = lazy, powers = table> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}

// Scores so far apart that the table does not hold their powers, and without the weave.
func.func @far(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(9.0) schedule<rows = 64, keys = 64, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, maximum = lazy, powers = short_table> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}

// A window: tiles that rows see from their middle on, and none of whose first keys some row sees.
func.func @window(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<50>>) schedule<rows = 32, keys = 128, panels = 4, lanes = 16, register_keys = 8, register_values = 8, unroll = 1, stages = 2, overlap = 1, maximum = lazy, powers = short_table> : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}
