//===- ScoresTest.cpp - score regions, sinks, normalisers, extreme scores -----===//
#include "AttentionText.h"
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;

static const double infinity = std::numeric_limits<double>::infinity();
static const double notANumber = std::numeric_limits<double>::quiet_NaN();

static AttentionText small(const char *mask = "causal") {
  AttentionText text{"f", 4, 2, 2, 16, 16};
  text.mask = mask;
  text.schedule = smallTiles;
  return text;
}

static void check(const AttentionText &text) {
  SCOPED_TRACE(text.str());
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  uint64_t seed = 0;
  for (InputSizes sizes : {InputSizes{2, 33, 50}, {1, 50, 33}, {1, 1, 67}, {1, 1, 1}})
    expectCorrect(*kernel, sizes, ++seed);
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

TEST(Scores, Softcap) {
  AttentionText text = small("causal and window<20>");
  text.score = softcapRegion;
  check(text);
}

TEST(Scores, Alibi) {
  AttentionText text = small();
  text.score = alibiRegion;
  check(text);
}

TEST(Scores, BiasFromATensor) {
  AttentionText text = small("window<11, 11>");
  text.score = biasRegion;
  text.table = "tensor<?x?x?xf32>";
  check(text);
}

TEST(Scores, BiasIsNotReadBeyondTheKeys) {
  // The bias ends where unmapped memory begins, and the last key tile has a tail.
  AttentionText text = small("");
  text.score = biasRegion;
  text.table = "tensor<?x?x?xf32>";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  for (int64_t keys : {1, 13, 35, 47})
    expectCorrect(*kernel, makeInputs(*kernel, {2, 5, keys}), Layout::PagePerRow);
}

TEST(Scores, ExpAndPowInARegion) {
  AttentionText text = small();
  text.score = R"(
    %half = arith.constant 0.5 : f32
    %scaled = arith.mulf %s, %half : f32
    %grown = math.exp %scaled : f32
    %one = arith.constant 1.0 : f32
    %shifted = arith.addf %grown, %one : f32
    %r = math.log %shifted : f32)";
  check(text);
}

TEST(Scores, MinusInfinityExcludesAKey) {
  // Keys from 20 on are excluded by the region alone, and hold NaN.
  AttentionText text = small("");
  text.score = R"(
    %end = arith.constant 20 : index
    %low = arith.constant 0xFF800000 : f32
    %out = arith.cmpi sge, %j, %end : index
    %r = arith.select %out, %low, %s : f32)";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 20, 40});
  Tensors clean = results(*kernel, inputs);
  expectCorrect(*kernel, inputs);
  for (int64_t i = 0; i < inputs[2].numElements(); ++i)
    if (i / 16 % 40 >= 20)
      inputs[2].values[i] = inputs[1].values[i] = notANumber;
  Tensors found = results(*kernel, inputs);
  EXPECT_EQ(found[0].values, clean[0].values);
  EXPECT_EQ(found[1].values, clean[1].values);
}

//===----------------------------------------------------------------------===//
// Extremes
//===----------------------------------------------------------------------===//

/// Queries (1, 0, ...), scale 1: the first element of a key is its score.
static Tensors withScores(Kernel &kernel, InputSizes sizes, ArrayRef<double> scores) {
  Tensors inputs = makeInputs(kernel, sizes);
  for (unsigned operand : {0, 1}) {
    HostTensor &tensor = inputs[operand];
    int64_t size = tensor.size(3);
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.values[i] = i % size ? 0 : operand == 0 ? 1 : scores[i / size % scores.size()];
    tensor.round();
  }
  return inputs;
}

class Extremes : public testing::TestWithParam<const char *> {};

TEST_P(Extremes, AreWeighedLikeOtherScores) {
  AttentionText text = small();
  text.dtype = GetParam();
  text.scale = 1;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  double huge = text.dtype == "f16" ? 6e4 : 3e38;
  for (std::vector<double> scores : {std::vector<double>{huge, -huge, 0},
                                     {-huge},
                                     {huge},
                                     {-huge, -huge, -huge, -huge, -huge, huge, 1, 2},
                                     {1e-38, -1e-38, 0},
                                     {88, 89, -104, 127, 128, -150},
                                     {-huge, 0, huge / 2, huge}})
    for (Layout layout : {Layout::Dense, Layout::Gaps})
      expectCorrect(*kernel, withScores(*kernel, {1, 40, 53}, scores), layout);
}

