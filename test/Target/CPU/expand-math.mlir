// RUN: attn-opt %s --split-input-file --attn-cpu-expand-math | FileCheck %s

// CHECK-LABEL: func.func @functions
// CHECK-NOT: math.{{exp|log|tanh|sin|cos}}
// CHECK: return
func.func @functions(%x: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
  %e = math.exp %x : vector<8xf32>
  %l = math.log %x : vector<8xf32>
  %t = math.tanh %x : vector<8xf32>
  %s = math.sin %x : vector<8xf32>
  %c = math.cos %x : vector<8xf32>
  return %e, %l, %t, %s, %c : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
}

// -----

// A processor without fused multiply-add, rounding and float16: plain arithmetic, no call.
module attributes {attn.target = #attn.target<triple = "x86_64-unknown-linux-gnu", lanes = 4>} {
// CHECK-LABEL: func.func @plain
// CHECK-NOT: math.{{fma|floor|ceil}}
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK-NOT: math.{{fma|floor|ceil}}
// CHECK: return
func.func @plain(%x: vector<4xf32>, %y: f32) -> (vector<4xf32>, vector<4xf32>, f32) {
  %m = math.fma %x, %x, %x : vector<4xf32>
  %f = math.floor %x : vector<4xf32>
  %c = math.ceil %y : f32
  return %m, %f, %c : vector<4xf32>, vector<4xf32>, f32
}

// CHECK-LABEL: func.func @half
// CHECK: arith.bitcast {{.*}} : vector<4xf16> to vector<4xi16>
// CHECK-NOT: arith.{{extf|truncf}}
// CHECK: arith.bitcast {{.*}} : i16 to f16
// CHECK-NOT: arith.{{extf|truncf}}
// CHECK: return
func.func @half(%x: vector<4xf16>, %y: f32) -> (vector<4xf32>, f16) {
  %w = arith.extf %x : vector<4xf16> to vector<4xf32>
  %n = arith.truncf %y : f32 to f16
  return %w, %n : vector<4xf32>, f16
}

// Another way of rounding is not ours to change.
// CHECK-LABEL: func.func @toward_zero
// CHECK: arith.truncf %{{.*}} toward_zero : f32 to f16
func.func @toward_zero(%y: f32) -> f16 {
  %n = arith.truncf %y toward_zero : f32 to f16
  return %n : f16
}
}

// -----

// What the processor has stays one operation.
module attributes {attn.target = #attn.target<triple = "x86_64-unknown-linux-gnu", features = "+sse4.1,+fma,+f16c", lanes = 8, fused = 1, f16_convert = 1>} {
// CHECK-LABEL: func.func @native
// CHECK-DAG: math.fma
// CHECK-DAG: math.floor
// CHECK-DAG: arith.extf
// CHECK-DAG: arith.truncf
func.func @native(%x: vector<8xf32>, %h: vector<8xf16>) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf16>) {
  %m = math.fma %x, %x, %x : vector<8xf32>
  %f = math.floor %x : vector<8xf32>
  %w = arith.extf %h : vector<8xf16> to vector<8xf32>
  %n = arith.truncf %x : vector<8xf32> to vector<8xf16>
  return %m, %f, %w, %n : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf16>
}
}
