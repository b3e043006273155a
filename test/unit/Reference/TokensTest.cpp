//===- TokensTest.cpp - token transforms, merge and gated sum by hand --------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

TEST(Tokens, Norms) {
  auto run = [](StringRef kind) {
    Program program(
        "func.func @f(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {\n%r = attn.norm %x <" +
        kind.str() + "> : tensor<1x1x1x2xf32>\nreturn %r : tensor<1x1x1x2xf32>\n}");
    return program.run({of({1, 1, 1, 2}, {1, 7})})[0];
  };
  expectValues(run("kind = rms, eps = 11.0"), {1.0 / 6.0, 7.0 / 6.0}); // mean square 25
  expectValues(run("kind = l2, eps = 14.0"), {1.0 / 8.0, 7.0 / 8.0});  // squares 50
  expectValues(run("kind = layer, eps = 7.0"), {-0.75, 0.75});         // variance 9
  expectValues(run("kind = rms, eps = 11.0, scale = 3.0"), {0.5, 3.5});
}

TEST(Tokens, GainPerSizeAndPerHead) {
  auto run = [](StringRef gainType, HostTensor gain) {
    Program program("func.func @f(%x: tensor<1x2x1x2xf32>, %g: " + gainType.str() +
                    ") -> tensor<1x2x1x2xf32> {\n%r = attn.norm %x gain(%g : " + gainType.str() +
                    ") <kind = rms, eps = 0.0, gain_offset = 1.0> : tensor<1x2x1x2xf32>\n"
                    "return %r : tensor<1x2x1x2xf32>\n}");
    return program.run({of({1, 2, 1, 2}, {2, 2, 3, -3}), gain})[0];
  };
  expectValues(run("tensor<2xf32>", of({2}, {1, 4})), {2, 5, 2, -5});
  expectValues(run("tensor<2x2xf32>", of({2, 2}, {1, 4, 0, 2})), {2, 5, 1, -3});
}

TEST(Tokens, ExpandSharedInputAndTransposed) {
  Program program(R"(
func.func @f(%c: tensor<1x1x1x2xf32>, %w: tensor<2x2x3xf32>) -> (tensor<1x2x1x3xf32>, tensor<1x2x1x2xf32>) {
  %a = attn.expand %c, %w : tensor<1x1x1x2xf32>, tensor<2x2x3xf32> -> tensor<1x2x1x3xf32>
  %b = attn.expand %a, %w transposed : tensor<1x2x1x3xf32>, tensor<2x2x3xf32> -> tensor<1x2x1x2xf32>
  return %a, %b : tensor<1x2x1x3xf32>, tensor<1x2x1x2xf32>
})");
  auto results =
      program.run({of({1, 1, 1, 2}, {1, 10}), of({2, 2, 3}, {1, 2, 3, 4, 5, 6, 0, 0, 1, 1, 0, 0})});
  expectValues(results[0], {41, 52, 63, 10, 0, 1});
  expectValues(results[1], {41 + 104 + 189, 164 + 260 + 378, 1, 10});
}

TEST(Tokens, ExpandSharedWeight) {
  Program program(R"(
func.func @f(%c: tensor<1x2x1x2xf32>, %w: tensor<1x2x1xf32>) -> tensor<1x2x1x1xf32> {
  %a = attn.expand %c, %w : tensor<1x2x1x2xf32>, tensor<1x2x1xf32> -> tensor<1x2x1x1xf32>
  return %a : tensor<1x2x1x1xf32>
})");
  expectValues(program.run({of({1, 2, 1, 2}, {1, 2, 3, 4}), of({1, 2, 1}, {1, 10})})[0], {21, 43});
}

TEST(Tokens, ConcatColumnsHeadsScale) {
  Program program(R"(
func.func @f(%a: tensor<1x2x2x1xf32>, %b: tensor<1x1x2x2xf32>) -> (tensor<1x2x2x3xf32>, tensor<1x2x2x2xf32>, tensor<1x3x2x1xf32>, tensor<1x2x2x1xf32>) {
  %c = attn.concat %a, %b : tensor<1x2x2x1xf32>, tensor<1x1x2x2xf32> -> tensor<1x2x2x3xf32>
  %d = attn.columns %c from 1 : tensor<1x2x2x3xf32> -> tensor<1x2x2x2xf32>
  %e = attn.select_heads %a [1, 0, 1] : tensor<1x2x2x1xf32> -> tensor<1x3x2x1xf32>
  %g = attn.scale %a by -0.5 : tensor<1x2x2x1xf32>
  return %c, %d, %e, %g : tensor<1x2x2x3xf32>, tensor<1x2x2x2xf32>, tensor<1x3x2x1xf32>, tensor<1x2x2x1xf32>
})");
  auto results = program.run({of({1, 2, 2, 1}, {1, 2, 3, 4}), of({1, 1, 2, 2}, {5, 6, 7, 8})});
  expectValues(results[0], {1, 5, 6, 2, 7, 8, 3, 5, 6, 4, 7, 8});
  expectValues(results[1], {5, 6, 7, 8, 5, 6, 7, 8});
  expectValues(results[2], {3, 4, 1, 2, 3, 4});
  expectValues(results[3], {-0.5, -1, -1.5, -2});
}

