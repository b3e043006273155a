//===- MasksTest.cpp - every word of the mask algebra, and their combinations -===//
#include "AttentionText.h"
#include "Kernel.h"

#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::attn::test;

namespace {
struct MaskCase {
  const char *name, *mask;
  std::vector<std::string> operands = {};
};
std::ostream &operator<<(std::ostream &os, const MaskCase &mask) { return os << mask.mask; }
} // namespace

static std::unique_ptr<Kernel> compile(const MaskCase &mask, const char *normalizer = "") {
  AttentionText text{"f", 4, 2, 2, 16, 8};
  text.mask = mask.mask;
  text.maskOperands = mask.operands;
  text.schedule = smallTiles;
  text.normalizer = normalizer;
  return Kernel::compile(text.str());
}

static const double notANumber = std::numeric_limits<double>::quiet_NaN();

static std::vector<char> bitsOf(Kernel &kernel, ArrayRef<HostTensor> inputs) {
  Launch launch(kernel, inputs);
  EXPECT_EQ(launch.run(), 0);
  return launch.bits();
}

/// Makes key `key` of every head NaN, then infinite; and its value. Rows that do not see it must
/// keep every bit; which they are, the definition says.
static void expectMaskedKeyUnseen(Kernel &kernel, const Tensors &inputs, int64_t key) {
  auto with = [&](unsigned operand, double poison) {
    Tensors changed = inputs;
    HostTensor &tensor = changed[operand];
    for (int64_t head = 0; head < tensor.size(0) * tensor.size(1); ++head)
      std::fill_n(tensor.values.begin() + (head * tensor.size(2) + key) * tensor.size(3),
                  tensor.size(3), poison);
    return changed;
  };
  HostTensor judged = evaluate(kernel, with(1, notANumber))[0];
  HostTensor clean = results(kernel, inputs)[0];
  for (unsigned operand : {1, 2})
    for (double poison : {notANumber, HUGE_VAL, -HUGE_VAL}) {
      HostTensor found = results(kernel, with(operand, poison))[0];
      for (int64_t i = 0; i < found.numElements(); ++i) {
        if (!std::isnan(judged.values[i]))
          ASSERT_EQ(llvm::bit_cast<uint64_t>(found.values[i]),
                    llvm::bit_cast<uint64_t>(clean.values[i]))
              << "operand " << operand << " = " << poison << " at key " << key << ", element " << i;
        else if (std::isnan(poison))
          ASSERT_TRUE(std::isnan(found.values[i])) << "visible NaN lost at element " << i;
      }
    }
}

class Masks : public testing::TestWithParam<MaskCase> {};

TEST_P(Masks, EqualTheDefinition) {
  auto kernel = compile(GetParam());
  ASSERT_TRUE(kernel);
  uint64_t seed = 0;
  // Eight positions to a panel, twelve keys to a tile: offsets of every remainder by four, so that
  // edges of masks meet edges of tiles.
  for (InputSizes sizes : {InputSizes{1, 1, 1},
                           {2, 5, 5},
                           {1, 33, 33},
                           {2, 17, 50},
                           {1, 50, 17},
                           {1, 70, 131},
                           {1, 64, 66},
                           {1, 100, 99},
                           {1, 52, 80},
                           {3, 1, 24}})
    expectCorrect(*kernel, sizes, ++seed);
  Tensors inputs = makeInputs(*kernel, {1, 30, 40}, 7);
  for (int64_t key : {0, 3, 13, 24, 39})
    expectMaskedKeyUnseen(*kernel, inputs, key);
}