INSTANTIATE_TEST_SUITE_P(Every, Extremes, testing::Values("f32", "bf16", "f16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

TEST(Scores, ExtremesWithoutSoftmax) {
  for (const char *normalizer : {"relu", "sigmoid"}) {
    AttentionText text = small();
    text.normalizer = normalizer;
    text.scale = 1;
    auto kernel = Kernel::compile(text.str());
    ASSERT_TRUE(kernel);
    double huge = std::string(normalizer) == "sigmoid" ? 3e38 : 1e30;
    expectCorrect(*kernel, withScores(*kernel, {1, 40, 53}, {huge, -huge, 0, 88, -104, -87}));
  }
}

TEST(Scores, AllEqualScoresGiveTheMean) {
  auto kernel = Kernel::compile(small("").str());
  ASSERT_TRUE(kernel);
  Tensors inputs = withScores(*kernel, {1, 3, 64}, {0});
  std::fill(inputs[2].values.begin(), inputs[2].values.end(), 0.75);
  Tensors found = results(*kernel, inputs);
  for (double value : found[0].values)
    EXPECT_FLOAT_EQ(static_cast<float>(value), 0.75f);
  for (double value : found[1].values)
    EXPECT_FLOAT_EQ(static_cast<float>(value), std::log(64.0f));
}

//===----------------------------------------------------------------------===//
// Sinks
//===----------------------------------------------------------------------===//

TEST(Sinks, JoinTheSum) {
  AttentionText text = small("causal and window<20>");
  text.sinks = true;
  check(text);
}

TEST(Sinks, OfAnySize) {
  AttentionText text = small();
  text.sinks = true;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  for (auto [rows, keys] : {std::pair(33, 50), {50, 33}, {5, 0}}) {
    Tensors inputs = makeInputs(*kernel, {2, rows, keys});
    inputs[3].values = {-infinity, 1000, -3e38, 3e38};
    SCOPED_TRACE(rows);
    expectCorrect(*kernel, inputs);
    inputs[3].values = {-infinity, -infinity, -infinity, -infinity};
    expectCorrect(*kernel, inputs);
  }
}

TEST(Sinks, AloneGiveZeroAndTheirOwnLogit) {
  AttentionText text = small("none");
  text.sinks = true;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 3, 20});
  inputs[3].values = {0.5, -2, -infinity, 7};
  Tensors found = results(*kernel, inputs);
  for (double value : found[0].values)
    EXPECT_EQ(value, 0.0);
  for (int64_t i = 0; i < 12; ++i)
    EXPECT_EQ(found[1].values[i], inputs[3].values[i / 3]);
}

//===----------------------------------------------------------------------===//
// Normalisers, alone and with the rest
//===----------------------------------------------------------------------===//

class Normalizers : public testing::TestWithParam<const char *> {};

TEST_P(Normalizers, Masked) {
  AttentionText text = small("causal and window<20> or sink<2>");
  text.normalizer = GetParam();
  check(text);
}

TEST_P(Normalizers, WithARegionAndGroups) {
  AttentionText text{"f", 6, 2, 3, 24, 40, "bf16"};
  text.normalizer = GetParam();
  text.score = softcapRegion;
  check(text);
}

INSTANTIATE_TEST_SUITE_P(Every, Normalizers, testing::Values("relu", "sigmoid"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

TEST(Scores, OrderIsProductScaleRegionMaskNormaliser) {
  // By hand: products 8 and 16, scaled 2 and 4, capped 5 tanh(s / 5), key 1 masked for row 0.
  AttentionText text{"f", 1, 1, 1, 8, 8};
  text.scale = 0.25;
  text.score = softcapRegion;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 2, 2});
  for (int64_t c = 0; c < 8; ++c) {
    inputs[0].values[c] = inputs[0].values[8 + c] = 1;
    inputs[1].values[c] = 1, inputs[1].values[8 + c] = 2;
    inputs[2].values[c] = 0, inputs[2].values[8 + c] = 1;
  }
  Tensors found = results(*kernel, inputs);
  double first = 5 * std::tanh(2 / 5.0), second = 5 * std::tanh(4 / 5.0);
  EXPECT_EQ(found[0].values[0], 0.0);
  EXPECT_NEAR(found[0].values[8], 1 / (1 + std::exp(first - second)), 1e-6);
  EXPECT_NEAR(found[1].values[0], first, 1e-6);
  EXPECT_NEAR(found[1].values[1], std::log(std::exp(first) + std::exp(second)), 1e-6);
}
