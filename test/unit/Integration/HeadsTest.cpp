//===- HeadsTest.cpp - three head counts, even and tabled maps ----------------===//
#include "AttentionText.h"
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;

/// At lengths for one row, for more rows than a panel, and for more keys than a tile.
static void check(const AttentionText &text) {
  SCOPED_TRACE(text.str());
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  uint64_t seed = 0;
  for (InputSizes sizes : {InputSizes{2, 1, 33}, {1, 13, 31}, {1, 40, 40}, {3, 7, 5}})
    expectCorrect(*kernel, sizes, ++seed);
}

class HeadRatio : public testing::TestWithParam<int> {};

TEST_P(HeadRatio, OverTwoKeyHeads) {
  AttentionText text{"f", 2 * GetParam(), 2, 2, 8, 8};
  text.schedule = GetParam() % 2 ? smallTiles : "";
  check(text);
}

INSTANTIATE_TEST_SUITE_P(Every, HeadRatio, testing::Range(1, 17));

TEST(Heads, SeventyOneOverOne) { check({"f", 71, 1, 1, 64, 64}); }
TEST(Heads, SeventyOneOverOneDecode) {
  AttentionText text{"f", 71, 1, 1, 64, 64, "bf16"};
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  expectCorrect(*kernel, {3, 1, 100}, 1);
}

TEST(Heads, FewerValueHeadsThanKeyHeads) { check({"f", 8, 4, 2}); }
TEST(Heads, MoreValueHeadsThanKeyHeads) { check({"f", 8, 2, 4}); }
TEST(Heads, MoreValueHeadsThanQueryHeads) { check({"f", 4, 2, 8}); }
TEST(Heads, FewerQueryHeadsThanKeyHeads) { check({"f", 2, 8, 8}); }
TEST(Heads, OneQueryHeadForAll) { check({"f", 1, 4, 2}); }
TEST(Heads, EveryHeadItsOwn) { check({"f", 5, 5, 5}); }

TEST(Heads, UnevenTable) {
  AttentionText text{"f", 7, 3, 3};
  text.heads = "key = [0, 0, 0, 0, 1, 2, 2], value = [0, 0, 0, 0, 1, 2, 2]";
  check(text);
}

TEST(Heads, EmptyGroup) {
  AttentionText text{"f", 5, 4, 4};
  text.heads = "key = [0, 0, 2, 3, 3], value = [0, 0, 2, 3, 3]";
  check(text);
}

TEST(Heads, TableOutOfOrder) {
  AttentionText text{"f", 6, 3, 2};
  text.heads = "key = [2, 0, 1, 2, 0, 1], value = [0, 1, 1, 0, 0, 1]";
  check(text);
}

TEST(Heads, TableLongerThanEveryAxis) {
  AttentionText text{"f", 2, 3, 1};
  text.scoreHeads = 6;
  text.heads = "query = [0, 1, 0, 1, 0, 1], key = [0, 0, 1, 1, 2, 2], value = [0, 0, 0, 0, 0, 0]";
  check(text);
}

TEST(Heads, TableThatIgnoresAQueryHead) {
  AttentionText text{"f", 3, 2, 2};
  text.scoreHeads = 2;
  text.heads = "query = [2, 0], key = [1, 0], value = [0, 1]";
  check(text);
}

TEST(Heads, AnUnreadKeyHeadIsNotTouched) {
  AttentionText text{"f", 4, 3, 3};
  text.heads = "key = [0, 0, 2, 2], value = [0, 0, 2, 2]";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 20, 20});
  Launch clean(*kernel, inputs);
  ASSERT_EQ(clean.run(), 0);
  for (unsigned operand : {1, 2})
    std::fill_n(inputs[operand].values.begin() + 20 * 16, 20 * 16,
                std::numeric_limits<double>::quiet_NaN());
  Launch poisoned(*kernel, inputs);
  ASSERT_EQ(poisoned.run(), 0);
  EXPECT_EQ(poisoned.bits(), clean.bits());
}
