//===- InputsTest.cpp - random arguments fit their function ------------------===//
#include "TestSupport.h"

#include <numeric>

using namespace mlir;
using namespace mlir::attn::reference;

static SmallVector<HostTensor> inputsOf(Program &program, InputSizes sizes, uint64_t seed = 1) {
  if (!program.module)
    return {};
  auto inputs = makeInputs(program.function(), sizes, seed);
  EXPECT_TRUE(succeeded(inputs)) << program.errors;
  return succeeded(inputs) ? std::move(*inputs) : SmallVector<HostTensor>();
}

using Sizes = SmallVector<int64_t>;

static const char *const decode = R"(
func.func @f(%q: tensor<?x4x?x8xbf16>, %k: tensor<?x2x?x8xbf16>, %v: tensor<?x2x?x8xbf16>, %g: tensor<8xbf16>,
             %s: tensor<4xf32>, %p: index) -> (tensor<?x4x?x8xbf16>, tensor<?x4x?xf32>) {
  %n = attn.norm %q gain(%g : tensor<8xbf16>) <kind = rms> : tensor<?x4x?x8xbf16>
  %r = attn.rope %n at %p <dims = 8> : tensor<?x4x?x8xbf16>
  %o, %l = attn.attention %r, %k, %v scale(0.35) mask(<causal>) sinks(%s : tensor<4xf32>) offset(%p)
    : tensor<?x4x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16> -> tensor<?x4x?x8xbf16>, tensor<?x4x?xf32>
  return %o, %l : tensor<?x4x?x8xbf16>, tensor<?x4x?xf32>
})";

TEST(Inputs, SizesFollowFromUse) {
  Program program(decode);
  auto inputs = inputsOf(program, {3, 2, 17});
  ASSERT_EQ(inputs.size(), 6u);
  EXPECT_EQ(inputs[0].sizes, (Sizes{3, 4, 2, 8}));
  EXPECT_EQ(inputs[1].sizes, (Sizes{3, 2, 17, 8}));
  EXPECT_EQ(inputs[2].sizes, (Sizes{3, 2, 17, 8}));
  EXPECT_EQ(inputs[3].sizes, (Sizes{8}));
  EXPECT_EQ(inputs[4].sizes, (Sizes{4}));
  EXPECT_EQ(inputs[5].values[0], 15);
  EXPECT_EQ(inputs[5].kind, ElementKind::Index);
  EXPECT_EQ(program.run(inputs)[0].sizes, (Sizes{3, 4, 2, 8}));
}

TEST(Inputs, TheSeedDecides) {
  Program program(decode);
  EXPECT_EQ(inputsOf(program, {1, 2, 3}, 7)[1].values, inputsOf(program, {1, 2, 3}, 7)[1].values);
  EXPECT_NE(inputsOf(program, {1, 2, 3}, 7)[1].values, inputsOf(program, {1, 2, 3}, 8)[1].values);
}

TEST(Inputs, AreNormalAndRounded) {
  Program program(decode);
  HostTensor key = inputsOf(program, {4, 1, 512})[1];
  double sum = std::accumulate(key.values.begin(), key.values.end(), 0.0), squares = 0;
  for (double value : key.values) {
    squares += value * value;
    EXPECT_EQ(value, roundTo(value, ElementKind::BF16));
  }
  EXPECT_NEAR(sum / key.numElements(), 0.0, 0.02);
  EXPECT_NEAR(squares / key.numElements(), 1.0, 0.03);
}

TEST(Inputs, StaticLengthsWin) {
  Program program(R"(
func.func @f(%q: tensor<?x1x?x4xf32>, %k: tensor<?x1x?x4xf32>, %v: tensor<2x1x5x4xf32>) -> tensor<?x1x?x4xf32> {
  %r = attn.rope %k <dims = 4> : tensor<?x1x?x4xf32>
  %o = attn.attention %q, %r, %v scale(0.5) : tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32>, tensor<2x1x5x4xf32> -> tensor<?x1x?x4xf32>
  return %o : tensor<?x1x?x4xf32>
})");
  auto inputs = inputsOf(program, {2, 3, 99});
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[1].sizes, (Sizes{2, 1, 5, 4}));
}

TEST(Inputs, SelfAttentionHasOneLength) {
  Program program(R"(
func.func @f(%x: tensor<?x1x?x4xf32>) -> tensor<?x1x?x4xf32> {
  %o = attn.attention %x, %x, %x scale(0.5) : tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32>, tensor<?x1x?x4xf32> -> tensor<?x1x?x4xf32>
  return %o : tensor<?x1x?x4xf32>
})");
  EXPECT_EQ(inputsOf(program, {1, 3, 9})[0].sizes, (Sizes{1, 1, 9, 4}));
}

