// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v3 --attn-tile --attn-lower-cpu | FileCheck %s
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64-v4 --attn-tile --attn-lower-cpu | FileCheck %s --check-prefix=V4
// RUN: attn-opt %s --attn-attach-target=target=cpu:x86-64 --attn-tile --attn-lower-cpu | FileCheck %s --check-prefix=V1

// Token operations: rows are shared by threads in chunks, a thread's buffers are taken once.
// CHECK-LABEL: func.func @tokens(
// CHECK: omp.parallel {
// CHECK: memref.atomic_rmw addi
// CHECK-NOT: scf.parallel
func.func @tokens(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %x by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// Threads take items from one counter until none is left; each has a workspace whose size no length decides, of an
// allocation before they start.
// CHECK-LABEL: func.func @attend(
// CHECK-SAME: attn.workspace = [{bytes_per_thread = {{[0-9]+}} : i64}]
// CHECK: %[[THREADS:.*]] = llvm.call @omp_get_max_threads()
// CHECK: %[[ALL:.*]] = memref.alloc(%{{.*}}) {alignment = 4096 : i64} : memref<?xi8>
// CHECK: scf.if
// CHECK: omp.parallel {
// CHECK: llvm.call @omp_get_thread_num()
// CHECK: %[[OWN:.*]] = memref.view %[[ALL]]
// CHECK: scf.while
// CHECK: memref.atomic_rmw addi
// CHECK: func.call @attend_work0_item(%{{.*}}, %[[OWN]],
// CHECK: memref.dealloc %[[ALL]]
// CHECK-NOT: attn.work{{ }}

// Four keys by two vectors of rows are eight sums; the tile's maxima are found on the way.
// CHECK-LABEL: func.func private @attend_work0_scores(%{{.*}}: memref<8x16xf32, strided<[16, 1], offset: ?>>
// CHECK: %{{.*}}:8 = scf.for
// CHECK: vector.fma {{.*}} : vector<8xf32>
// CHECK: arith.cmpf ogt
// CHECK: arith.select

// Eight value columns by two vectors.
// CHECK-LABEL: func.func private @attend_work0_values(
// CHECK: %{{.*}}:16 = scf.for
// CHECK-NOT: arith.select

// A weight of -0.0 leaves its value row out.
// CHECK-LABEL: func.func private @attend_work0_values_strict(
// CHECK: %{{.*}}:16 = scf.for
// CHECK: arith.constant dense<-2147483648> : vector<8xi32>
// CHECK: arith.cmpi eq, %{{.*}} : vector<8xi32>
// CHECK: arith.select {{.*}} : vector<8xi1>, vector<8xf32>

// The item: the tile in memory or a copy, the products, and between them the weights.
// CHECK-LABEL: func.func private @attend_work0_item(
// CHECK: memref.reinterpret_cast {{.*}} sizes: [8, 16], strides: [16, 1]
// CHECK: arith.select {{.*}} : memref<8x16xf32
// CHECK: memref.reinterpret_cast {{.*}} sizes: [8, 8], strides: [8, 1]
// CHECK: call @attend_work0_scores(
// CHECK: call @attend_work0_values(
// CHECK: call @attend_work0_values_strict(

// Sixteen lanes make one vector of sixteen rows, and scalef makes the power of two.
// V4-LABEL: func.func private @attend_work0_scores(
// V4: %{{.*}}:4 = scf.for
// V4: vector.fma {{.*}} : vector<16xf32>
// V4-LABEL: func.func private @attend_work0_item(
// V4: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"

// V1-LABEL: func.func private @attend_work0_scores(
// V1: %{{.*}}:16 = scf.for
// V1-NOT: vector.fma
// V1: arith.mulf {{.*}} : vector<4xf32>
// V1: arith.addf {{.*}} : vector<4xf32>
func.func @attend(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32> {
  %out = attn.attention %q, %k, %v scale(0.25) mask(<causal>) schedule<rows = 16, keys = 8, panels = 2, register_keys = 4, register_values = 8, unroll = 2> : tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32> -> tensor<?x4x?x8xf32>
  return %out : tensor<?x4x?x8xf32>
}

// Without a mask every whole tile runs without mask code; with a score region, the part that the key does not
// change comes before the loop over keys.
// CHECK-LABEL: func.func private @bias_work1_item(
// CHECK: attn_table
// CHECK-NOT: attn.lookup
// CHECK: math.tanh {{.*}} : vector<8xf32>
func.func @bias(%q: tensor<?x2x?x8xbf16>, %k: tensor<?x2x?x8xbf16>) -> tensor<?x2x?x8xbf16> {
  %out = attn.attention %q, %k, %k scale(0.5) schedule<rows = 16, keys = 8, register_keys = 4, register_values = 4> score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %slope = attn.lookup %h in [0.5, 0.25]
    %t = math.tanh %s : f32
    %u = arith.mulf %t, %slope : f32
    attn.yield %u : f32
  } : tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16> -> tensor<?x2x?x8xbf16>
  return %out : tensor<?x2x?x8xbf16>
}
