// RUN: attn-opt %s --attn-attach-target=target=sm_90a --attn-plan | FileCheck %s

// 128 columns: two warpgroups; without a mask wide key tiles.
// CHECK-LABEL: func.func @full
// CHECK: schedule<rows = 128, keys = 176, stages = 2, roles = specialised, consumers = 2, p_in_registers = 1, overlap = 1, pingpong = 0, persistent = 1, order = linear>
// CHECK-SAME: "keys = 176: registers 176/2 scores + 176/4 weights + 128/2 accumulator + 30 = 226 of 232; shared memory 213128 of 232448 bytes"
func.func @full(%q: tensor<?x2x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x2x?x128xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x2x?x128xbf16>
  return %o : tensor<?x2x?x128xbf16>
}

// 64 columns: three warpgroups that take turns, four stages.
// CHECK-LABEL: func.func @causal64
// CHECK: schedule<rows = 192, keys = 128, stages = 4, {{.*}}consumers = 3, {{.*}}pingpong = 1, {{.*}}order = longest_first>
func.func @causal64(%q: tensor<?x2x?x64xf16>, %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16> -> tensor<?x2x?x64xf16>
  return %o : tensor<?x2x?x64xf16>
}

// 256 columns: the accumulator takes half the registers, two stages fill shared memory.
// CHECK-LABEL: func.func @causal256
// CHECK: schedule<rows = 128, keys = 80, stages = 2, {{.*}}consumers = 2
func.func @causal256(%q: tensor<?x2x?x256xbf16>, %k: tensor<?x2x?x256xbf16>, %v: tensor<?x2x?x256xbf16>) -> tensor<?x2x?x256xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x2x?x256xbf16>, tensor<?x2x?x256xbf16>, tensor<?x2x?x256xbf16> -> tensor<?x2x?x256xbf16>
  return %o : tensor<?x2x?x256xbf16>
}
