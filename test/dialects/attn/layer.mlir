// The text of the operations of a layer, read and written back, also through bytecode.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt %s --emit-bytecode | attn-opt | FileCheck %s

// CHECK-LABEL: func @hidden_states
// CHECK: %[[T:.*]] = attn.tokens %{{.*}} : tensor<?x?x64xf32> -> tensor<?x1x?x64xf32>
// CHECK: %[[K:.*]] = attn.expand %[[T]], %{{.*}}
// CHECK: %[[A:.*]] = attn.append %{{.*}}, %[[K]] : tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>
// CHECK: attn.project %[[A]], %{{.*}} : tensor<?x2x?x32xf32>, tensor<2x32x64xf32> -> tensor<?x?x64xf32>
func.func @hidden_states(%x: tensor<?x?x64xf32>, %cache: tensor<?x2x?x32xf32>, %w: tensor<2x64x32xf32>, %o: tensor<2x32x64xf32>) {
  %t = attn.tokens %x : tensor<?x?x64xf32> -> tensor<?x1x?x64xf32>
  %k = attn.expand %t, %w : tensor<?x1x?x64xf32>, tensor<2x64x32xf32> -> tensor<?x2x?x32xf32>
  %a = attn.append %cache, %k : tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>
  %y = attn.project %a, %o : tensor<?x2x?x32xf32>, tensor<2x32x64xf32> -> tensor<?x?x64xf32>
  return
}

// CHECK-LABEL: func @further_transforms
// CHECK: attn.add %{{.*}}, %{{.*}}, %{{.*}} {note.kept} : tensor<?x4x?x16xbf16>
// CHECK: attn.add %{{.*}}, %{{.*}} : tensor<?x?x64xf32>
// CHECK: attn.gate %{{.*}} by %{{.*}} : tensor<?x4x?x16xbf16>
// CHECK: attn.shift %{{.*}} by 2 : tensor<?x4x?x16xbf16>
// CHECK: attn.join_heads %{{.*}} : tensor<?x4x?x16xbf16> -> tensor<?x1x?x64xbf16>
func.func @further_transforms(%a: tensor<?x4x?x16xbf16>, %x: tensor<?x?x64xf32>) {
  %0 = attn.add %a, %a, %a {note.kept} : tensor<?x4x?x16xbf16>
  %1 = attn.add %x, %x : tensor<?x?x64xf32>
  %2 = attn.gate %a by %a : tensor<?x4x?x16xbf16>
  %3 = attn.shift %a by 2 : tensor<?x4x?x16xbf16>
  %4 = attn.join_heads %a : tensor<?x4x?x16xbf16> -> tensor<?x1x?x64xbf16>
  return
}

// CHECK-LABEL: func @sequences_that_go_on
// CHECK: attn.short_conv %{{.*}}, %{{.*}} after(%{{.*}} : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>, tensor<4x3x16xf32>
// CHECK: attn.shift %{{.*}} by 2 after(%{{.*}} : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>
// CHECK: attn.carry %{{.*}}, %{{.*}} : tensor<?x4x2x16xf32>, tensor<?x4x?x16xf32>
// CHECK: attn.newest %{{.*}} : tensor<?x4x?x16xf32> -> tensor<?x4x1x16xf32>
func.func @sequences_that_go_on(%a: tensor<?x4x?x16xf32>, %s: tensor<?x4x2x16xf32>, %w: tensor<4x3x16xf32>) {
  %0 = attn.short_conv %a, %w after(%s : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>, tensor<4x3x16xf32>
  %1 = attn.shift %a by 2 after(%s : tensor<?x4x2x16xf32>) : tensor<?x4x?x16xf32>
  %2 = attn.carry %s, %a : tensor<?x4x2x16xf32>, tensor<?x4x?x16xf32>
  %3 = attn.newest %a : tensor<?x4x?x16xf32> -> tensor<?x4x1x16xf32>
  return
}

// CHECK-LABEL: func @after_a_projection
// CHECK: attn.bias %{{.*}}, %{{.*}} : tensor<?x4x?x16xbf16>, tensor<4x16xbf16>
// CHECK: attn.bias %{{.*}}, %{{.*}} : tensor<?x?x64xf32>, tensor<64xf32>
// CHECK: attn.clamp %{{.*}} to 6.5 : tensor<?x4x?x16xbf16>
func.func @after_a_projection(%a: tensor<?x4x?x16xbf16>, %b: tensor<4x16xbf16>, %x: tensor<?x?x64xf32>, %c: tensor<64xf32>) {
  %0 = attn.bias %a, %b : tensor<?x4x?x16xbf16>, tensor<4x16xbf16>
  %1 = attn.bias %x, %c : tensor<?x?x64xf32>, tensor<64xf32>
  %2 = attn.clamp %a to 6.5 : tensor<?x4x?x16xbf16>
  return
}

// CHECK-LABEL: func @weights
// CHECK: attn.compose %{{.*}}, %{{.*}} : tensor<8x64x16xf16>, tensor<1x16x16xf16> -> tensor<8x64x16xf16>
// CHECK: attn.combine %{{.*}} by %{{.*}} : tensor<8x64x16xf16>, tensor<2x8xf32> -> tensor<2x64x16xf16>
// CHECK: attn.selection [0, 1, 1] : tensor<3x32x16xf32>
func.func @weights(%w: tensor<8x64x16xf16>, %m: tensor<1x16x16xf16>, %c: tensor<2x8xf32>) {
  %0 = attn.compose %w, %m : tensor<8x64x16xf16>, tensor<1x16x16xf16> -> tensor<8x64x16xf16>
  %1 = attn.combine %w by %c : tensor<8x64x16xf16>, tensor<2x8xf32> -> tensor<2x64x16xf16>
  %2 = attn.selection [0, 1, 1] : tensor<3x32x16xf32>
  return
}
