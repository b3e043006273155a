// RUN: attn-opt %s --split-input-file --attn-tile --attn-cpu-entry-points --canonicalize --cse | FileCheck %s

// The kernel keeps its code under a private name; the public name compares its arguments with a
// table, then calls it. The table: a row for each argument (rank, type, output, first rule, end of
// the rules), then the rules (place of the size, bound, place of its source, number, divisor). Two
// sizes of each tensor are numbers, and those of the second are those of the first.
// CHECK-DAG: llvm.func @omp_set_num_threads(i32)
// CHECK-DAG: llvm.func @omp_get_max_threads() -> i32
// CHECK-DAG: llvm.mlir.global private constant @scale.arguments(dense<[4, 0, 0, 2, 4, 4, 0, 1, 4, 8, 3, 0, -1, 2, 1, 5, 0, -1, 8, 1, 13, 0, -1, 2, 1, 15, 0, -1, 8, 1, 12, 0, 2, 0, 1, 14, 0, 4, 0, 1]> : tensor<40xi64>)
// CHECK-LABEL: func.func @scale(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr, %[[COUNT:.*]]: i64, %[[THREADS:.*]]: i32) -> i32
// CHECK-DAG: %[[WRONG:.*]] = arith.constant 999001 : i32
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i64
// CHECK-DAG: %[[TABLE:.*]] = llvm.mlir.addressof @scale.arguments
// CHECK: arith.cmpi eq, %[[COUNT]], %[[TWO]] : i64
// CHECK: llvm.icmp "ne" %[[ARGS]]
// CHECK: scf.if %{{.*}} -> (i32)
// CHECK: %[[CODE:.*]] = llvm.call @attn.check_arguments(%[[ARGS]], %[[TABLE]], %[[TWO]])
// CHECK: arith.cmpi eq, %[[CODE]]
// CHECK: omp_get_max_threads
// CHECK: llvm.call @omp_set_num_threads
// CHECK: call @scale.body(
// CHECK: llvm.call @omp_set_num_threads
// CHECK: scf.yield %[[CODE]]
// CHECK: } else {
// CHECK: scf.yield %[[WRONG]]
// CHECK: func.func private @scale.body(%{{[^{]*}}) -> i32 attributes {llvm.linkage = #llvm.linkage<internal>} {
// One function for all entries.
// CHECK: llvm.func internal @attn.check_arguments(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64) -> i32 attributes {no_inline} {
// CHECK: scf.for
// CHECK: arith.cmpi uge
// CHECK: arith.divui
// CHECK: llvm.icmp "eq"
func.func @scale(%x: tensor<?x2x?x8xf32> {attn.name = "x"}) -> tensor<?x2x?x8xf32> attributes {attn.entry = "prefill"} {
  %s = attn.scale %x by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}

// -----

// An index comes as a rank-0 tensor of i64; a bound is rounded up.
// CHECK: llvm.mlir.global private constant @bounds.arguments(dense<{{.*}} 14, 1, 4, 0, 16, 15, 1, 4, 0, 32, {{.*}}>
// CHECK-LABEL: func.func @bounds(
// CHECK: llvm.call @attn.check_arguments(
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: arith.index_cast %{{.*}} : i64 to index
// CHECK: call @bounds.body(
func.func @bounds(%x: tensor<?x2x?x8xf32>, %blocks: tensor<?x1x?x?xi8>, %start: index) -> tensor<?x2x?x8xf32> {
  %r = attn.rope %x at %start <dims = 8> : tensor<?x2x?x8xf32>
  %out = attn.attention %r, %x, %x scale(0.125) mask(<blocks<16, 32, 0>>, %blocks : tensor<?x1x?x?xi8>) schedule<rows = 32, keys = 64> : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

// -----

// Only what attn-tile made is an entry, and only if it is public; specs have served.
// CHECK-NOT: attn.spec
// CHECK-DAG: func.func @other(%{{.*}}: index) -> index
// CHECK-DAG: func.func private @hidden(%{{.*}}: memref<
// CHECK-NOT: .body
attn.spec @s {query_heads = 8, qk_size = 64}
func.func @other(%i: index) -> index {
  return %i : index
}
func.func private @hidden(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %s = attn.scale %x by 0.5 : tensor<?x2x?x8xf32>
  return %s : tensor<?x2x?x8xf32>
}
