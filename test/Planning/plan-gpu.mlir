// RUN: attn-opt %s --attn-attach-target=target=sm_90a --attn-plan | FileCheck %s
// RUN: attn-opt %s --attn-attach-target=target=sm_90a --attn-plan=exact-maximum | FileCheck %s --check-prefix=EXACT

// 128 columns: two warpgroups.
// CHECK-LABEL: func.func @full
// CHECK: schedule<rows = 128, keys = 128, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, overlap = 1, pingpong = 0, peek = 0, persistent = 1, maximum = lazy, order = linear>
// CHECK-SAME: "keys = 128: registers 128/2 scores + 128/4 weights + 128/2 accumulator + 30 = 190 of 232; shared memory 164384 of 232448 bytes; wider tiles
// CHECK-SAME: "maximum = lazy: rows keep the first tile's maximum, tiles that outgrow it run again"
// EXACT-LABEL: func.func @full
// EXACT: peek = 0, {{.*}}maximum = exact, order = linear>
// EXACT-SAME: "maximum = exact: asked for"
func.func @full(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// 64 columns: three warpgroups that take turns, four stages. f16 keeps running maxima.
// CHECK-LABEL: func.func @causal64
// CHECK: schedule<rows = 192, keys = 128, stages = 4, {{.*}}consumers = 3, {{.*}}pingpong = 1, {{.*}}order = longest_first>
// CHECK-SAME: "maximum = exact: f16 weights could not grow above 65504"
func.func @causal64(%q: tensor<?x2x?x64xf16>, %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16> -> tensor<?x2x?x64xf16>
  return %o : tensor<?x2x?x64xf16>
}

// Without a maximum four narrow warpgroups win, and need no overlap.
// CHECK-LABEL: func.func @lazy64
// CHECK: schedule<rows = 256, keys = 64, stages = 4, {{.*}}consumers = 4, {{.*}}overlap = 0, pingpong = 1, peek = 1, {{.*}}maximum = lazy
// EXACT-LABEL: func.func @lazy64
// EXACT: schedule<rows = 192, keys = 128, {{.*}}overlap = 1,
func.func @lazy64(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// 72 columns: rows straddle sectors, so that each key is loaded for more queries.
// CHECK-LABEL: func.func @causal72
// CHECK: schedule<rows = 256, keys = 48, stages = 4, {{.*}}consumers = 4
func.func @causal72(%q: tensor<?x2x?x72xbf16>, %k: tensor<?x2x?x72xbf16>, %v: tensor<?x2x?x72xbf16>) -> tensor<?x2x?x72xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x72xbf16>, tensor<?x2x?x72xbf16>, tensor<?x2x?x72xbf16> -> tensor<?x2x?x72xbf16>
  return %o : tensor<?x2x?x72xbf16>
}

// Nothing is known about where a stride's keys are: no tile could keep a reference.
// CHECK-LABEL: func.func @stride
// CHECK: "maximum = exact: every key tile has mask code"
func.func @stride(%q: tensor<?x2x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> tensor<?x2x?x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and stride<7>>) : tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x2x?x64xbf16>
  return %o : tensor<?x2x?x64xbf16>
}

// 16 columns: scores are nearly all there is; four warpgroups hide each other's exponentials. Without a maximum queries stay in registers.
// CHECK-LABEL: func.func @full16
// CHECK: schedule<rows = 256, keys = 64, stages = 4, {{.*}}consumers = 4, q_in_registers = 1, {{.*}}overlap = 0, pingpong = 1, peek = 0
// CHECK-SAME: "keys = 64: registers 64/2 scores + 64/4 weights + 16/2 accumulator + 30 + 4 queries = 90 of 112;
// CHECK-SAME: "q_in_registers = 1: few columns;
// EXACT-LABEL: func.func @full16
// EXACT: schedule<rows = 256, keys = 96, stages = 4, {{.*}}consumers = 4, p_in_registers = 1, overlap = 1, pingpong = 1,
func.func @full16(%q: tensor<?x2x?x16xbf16>, %k: tensor<?x2x?x16xbf16>, %v: tensor<?x2x?x16xbf16>) -> tensor<?x2x?x16xbf16> {
  %o = attn.attention %q, %k, %v scale(0.25) : tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16> -> tensor<?x2x?x16xbf16>
  return %o : tensor<?x2x?x16xbf16>
}