INSTANTIATE_TEST_SUITE_P(
    Every, Masks,
    testing::Values(
        MaskCase{"all", "all"}, MaskCase{"none", "none"}, MaskCase{"causal", "causal"},
        MaskCase{"window", "window<5>"}, MaskCase{"two_sided_window", "window<3, 14>"},
        MaskCase{"sink", "sink<3>"}, MaskCase{"prefix", "prefix<17>"},
        MaskCase{"chunk", "chunk<8>"}, MaskCase{"stride", "stride<3>"},
        // So wide that whole tiles are seen.
        MaskCase{"wide_window", "window<45, 33>"}, MaskCase{"wide_chunk", "chunk<36>"},
        MaskCase{"after_prefix", "not prefix<24>"},
        MaskCase{"prefix_length", "prefix_length<0>", {"tensor<?xi64>"}},
        MaskCase{"document", "document<0>", {"tensor<?x?xi32>"}},
        MaskCase{"dense", "dense<0>", {"tensor<?x4x?x?xi8>"}},
        MaskCase{"dense_of_all_heads", "dense<0>", {"tensor<?x1x?x?xi32>"}},
        MaskCase{"dense_of_all_batches", "dense<0>", {"tensor<1x4x?x?xi64>"}},
        MaskCase{"dense_of_all_rows", "dense<0>", {"tensor<?x?x1x?xi8>"}},
        MaskCase{"dense_of_all_keys", "dense<0>", {"tensor<1x1x?x1xi8>"}},
        MaskCase{"blocks", "blocks<4, 8, 0>", {"tensor<?x4x?x?xi8>"}},
        MaskCase{"blocks_of_all_heads", "blocks<16, 12, 0>", {"tensor<1x1x?x?xi32>"}},
        MaskCase{"per_head", "per_head<[causal, window<4>, none, all], [1, 0, 3, 2]>"},
        MaskCase{"mistral", "causal and window<10>"},
        MaskCase{"streaming", "causal and (sink<2> or window<6>)"},
        MaskCase{"prefix_window", "prefix<20> or causal and window<7>"},
        MaskCase{"not_causal", "not causal"},
        MaskCase{"not_near_nor_first", "not (window<3, 3> or sink<1>)"},
        MaskCase{"not_chunk", "causal and not chunk<8>"},
        MaskCase{"documents_causal", "causal and document<0>", {"tensor<?x?xi64>"}},
        MaskCase{"other_documents", "causal and not document<0>", {"tensor<?x?xi8>"}},
        MaskCase{"prefix_lm", "causal or prefix_length<0>", {"tensor<?xi32>"}},
        MaskCase{"documents_and_prefix",
                 "document<1> and (causal or prefix_length<0>)",
                 {"tensor<?xi64>", "tensor<?x?xi32>"}},
        MaskCase{"dense_in_chunks", "chunk<16> and dense<0>", {"tensor<?x1x?x?xi8>"}},
        MaskCase{
            "blocks_or_near", "causal and (blocks<8, 8, 0> or window<4>)", {"tensor<?x4x?x?xi8>"}},
        MaskCase{"slots", "causal and stride<2>"},
        MaskCase{"duo", "causal and per_head<[all, sink<4> or window<8>], [0, 1, 1, 0]>"},
        MaskCase{"heads_of_documents",
                 "per_head<[document<0>, not document<0> and causal, none], [0, 1, 2, 1]>",
                 {"tensor<?x?xi32>"}},
        MaskCase{"nested", "not (causal and not (sink<2> or chunk<4> and not window<2>))"}),
    [](const testing::TestParamInfo<MaskCase> &info) { return info.param.name; });

TEST(Masks, WithoutSoftmax) {
  for (const char *normalizer : {"relu", "sigmoid"}) {
    auto kernel = compile({"", "causal and window<9> or sink<2>"}, normalizer);
    ASSERT_TRUE(kernel);
    expectCorrect(*kernel, {2, 33, 50}, 1);
    expectCorrect(*kernel, {1, 50, 33}, 2);
    Tensors inputs = makeInputs(*kernel, {1, 30, 40}, 7);
    for (int64_t key : {1, 5, 20, 39})
      expectMaskedKeyUnseen(*kernel, inputs, key);
  }
}

TEST(Masks, HugeNumbers) {
  // 2^40 is the largest that a word takes.
  for (const char *mask :
       {"causal and window<1099511627776, 1099511627776>", "window<2147483648, 2147483648>",
        "prefix<4294967297>", "chunk<1099511627776> and stride<1099511627776>"}) {
    SCOPED_TRACE(mask);
    auto kernel = compile({"", mask});
    ASSERT_TRUE(kernel);
    expectCorrect(*kernel, {1, 20, 35}, 1);
    expectCorrect(*kernel, {1, 35, 20}, 2);
  }
}

TEST(Masks, OperandsMayBeLargerThanTheLengths) {
  auto kernel = compile({"",
                         "document<0> and (dense<1> or prefix_length<2>)",
                         {"tensor<?x?xi32>", "tensor<?x?x?x?xi8>", "tensor<?xi64>"}});
  ASSERT_TRUE(kernel);
  Tensors large = makeInputs(*kernel, {4, 50, 60}, 3), inputs = makeInputs(*kernel, {2, 20, 33}, 4);
  for (unsigned operand : {3, 4, 5})
    inputs[operand] = large[operand];
  for (Layout layout : everyLayout)
    expectCorrect(*kernel, inputs, layout);
}

TEST(Masks, NonzeroIsVisibleWhateverItsSign) {
  auto kernel = compile({"", "dense<0>", {"tensor<?x1x?x?xi64>"}});
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 9, 9});
  Tensors other = inputs;
  for (auto [i, value] : llvm::enumerate(other[3].values))
    value *= i % 3 == 0 ? -1 : i % 3 == 1 ? 4294967296.0 : 256;
  EXPECT_EQ(bitsOf(*kernel, other), bitsOf(*kernel, inputs));
}
