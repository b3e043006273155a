//===- LayerTest.cpp - the operations of a layer, by hand --------------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

TEST(LayerOps, HiddenStatesAndTheOutputProjection) {
  Program program(R"(
func.func @f(%x: tensor<1x2x2xf32>, %w: tensor<2x1x2xf32>, %o: tensor<1x2x1x1xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2xf32>) {
  %t = attn.tokens %x : tensor<1x2x2xf32> -> tensor<1x1x2x2xf32>
  %y = attn.project %o, %w : tensor<1x2x1x1xf32>, tensor<2x1x2xf32> -> tensor<1x1x2xf32>
  return %t, %y : tensor<1x1x2x2xf32>, tensor<1x1x2xf32>
})");
  auto results = program.run(
      {of({1, 2, 2}, {1, 2, 3, 4}), of({2, 1, 2}, {1, 2, 10, 20}), of({1, 2, 1, 1}, {3, 5})});
  expectValues(results[0], {1, 2, 3, 4});
  expectValues(results[1], {3 + 50, 6 + 100});
}

TEST(LayerOps, RowsEndUpAtTheEndOfTheCache) {
  Program program(R"(
func.func @f(%c: tensor<1x2x?x1xf32>, %r: tensor<1x2x?x1xf32>) -> tensor<1x2x?x1xf32> {
  %n = attn.append %c, %r : tensor<1x2x?x1xf32>, tensor<1x2x?x1xf32>
  return %n : tensor<1x2x?x1xf32>
})");
  HostTensor cache = of({1, 2, 3, 1}, {1, 2, notANumber, 4, 5, notANumber});
  expectValues(program.run({cache, of({1, 2, 1, 1}, {8, 9})})[0], {1, 2, 8, 4, 5, 9});
  HostTensor same = program.run({of({1, 2, 1, 1}, {1, 2}), of({1, 2, 0, 1}, {})})[0];
  expectValues(same, {1, 2});
  EXPECT_TRUE(failed(program.tryRun({of({1, 2, 1, 1}, {1, 2}), of({1, 2, 2, 1}, {1, 2, 3, 4})})));
  EXPECT_NE(program.errors.find("expected room for 2 rows, found a cache of 1 tokens"),
            std::string::npos)
      << program.errors;
}

TEST(LayerOps, SumsGatesShiftsAndJoinedHeads) {
  Program program(R"(
func.func @f(%a: tensor<1x2x2x1xf32>, %b: tensor<1x2x2x1xf32>)
    -> (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x1x2x2xf32>) {
  %s = attn.add %a, %b, %b : tensor<1x2x2x1xf32>
  %g = attn.gate %a by %b : tensor<1x2x2x1xf32>
  %h = attn.shift %a by 1 : tensor<1x2x2x1xf32>
  %j = attn.join_heads %a : tensor<1x2x2x1xf32> -> tensor<1x1x2x2xf32>
  return %s, %g, %h, %j : tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x1x2x2xf32>
})");
  double open = std::log(3.0); // 1 / (1 + 1/3)
  auto results =
      program.run({of({1, 2, 2, 1}, {1, 2, 3, 4}), of({1, 2, 2, 1}, {0, open, -open, 0})});
  expectValues(results[0], {1, 2 + 2 * open, 3 - 2 * open, 4});
  expectValues(results[1], {0.5, 1.5, 0.75, 2});
  expectValues(results[2], {0, 1, 0, 3});
  expectValues(results[3], {1, 3, 2, 4});
}

