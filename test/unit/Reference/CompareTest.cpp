//===- CompareTest.cpp - the judgement itself --------------------------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

/// `exact` with errors of the given size whose sign alternates.
static HostTensor disturbed(const HostTensor &exact, double size) {
  HostTensor result = exact;
  for (int64_t i = 0; i < result.numElements(); ++i)
    result.values[i] += i % 2 ? size : -size;
  return result;
}

TEST(Compare, AcceptsUpToTwiceThePlainRms) {
  HostTensor exact = arbitrary({1, 4, 512, 8}, 1);
  HostTensor plain = disturbed(exact, 1e-5);
  EXPECT_TRUE(compare(disturbed(exact, 1.99e-5), exact, plain).ok);
  Comparison over = compare(disturbed(exact, 2.1e-5), exact, plain);
  EXPECT_FALSE(over.ok);
  EXPECT_NEAR(over.ratio, 1.05, 0.02);
  EXPECT_GE(over.firstBadIndex, 0);
}

TEST(Compare, AcceptsUpToThreeTimesThePlainMaximum) {
  HostTensor exact = arbitrary({1, 4, 512, 8}, 2);
  HostTensor plain = disturbed(exact, 1e-5), actual = exact;
  actual.values[77] += 2.9e-5;
  EXPECT_TRUE(compare(actual, exact, plain).ok);
  actual.values[77] = exact.values[77] - 3.2e-5;
  Comparison over = compare(actual, exact, plain);
  EXPECT_FALSE(over.ok);
  EXPECT_EQ(over.firstBadIndex, 77);
  EXPECT_NEAR(over.maxError, 3.2e-5, 1e-10);
}

TEST(Compare, AllowsTheLastRoundingWhenThePlainEvaluationIsExact) {
  HostTensor exact = of({1, 1, 2, 2}, {1.0, 1.0, 1.0, 1.0});
  EXPECT_TRUE(compare(disturbed(exact, 0x1p-23), exact, exact).ok);
  EXPECT_FALSE(compare(disturbed(exact, 0x1p-20), exact, exact).ok);
  EXPECT_EQ(compare(exact, exact, exact).ratio, 0.0);
}

TEST(Compare, WantsEveryNaNAndInfinityMet) {
  HostTensor exact = of({4}, {notANumber, -infinity, infinity, 1.0});
  EXPECT_TRUE(compare(exact, exact, exact).ok);
  for (int64_t i = 0; i < 3; ++i) {
    HostTensor actual = exact;
    actual.values[i] = 0.0;
    Comparison judged = compare(actual, exact, exact);
    EXPECT_FALSE(judged.ok);
    EXPECT_EQ(judged.firstBadIndex, i);
  }
  HostTensor flipped = exact;
  flipped.values[1] = infinity;
  EXPECT_FALSE(compare(flipped, exact, exact).ok);
}

TEST(Compare, RefusesANaNThatTheDefinitionDoesNotHave) {
  HostTensor exact = of({3}, {1.0, 2.0, 3.0}), actual = exact;
  actual.values[2] = notANumber;
  Comparison judged = compare(actual, exact, exact);
  EXPECT_FALSE(judged.ok);
  EXPECT_EQ(judged.firstBadIndex, 2);
  EXPECT_EQ(judged.ratio, infinity);
}

TEST(Compare, DoesNotJudgeWhereTheKernelsTypesOverflow) {
  HostTensor exact = of({2}, {1e39, 1.0}), plain = of({2}, {infinity, 1.0});
  Comparison judged = compare(of({2}, {notANumber, 1.0}), exact, plain);
  EXPECT_TRUE(judged.ok);
  EXPECT_EQ(judged.unjudged, 1);
}

TEST(Compare, RefusesAnotherShape) {
  Comparison judged = compare(of({2}, {1, 1}), of({1, 2}, {1, 1}), of({2}, {1, 1}));
  EXPECT_FALSE(judged.ok);
  EXPECT_EQ(judged.firstBadIndex, -1);
}

TEST(Compare, NothingIsEqualToNothing) {
  HostTensor empty({1, 2, 0, 8}, ElementKind::F32);
  EXPECT_TRUE(compare(empty, empty, empty).ok);
}