TEST(Tokens, ShortConvolutionIsCausal) {
  Program program(R"(
func.func @f(%x: tensor<1x1x3x2xf32>, %w: tensor<1x2x2xf32>) -> tensor<1x1x3x2xf32> {
  %r = attn.short_conv %x, %w : tensor<1x1x3x2xf32>, tensor<1x2x2xf32>
  return %r : tensor<1x1x3x2xf32>
})");
  // Taps: the earlier token by (10, 100), the own one by (1, 2).
  auto results =
      program.run({of({1, 1, 3, 2}, {1, 2, 3, 4, 5, 6}), of({1, 2, 2}, {10, 100, 1, 2})});
  expectValues(results[0], {1, 4, 10 + 3, 200 + 8, 30 + 5, 400 + 12});
}

// Three taps over the last two of three tokens before, as if they were one sequence.
TEST(Tokens, ShortConvolutionGoesOnAfterATokenBefore) {
  Program program(R"(
func.func @f(%x: tensor<1x1x2x1xf32>, %w: tensor<1x3x1xf32>, %s: tensor<1x1x3x1xf32>) -> tensor<1x1x2x1xf32> {
  %r = attn.short_conv %x, %w after(%s : tensor<1x1x3x1xf32>) : tensor<1x1x2x1xf32>, tensor<1x3x1xf32>
  return %r : tensor<1x1x2x1xf32>
})");
  auto results = program.run({of({1, 1, 2, 1}, {1, 2}), of({1, 3, 1}, {100, 10, 1}),
                              of({1, 1, 3, 1}, {notANumber, 3, 4})});
  expectValues(results[0], {300 + 40 + 1, 400 + 10 + 2});
}

TEST(Tokens, MergeWeighsByLseAndSkipsEmptyParts) {
  Program program(R"(
func.func @f(%a: tensor<1x1x3x1xf32>, %b: tensor<1x1x3x1xf32>, %la: tensor<1x1x3xf32>, %lb: tensor<1x1x3xf32>)
    -> (tensor<1x1x3x1xf32>, tensor<1x1x3xf32>) {
  %o, %l = attn.merge %a, %b lse %la, %lb : tensor<1x1x3x1xf32>, tensor<1x1x3xf32>
  return %o, %l : tensor<1x1x3x1xf32>, tensor<1x1x3xf32>
})");
  auto results = program.run(
      {of({1, 1, 3, 1}, {8, notANumber, notANumber}), of({1, 1, 3, 1}, {4, 5, notANumber}),
       of({1, 1, 3}, {std::log(3.0), -infinity, -infinity}), of({1, 1, 3}, {0, 2, -infinity})});
  expectValues(results[0], {7, 5, 0});
  expectValues(results[1], {std::log(4.0), 2, -infinity});
}

TEST(Tokens, GatedSumAddsNormalisedParts) {
  Program program(R"(
func.func @f(%a: tensor<1x1x1x2xf32>, %b: tensor<1x1x1x2xf32>, %g: tensor<1x1x1xf32>, %h: tensor<1x1x1xf32>) -> tensor<1x1x1x2xf32> {
  %o = attn.gated_sum %a, %b gates %g, %h : tensor<1x1x1x2xf32>, tensor<1x1x1xf32>
  return %o : tensor<1x1x1x2xf32>
})");
  expectValues(program.run({of({1, 1, 1, 2}, {1, 2}), of({1, 1, 1, 2}, {10, 20}),
                            of({1, 1, 1}, {0.5}), of({1, 1, 1}, {2})})[0],
               {20.5, 41});
  // What is gated out is not touched.
  expectValues(program.run({of({1, 1, 1, 2}, {notANumber, infinity}), of({1, 1, 1, 2}, {10, 20}),
                            of({1, 1, 1}, {0}), of({1, 1, 1}, {2})})[0],
               {20, 40});
}

TEST(Tokens, PlainRoundsEveryResult) {
  Program program(R"(
func.func @f(%a: tensor<1x1x1x1xbf16>) -> tensor<1x1x1x1xbf16> {
  %b = attn.scale %a by 0.1 : tensor<1x1x1x1xbf16>
  %c = attn.scale %b by 10.0 : tensor<1x1x1x1xbf16>
  return %c : tensor<1x1x1x1xbf16>
})");
  SmallVector<HostTensor> args = {of({1, 1, 1, 1}, {1.1015625}, ElementKind::BF16)};
  expectValues(program.run(args)[0], {1.1015625});
  double once = roundTo(static_cast<float>(1.1015625f * 0.1f), ElementKind::BF16);
  double twice = roundTo(once * 10, ElementKind::BF16);
  expectValues(program.run(args, Precision::Plain)[0], {twice}, 0);
}

TEST(Tokens, ContradictingSizesAreRefused) {
  Program program(R"(
func.func @f(%a: tensor<?x2x?x1xf32>, %b: tensor<?x1x?x2xf32>) -> tensor<?x2x?x3xf32> {
  %c = attn.concat %a, %b : tensor<?x2x?x1xf32>, tensor<?x1x?x2xf32> -> tensor<?x2x?x3xf32>
  return %c : tensor<?x2x?x3xf32>
})");
  EXPECT_TRUE(failed(program.tryRun(
      {HostTensor({1, 2, 3, 1}, ElementKind::F32), HostTensor({1, 1, 4, 2}, ElementKind::F32)})));
  EXPECT_NE(program.errors.find("every part must have the sizes [1, 1, 3, 2], found [1, 1, 4, 2]"),
            std::string::npos)
      << program.errors;
}