TEST(LayerOps, SequencesThatGoOn) {
  Program program(R"(
func.func @f(%s: tensor<1x2x2x1xf32>, %x: tensor<1x2x?x1xf32>)
    -> (tensor<1x2x?x1xf32>, tensor<1x2x2x1xf32>) {
  %h = attn.shift %x by 2 after(%s : tensor<1x2x2x1xf32>) : tensor<1x2x?x1xf32>
  %n = attn.carry %s, %x : tensor<1x2x2x1xf32>, tensor<1x2x?x1xf32>
  return %h, %n : tensor<1x2x?x1xf32>, tensor<1x2x2x1xf32>
})");
  HostTensor before = of({1, 2, 2, 1}, {1, 2, 10, 20});
  auto three = program.run({before, of({1, 2, 3, 1}, {3, 4, 5, 30, 40, 50})});
  expectValues(three[0], {1, 2, 3, 10, 20, 30});
  expectValues(three[1], {4, 5, 40, 50});
  // Fewer tokens than are remembered.
  auto one = program.run({before, of({1, 2, 1, 1}, {3, 30})});
  expectValues(one[0], {1, 10});
  expectValues(one[1], {2, 3, 20, 30});
  expectValues(program.run({before, of({1, 2, 0, 1}, {})})[1], {1, 2, 10, 20});
}

TEST(LayerOps, TheNewestTokens) {
  Program program(R"(
func.func @f(%x: tensor<1x2x?x1xf32>) -> tensor<1x2x2x1xf32> {
  %n = attn.newest %x : tensor<1x2x?x1xf32> -> tensor<1x2x2x1xf32>
  return %n : tensor<1x2x2x1xf32>
})");
  expectValues(program.run({of({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6})})[0], {2, 3, 5, 6});
  EXPECT_TRUE(failed(program.tryRun({of({1, 2, 1, 1}, {1, 2})})));
  EXPECT_NE(program.errors.find("expected at least 2 tokens, found 1"), std::string::npos)
      << program.errors;
}

TEST(LayerOps, BiasesAndLimits) {
  Program program(R"(
func.func @f(%a: tensor<1x2x2x2xf32>, %b: tensor<2x2xf32>, %x: tensor<1x2x2xf32>, %c: tensor<2xf32>)
    -> (tensor<1x2x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2x2xf32>) {
  %r = attn.bias %a, %b : tensor<1x2x2x2xf32>, tensor<2x2xf32>
  %y = attn.bias %x, %c : tensor<1x2x2xf32>, tensor<2xf32>
  %l = attn.clamp %a to 2.5 : tensor<1x2x2x2xf32>
  return %r, %y, %l : tensor<1x2x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2x2xf32>
})");
  auto results =
      program.run({of({1, 2, 2, 2}, {1, 2, 3, 4, -1, -2, -3, notANumber}),
                   of({2, 2}, {10, 20, 30, 40}), of({1, 2, 2}, {1, 2, 3, 4}), of({2}, {10, 20})});
  expectValues(results[0], {11, 22, 13, 24, 29, 38, 27, notANumber});
  expectValues(results[1], {11, 22, 13, 24});
  expectValues(results[2], {1, 2, 2.5, 2.5, -1, -2, -2.5, notANumber});
}

TEST(LayerOps, WeightsOfWeights) {
  Program program(R"(
func.func @f(%a: tensor<2x1x2xf32>, %b: tensor<1x2x1xf32>, %w: tensor<4x1x1xf32>, %c: tensor<1x2xf32>)
    -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x4x2xf32>) {
  %m = attn.compose %a, %b : tensor<2x1x2xf32>, tensor<1x2x1xf32> -> tensor<2x1x1xf32>
  %s = attn.combine %w by %c : tensor<4x1x1xf32>, tensor<1x2xf32> -> tensor<2x1x1xf32>
  %p = attn.selection [1, 0] : tensor<2x4x2xf32>
  return %m, %s, %p : tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x4x2xf32>
})");
  auto results = program.run({of({2, 1, 2}, {1, 2, 3, 4}), of({1, 2, 1}, {1, 10}),
                              of({4, 1, 1}, {1, 2, 3, 4}), of({1, 2}, {1, 10})});
  expectValues(results[0], {21, 43});
  expectValues(results[1], {1 + 30, 2 + 40}); // atoms of two heads each
  expectValues(results[2], {0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0});
}