// 40 columns are the most whose queries fit beside four warpgroups' scores; 48 are two registers over.
// CHECK-LABEL: func.func @causal40
// CHECK: schedule<rows = 256, keys = 64, stages = 4, {{.*}}consumers = 4, q_in_registers = 1, {{.*}}overlap = 0, pingpong = 1, peek = 0
// CHECK-SAME: + 30 + 12 queries = 110 of 112;
func.func @causal40(%q: tensor<?x2x?x40xbf16>, %k: tensor<?x2x?x40xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x2x?x40xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x2x?x40xbf16>
  return %o : tensor<?x2x?x40xbf16>
}

// CHECK-LABEL: func.func @causal48
// CHECK: schedule<rows = 256, keys = 64, stages = 4, {{.*}}consumers = 4, p_in_registers = 1, overlap = 0, pingpong = 1, peek = 0
// CHECK-NOT: queries
func.func @causal48(%q: tensor<?x2x?x48xbf16>, %k: tensor<?x2x?x48xbf16>, %v: tensor<?x2x?x48xbf16>) -> tensor<?x2x?x48xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x48xbf16>, tensor<?x2x?x48xbf16>, tensor<?x2x?x48xbf16> -> tensor<?x2x?x48xbf16>
  return %o : tensor<?x2x?x48xbf16>
}

// 256 columns: the accumulator takes half the registers, two stages fill shared memory.
// CHECK-LABEL: func.func @causal256
// CHECK: schedule<rows = 128, keys = 64, stages = 2, {{.*}}consumers = 2
// EXACT-LABEL: func.func @causal256
// EXACT: schedule<rows = 128, keys = 80, stages = 2, {{.*}}consumers = 2
func.func @causal256(%q: tensor<?x2x?x256xbf16>, %k: tensor<?x2x?x256xbf16>, %v: tensor<?x2x?x256xbf16>) -> tensor<?x2x?x256xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x256xbf16>, tensor<?x2x?x256xbf16>, tensor<?x2x?x256xbf16> -> tensor<?x2x?x256xbf16>
  return %o : tensor<?x2x?x256xbf16>
}

// Decode: packed rows, keys read once, a block alone on its multiprocessor; the launch deals out the key steps.
// CHECK-LABEL: func.func @decode
// CHECK: schedule<rows = 64, keys = 64, stages = 3, roles = specialised, consumers = 1, p_in_registers = 1, overlap = 1, persistent = 1, splits = 256, form = stream>
// CHECK-SAME: "form = stream: decoding has few rows
// CHECK-SAME: "rows = 64: the least that wgmma multiplies; 4 heads of a group times query positions fill them"
// CHECK-SAME: "keys = 64: 32768 bytes per stage; registers 142 of 248"
// CHECK-SAME: "stages = 3: 98304 bytes in flight; more would queue in front of the memory"
func.func @decode(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x8x?x128xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}

