
// Three heads share rows, so that panels end within a position, and blocks of keys within a panel's own end.
func.func @odd(%q: tensor<?x3x?x40xbf16>, %k: tensor<?x1x?x40xbf16>, %v: tensor<?x1x?x24xbf16>) -> tensor<?x3x?x24xbf16> {
  %o = attn.attention %q, %k, %v scale(0.15) mask(<causal>) schedule<rows = 32, keys = 64, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, stages = 1, overlap = 1, maximum = lazy, powers = short_table, bypass = both> : tensor<?x3x?x40xbf16>, tensor<?x1x?x40xbf16>, tensor<?x1x?x24xbf16> -> tensor<?x3x?x24xbf16>
  return %o : tensor<?x3x?x24xbf16>
}

// A window in chunks: ranges of keys that meet only in some panels; and the exact maximum.
func.func @chunks(%q: tensor<?x2x?x32xbf16>, %k: tensor<?x2x?x32xbf16>, %v: tensor<?x2x?x32xbf16>) -> tensor<?x2x?x32xbf16> {
  %o = attn.attention %q, %k, %v scale(0.2) mask(<window<40, 20> and chunk<100>>) schedule<rows = 32, keys = 96, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1, stages = 1, overlap = 1, maximum = lazy> : tensor<?x2x?x32xbf16>, tensor<?x2x?x32xbf16>, tensor<?x2x?x32xbf16> -> tensor<?x2x?x32xbf16>
  return %o : tensor<?x2x?x32xbf16>
}
func.func @exact(%q: tensor<?x3x?x32xbf16>, %k: tensor<?x1x?x32xbf16>, %v: tensor<?x1x?x32xbf16>) -> tensor<?x3x?x32xbf16> {
  %o = attn.attention %q, %k, %v scale(0.2) mask(<causal and window<90> or sink<5>>) schedule<rows = 32, keys = 64, panels = 2, lanes = 16, register_keys = 4, register_values = 4, unroll = 1> : tensor<?x3x?x32xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?x32xbf16> -> tensor<?x3x?x32xbf16>
  return %o : tensor<?x3x?x32xbf16>
}
