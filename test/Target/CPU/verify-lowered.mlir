// RUN: attn-opt %s --attn-verify-lowered | FileCheck %s

// CHECK: llvm.func @callee
llvm.func @callee(i32) -> i32
llvm.func @caller(%x: i32) -> i32 {
  // CHECK: omp.parallel
  omp.parallel {
    omp.terminator
  }
  %y = llvm.call @callee(%x) : (i32) -> i32
  llvm.return %y : i32
}