// Rows of 80 bytes begin anywhere in a sector of memory: warps load them. Small heads have more keys.
// CHECK-LABEL: func.func @decode40
// CHECK: schedule<rows = 16, keys = 128, stages = 3, roles = uniform, consumers = 4, blocks = 2, {{.*}}form = stream>
// CHECK-SAME: "rows begin anywhere in a sector of memory: the copy engine would take longer for each than memory does"
func.func @decode40(%q: tensor<?x8x?x40xbf16>, %k: tensor<?x2x?x40xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x8x?x40xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x40xbf16>, tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x8x?x40xbf16>
  return %o : tensor<?x8x?x40xbf16>
}
// CHECK-LABEL: func.func @decode32
// CHECK: schedule<rows = 64, keys = 256, stages = 3, roles = specialised
func.func @decode32(%q: tensor<?x8x?x32xbf16>, %k: tensor<?x2x?x32xbf16>, %v: tensor<?x2x?x32xbf16>) -> tensor<?x8x?x32xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x32xbf16>, tensor<?x2x?x32xbf16>, tensor<?x2x?x32xbf16> -> tensor<?x8x?x32xbf16>
  return %o : tensor<?x8x?x32xbf16>
}

// One query is decoding as well; 256 columns fill a stage with half as many keys.
// CHECK-LABEL: func.func @one256
// CHECK: schedule<rows = 64, keys = 32, stages = 3, {{.*}}form = stream>
// CHECK-SAME: registers 182 of 248
func.func @one256(%q: tensor<?x2x1x256xbf16>, %k: tensor<?x2x?x256xbf16>, %v: tensor<?x2x?x256xbf16>) -> tensor<?x2x1x256xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x1x256xbf16>, tensor<?x2x?x256xbf16>, tensor<?x2x?x256xbf16> -> tensor<?x2x1x256xbf16>
  return %o : tensor<?x2x1x256xbf16>
}

// Values are columns of the keys: one load serves both products, and 512 columns of sums need two warpgroups.
// CHECK-LABEL: func.func @latent
// CHECK: schedule<rows = 64, keys = 64, stages = 2, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, p_in_registers = 1, overlap = 1, persistent = 1, splits = 256, form = stream>
// CHECK-SAME: "keys = 64: registers 64/2 scores + 64/4 weights + 256/2 accumulator + 30 = 206 of 232; shared memory 222936 of 232448 bytes"
// CHECK-SAME: "split_output = 2: sums of 512 columns are 256 registers a thread, more than there are; each consumer has 256 columns of the same rows"
// CHECK-SAME: "values_in_keys = 1: values are columns 0 to 512 of the keys, loaded once for both products"
func.func @latent(%q: tensor<?x16x?x576xbf16>, %k: tensor<?x1x?x576xbf16>) -> tensor<?x16x?x512xbf16> {
  %v = attn.columns %k from 0 : tensor<?x1x?x576xbf16> -> tensor<?x1x?x512xbf16>
  %o = attn.attention %q, %k, %v scale(0.07) mask(<causal>) : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}

// Smaller latents leave room for four stages; values may start at any multiple of 64 columns.
// CHECK-LABEL: func.func @latent256
// CHECK: schedule<rows = 64, keys = 64, stages = 4, {{.*}}split_output = 2
// CHECK-SAME: values are columns 64 to 320 of the keys
func.func @latent256(%q: tensor<?x40x?x320xbf16>, %k: tensor<?x1x?x320xbf16>) -> tensor<?x40x?x256xbf16> {
  %v = attn.columns %k from 64 : tensor<?x1x?x320xbf16> -> tensor<?x1x?x256xbf16>
  %o = attn.attention %q, %k, %v scale(0.1) : tensor<?x40x?x320xbf16>, tensor<?x1x?x320xbf16>, tensor<?x1x?x256xbf16> -> tensor<?x40x?x256xbf16>
  return %o : tensor<?x40x?x256xbf16>
}

// Keys that are their own values.
// CHECK-LABEL: func.func @same
// CHECK: schedule<{{.*}}split_output = 2, values_in_keys = 1
func.func @same(%q: tensor<?x16x?x512xbf16>, %k: tensor<?x1x?x512xbf16>) -> tensor<?x16x?x512xbf16> {
  %o = attn.attention %q, %k, %k scale(0.07) : tensor<?x16x?x512xbf16>, tensor<?x1x?x512xbf16>, tensor<?x1x?x512xbf16> -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}
