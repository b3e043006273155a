// Schedules of decode on the matrix unit that the planner does not choose.

// Three products of 32 keys in a tile, and columns of four tiles and of two; a scale that queries take.
func.func @keys96(%q: tensor<?x8x?x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x96xbf16>) -> tensor<?x8x?x96xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 16, keys = 96, lanes = 16, register_keys = 4, register_values = 4, splits = 8, form = stream> : tensor<?x8x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x96xbf16> -> tensor<?x8x?x96xbf16>
  return %o : tensor<?x8x?x96xbf16>
}

// Three blocks of four rows that are live at one position, of a tile of 16; windows.
func.func @twelve(%q: tensor<?x12x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x12x?x32xbf16> {
  %o = attn.attention %q, %k, %v scale(0.3) mask(<causal and window<150>>) schedule<rows = 16, keys = 32, lanes = 16, register_keys = 4, register_values = 3, splits = 8, form = stream> : tensor<?x12x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x12x?x32xbf16>
  return %o : tensor<?x12x?x32xbf16>
}

// Scores by the matrix unit, values that do not fill its tiles by vectors; two heads, and eight.
func.func @columns80(%q: tensor<?x8x?x96xbf16>, %k: tensor<?x1x?x96xbf16>, %v: tensor<?x1x?x80xbf16>) -> tensor<?x8x?x80xbf16> {
  %o = attn.attention %q, %k, %v scale(0.1) mask(<causal or prefix<40>>) schedule<rows = 16, keys = 64, lanes = 16, register_keys = 4, register_values = 2, splits = 8, form = stream> : tensor<?x8x?x96xbf16>, tensor<?x1x?x96xbf16>, tensor<?x1x?x80xbf16> -> tensor<?x8x?x80xbf16>
  return %o : tensor<?x8x?x80xbf16>
}
func.func @two(%q: tensor<?x2x?x256xbf16>, %k: tensor<?x1x?x256xbf16>, %v: tensor<?x1x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.05) mask(<causal>) schedule<rows = 16, panels = 2, keys = 32, lanes = 16, register_keys = 4, register_values = 4, splits = 8, form = stream> : tensor<?x2x?x256xbf16>, tensor<?x1x?x256xbf16>, tensor<?x1x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}
