// The code that stands in for missing instructions gives the instructions' bits.
// RUN: attn-opt %s --attn-cpu-expand-math --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | sed 's/^module attributes.*/module {/' | mlir-translate --mlir-to-llvmir -o %t.ll
// RUN: not grep -E 'fpext|fptrunc|@llvm.(floor|ceil|fma)' %t.ll
// RUN: %clang -O1 -ffp-contract=off -Wno-override-module %t.ll %S/Inputs/missing-instructions.c -lm -o %t
// RUN: %t | FileCheck %s
// CHECK: 65536 float16, {{[0-9]+}} float32: 0 differences

module attributes {attn.target = #attn.target<triple = "x86_64-unknown-linux-gnu", lanes = 4>} {
func.func @half_to_float(%x: f16) -> f32 {
  %y = arith.extf %x : f16 to f32
  return %y : f32
}
func.func @float_to_half(%x: f32) -> f16 {
  %y = arith.truncf %x : f32 to f16
  return %y : f16
}
func.func @floor_of(%x: f32) -> f32 {
  %y = math.floor %x : f32
  return %y : f32
}
func.func @ceil_of(%x: f32) -> f32 {
  %y = math.ceil %x : f32
  return %y : f32
}
}