TEST(Inputs, LatentWeightsAndAppend) {
  Program program(R"(
func.func @f(%q: tensor<?x2x?x4xf32>, %c: tensor<?x1x?x8xf32>, %w: tensor<2x8x4xf32>) -> tensor<?x2x?x4xf32> {
  %k = attn.expand %c, %w : tensor<?x1x?x8xf32>, tensor<2x8x4xf32> -> tensor<?x2x?x4xf32>
  %o = attn.attention %q, %k, %k scale(0.5) : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}
func.func @append(%k: tensor<?x2x?x4xf32>, %p: index) -> tensor<?x2x?x4xf32> {
  %r = attn.rope %k at %p <dims = 4> : tensor<?x2x?x4xf32>
  return %r : tensor<?x2x?x4xf32>
})");
  auto inputs = inputsOf(program, {1, 3, 9});
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[1].sizes, (Sizes{1, 1, 9, 8}));
  double squares = 0;
  for (double value : inputs[2].values)
    squares += value * value / inputs[2].numElements();
  EXPECT_NEAR(squares, 1.0 / 8.0, 0.08);
  auto appended = makeInputs(program.function("append"), {1, 3, 9}, 1);
  ASSERT_TRUE(succeeded(appended));
  EXPECT_EQ((*appended)[0].sizes, (Sizes{1, 2, 3, 4}));
  EXPECT_EQ((*appended)[1].values[0], 6);
}

TEST(Inputs, MaskOperandsAreValid) {
  Program program(R"(
!q = tensor<?x2x?x4xf32>
func.func @f(%q: !q, %k: !q, %p: tensor<?xi32>, %d: tensor<?x?xi64>, %m: tensor<?x?x?x?xi8>, %b: tensor<?x1x?x?xi8>) -> !q {
  %o = attn.attention %q, %k, %k scale(0.5)
    mask(<causal and document<1> or prefix_length<0> and dense<2> and blocks<4, 8, 3>>,
         %p, %d, %m, %b : tensor<?xi32>, tensor<?x?xi64>, tensor<?x?x?x?xi8>, tensor<?x1x?x?xi8>) : !q, !q, !q -> !q
  return %o : !q
})");
  auto inputs = inputsOf(program, {2, 9, 20});
  ASSERT_EQ(inputs.size(), 6u);
  EXPECT_EQ(inputs[2].sizes, (Sizes{2}));
  EXPECT_EQ(inputs[3].sizes, (Sizes{2, 20}));
  EXPECT_EQ(inputs[4].sizes, (Sizes{2, 2, 9, 20}));
  EXPECT_EQ(inputs[5].sizes, (Sizes{2, 1, 3, 3}));
  for (double length : inputs[2].values)
    EXPECT_TRUE(length >= 0 && length <= 20);
  EXPECT_TRUE(std::is_sorted(inputs[3].values.begin(), inputs[3].values.begin() + 20));
  EXPECT_GT(inputs[3].values[19], 0);
  program.run(inputs);
}

TEST(Inputs, TablesReachAsFarAsTheirIndices) {
  Program program(R"(
!q = tensor<?x2x?x4xf32>
func.func @f(%q: !q, %k: !q, %t: tensor<?x?x?xf32>) -> !q {
  %o = attn.attention %q, %k, %k scale(0.5) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %x = tensor.extract %t[%h, %i, %j] : tensor<?x?x?xf32>
    %r = arith.addf %s, %x : f32
    attn.yield %r : f32
  } : !q, !q, !q -> !q
  return %o : !q
})");
  auto inputs = inputsOf(program, {1, 3, 9});
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[2].sizes, (Sizes{2, 9, 9}));
  program.run(inputs);
}

TEST(Inputs, TypesThatCannotBeFilledAreRefused) {
  for (StringRef type : {"tensor<*xf32>", "vector<4xf32>", "tensor<4xi1>", "complex<f32>"}) {
    Program program(("func.func @f(%x: " + type + ") {\n  return\n}").str());
    EXPECT_TRUE(failed(makeInputs(program.function(), {1, 1, 1}, 1))) << type.str();
    EXPECT_NE(program.errors.find("cannot be filled"), std::string::npos) << program.errors;
  }
}

TEST(Inputs, AFunctionWithoutABodyIsRefused) {
  Program program("func.func private @f(tensor<4xf32>)");
  EXPECT_TRUE(failed(makeInputs(program.function(), {1, 1, 1}, 1)));
  EXPECT_NE(program.errors.find("has no body"), std::string::npos) << program.errors;
}
