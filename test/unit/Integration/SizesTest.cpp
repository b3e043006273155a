//===- SizesTest.cpp - head sizes and element types ---------------------------===//
#include "AttentionText.h"
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;

namespace {
struct HeadSizes {
  int64_t qk, v;
};
} // namespace

static void check(const AttentionText &text, ArrayRef<InputSizes> all) {
  SCOPED_TRACE(text.str());
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  uint64_t seed = 0;
  for (InputSizes sizes : all)
    expectCorrect(*kernel, sizes, ++seed);
}

class Sizes : public testing::TestWithParam<HeadSizes> {};

TEST_P(Sizes, InEveryLayout) {
  AttentionText text{"f", 2, 1, 1, GetParam().qk, GetParam().v};
  // Five launches: one in each layout.
  check(text, {{1, 9, 35}, {2, 17, 17}, {1, 1, 70}, {1, 33, 67}, {2, 3, 5}});
}

INSTANTIATE_TEST_SUITE_P(
    Every, Sizes,
    testing::Values(HeadSizes{8, 8}, HeadSizes{16, 16}, HeadSizes{40, 40}, HeadSizes{64, 64},
                    HeadSizes{72, 72}, HeadSizes{80, 80}, HeadSizes{96, 96}, HeadSizes{128, 128},
                    HeadSizes{192, 128}, HeadSizes{256, 256}, HeadSizes{576, 512},
                    HeadSizes{8, 128}, HeadSizes{128, 8}, HeadSizes{24, 56}),
    [](const testing::TestParamInfo<HeadSizes> &info) {
      return "Qk" + std::to_string(info.param.qk) + "V" + std::to_string(info.param.v);
    });

class Types : public testing::TestWithParam<const char *> {};

TEST_P(Types, PlannedTiles) {
  AttentionText text{"f", 4, 2, 2, 64, 64, GetParam()};
  // The error bar is at its strictest from a thousand rows on, which the last has.
  check(text, {{1, 64, 64}, {2, 35, 131}, {3, 1, 257}, {1, 16, 48}, {1, 257, 300}});
}

TEST_P(Types, SmallTilesAndOddSizes) {
  AttentionText text{"f", 3, 3, 1, 40, 24, GetParam()};
  text.schedule = smallTiles;
  check(text, {{1, 40, 40}, {2, 35, 31}, {3, 1, 57}, {1, 67, 67}, {1, 16, 48}});
}

TEST_P(Types, Specification) {
  auto kernel = Kernel::compile(
      std::string("attn.spec @s {query_heads = 6, key_heads = 2, qk_size = 48, v_size = 32,"
                  "rope = #attn.rope<dims = 24>, key_norm = #attn.norm_kind<kind = l2>, dtype = ") +
      GetParam() + "}");
  ASSERT_TRUE(kernel);
  expectCorrect(*kernel, {2, 35, 67}, 1, "prefill");
  expectCorrect(*kernel, {2, 1, 67}, 2, "decode");
  expectCorrect(*kernel, {2, 5, 67}, 3, "append");
}

INSTANTIATE_TEST_SUITE_P(Every, Types, testing::Values("f32", "bf16", "f16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

TEST(Types, LargestSmallestAndSpecialNumbersPass) {
  // One key, so that the output is the value itself, through a conversion and back.
  for (const char *dtype : {"f32", "bf16", "f16"}) {
    auto kernel = Kernel::compile(AttentionText{"f", 1, 1, 1, 8, 8, dtype}.str());
    ASSERT_TRUE(kernel);
    Tensors inputs = makeInputs(*kernel, {1, 1, 1});
    bool isHalf = std::string(dtype) == "f16";
    double largest = isHalf ? 65504 : std::string(dtype) == "f32" ? 0x1.fffffep127 : 0x1.fep127;
    inputs[2].values = {largest, -largest, isHalf ? 0x1p-14 : 0x1p-126, 1, -1, 0.5, 3, 0};
    EXPECT_EQ(results(*kernel, inputs)[0].values, inputs[2].values) << dtype;
    inputs[2].values = {HUGE_VAL, -HUGE_VAL, NAN, 1, 2, 3, NAN, HUGE_VAL};
    HostTensor special = results(*kernel, inputs)[0];
    for (auto [found, given] : llvm::zip_equal(special.values, inputs[2].values))
      EXPECT_TRUE(std::isnan(given) ? std::isnan(found) : found == given) << dtype << " " << given;
  }
}
