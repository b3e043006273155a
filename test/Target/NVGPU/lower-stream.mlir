// RUN: attn-opt %s --split-input-file --attn-to-tiled=target=sm_90a --attn-lower-nvgpu | FileCheck %s

// Decode: four heads of a group in 64 rows, a block of one warpgroup and two warps, alone on its multiprocessor. In the launch numbers
// after the largest group: stream form, groups, rows per position, most parts, most keys.
// CHECK: attn.gpu_entries = [{kernel = "decode_kernel", name = "decode"
// CHECK-SAME: numbers = array<i64: 192, 116736, 64, 64, 8, 128, 128, 0, 4, 1, 1, 2, 4, 256, 0, 0,
// CHECK-LABEL: llvm.func @decode_kernel(
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 192>, nvvm.minctasm = 1 : i32
// The next launch may come. Each role walks the block's range of key steps, and waits for the launch before when it knows its first unit.
// CHECK: griddepcontrol.launch_dependents;
// CHECK-NOT: griddepcontrol.wait;
// CHECK: scf.while
// CHECK: griddepcontrol.wait;
// The products: the first tile, if there is any, then a loop without mask code and one
// with: scores multiply together with the last values.
// CHECK: scf.if
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK: arith.cmpi sge
// CHECK: scf.for
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.wait_group.sync.aligned 1
// CHECK-NOT: arith.cmpi sge
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK: scf.for
// CHECK: wgmma.wait_group.sync.aligned 1
// CHECK: arith.cmpi sge
// CHECK: wgmma.wait_group.sync.aligned 0
// CHECK-NOT: scf.for
// A whole item is the output; a part leaves a record and is counted, and the last one of a long merge says that it begins, which others wait for.
// CHECK: scf.if
// CHECK: st.global.b32
// CHECK: } else {
// CHECK: st.global.v2.f32
// CHECK: atom.acq_rel.gpu.global.add.u32
// CHECK: st.relaxed.gpu.global.u32
// CHECK: fence.acq_rel.gpu
// CHECK: scf.while
// CHECK: ld.relaxed.gpu.global.u32
// CHECK: ld.relaxed.gpu.global.v4.f32
// CHECK: st.global.v2.b32
// The copy engine: keys and values of a tile, two boxes each.
// CHECK: scf.while
// CHECK: griddepcontrol.wait;
// CHECK: scf.for
// CHECK-COUNT-4: llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d
// Queries are gathered and swizzled by a warp; the products see them behind a fence.
// CHECK: scf.while
// CHECK: griddepcontrol.wait;
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.wait_all
// CHECK-SAME: fence.proxy.async.shared::cta
// CHECK: llvm.return
func.func @decode(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> (tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>)
    attributes {attn.entry = "decode"} {
  %o, %l = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
  return %o, %l : tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
}

// -----

// Uneven groups: score heads of a group by a table, -1 where a group is smaller; and a window, whose width bounds the keys.
// CHECK: numbers = array<i64: 192, {{.*}}, 64, {{.*}}, 3, 64, 64, 0, 2, 1, 1, 2, 2, 256, 100,
// CHECK: llvm.mlir.global internal constant @uneven_kernel_members(dense<[0, 2, 1, -1]> : tensor<4xi32>) {addr_space = 4
// CHECK-LABEL: llvm.func @uneven_kernel(
func.func @uneven(%q: tensor<?x3x?x64xf16>, %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x64xf16>) -> tensor<?x3x?x64xf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<100>>) heads(query = [0, 1, 2], key = [0, 1, 0], value = [0, 1, 0]) : tensor<?x3x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16> -> tensor<?x3x?x64xf16>
  return %o : tensor<?x3x?x64xf16>
}

// -----

// A single query is decoding, too. Sinks are added once, where results become final: a thread's two rows of a whole item, one piece of a
// merge, two, or four.
// CHECK: numbers = array<i64: 192,
// CHECK-LABEL: llvm.func @one_kernel(
// CHECK: llvm.nvvm.prefetch.tensormap
// CHECK-COUNT-9: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// CHECK-NOT: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// CHECK: llvm.return
func.func @one(%q: tensor<?x4x1x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %s: tensor<4xf32>) -> tensor<?x4x1x64xbf16> {
  %o = attn.attention %q, %k, %v scale(0.125) sinks(%s : tensor<4xf32>) : tensor<?x4x1x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16> -> tensor<?x4x1x64xbf16>
  return %o : tensor<?x4x1x64xbf16>
}

// -----

// Rows that begin anywhere in a sector: warps load them, behind the launch before as well, and share sixteen packed rows, each with its own keys
// of a tile. At the end they leave what they have found in shared memory, and the first warp brings it together. Its last two numbers: no
// tensor maps, and the launch may follow early.
// CHECK: numbers = array<i64: 128, {{[0-9]+}}, 16, 128, 8, 40, 40, 0, 4, 1, 2, 2, 4, 256,
// CHECK-SAME: 1, 0, 1>
// CHECK-LABEL: llvm.func @odd_kernel(
// CHECK: griddepcontrol.launch_dependents;
// CHECK: griddepcontrol.wait;
// CHECK: cp.async.cg
// CHECK: mma.sync.aligned.m16n8k16
// CHECK-COUNT-24: st.shared.f32
// CHECK: llvm.nvvm.barrier.cta.sync.aligned.all
// CHECK: ld.shared.f32
// CHECK: st.global.b32
// CHECK: llvm.return
func.func @odd(%q: tensor<?x8x?x40xbf16>, %k: tensor<?x2x?x40xbf16>, %v: tensor<?x2x?x40xbf16>) -> tensor<?x8x?x40xbf16> attributes {attn.entry = "decode"} {
  %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x8x?x40xbf16>, tensor<?x2x?x40xbf16>, tensor<?x2x?x40xbf16> -> tensor<?x8x?x40xbf16>
  return %o : tensor<?x8x?x40xbf16>
}
