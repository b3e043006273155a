//===- NaNTest.cpp - where a NaN or infinity may show, and where not ----------===//
#include "AttentionText.h"
#include "Kernel.h"

#include <map>

using namespace mlir;
using namespace mlir::attn::test;

static const double notANumber = std::numeric_limits<double>::quiet_NaN();

namespace {
/// A kernel's inputs and clean outputs: one batch entry, 4 query heads over 2 key heads.
class NaN : public testing::TestWithParam<const char *> {
protected:
  static constexpr int64_t rows = 30, keys = 44, size = 16;

  void SetUp() override {
    std::unique_ptr<Kernel> &compiled = kernels[GetParam()];
    AttentionText text{"f", 4, 2, 2, size, size, GetParam()};
    text.schedule = smallTiles;
    if (!compiled)
      compiled = Kernel::compile(text.str());
    kernel = compiled.get();
    ASSERT_TRUE(kernel);
    inputs = makeInputs(*kernel, {2, rows, keys});
    clean = results(*kernel, inputs);
  }
  /// Row number of [b, h, i], of an axis with `heads` heads and `length` tokens.
  static int64_t at(int64_t b, int64_t h, int64_t i, int64_t heads, int64_t length) {
    return (b * heads + h) * length + i;
  }
  bool isNaNRow(const Tensors &outputs, int64_t row) const {
    bool all = std::isnan(outputs[1].values[row]);
    for (int64_t c = 0; c < size; ++c)
      all &= std::isnan(outputs[0].values[row * size + c]);
    return all;
  }
  bool isCleanRow(const Tensors &outputs, int64_t row) const {
    bool same = outputs[1].values[row] == clean[1].values[row];
    for (int64_t c = 0; c < size; ++c)
      same &= outputs[0].values[row * size + c] == clean[0].values[row * size + c];
    return same;
  }

  static void TearDownTestSuite() { kernels.clear(); }

  inline static std::map<std::string, std::unique_ptr<Kernel>> kernels;
  Kernel *kernel = nullptr;
  Tensors inputs, clean;
};
} // namespace

TEST_P(NaN, InAQueryReachesItsOwnRow) {
  Tensors changed = inputs;
  changed[0].values[at(1, 2, 7, 4, rows) * size + 5] = notANumber;
  Tensors found = results(*kernel, changed);
  for (int64_t row = 0; row < 2 * 4 * rows; ++row)
    EXPECT_TRUE(row == at(1, 2, 7, 4, rows) ? isNaNRow(found, row) : isCleanRow(found, row))
        << "row " << row;
}

TEST_P(NaN, InAKeyReachesTheRowsThatSeeIt) {
  for (int64_t key : {0, 13, 20, 43}) {
    Tensors changed = inputs;
    changed[1].values[at(1, 0, key, 2, keys) * size + 3] = notANumber;
    Tensors found = results(*kernel, changed);
    for (int64_t b : {0, 1})
      for (int64_t h = 0; h < 4; ++h)
        for (int64_t i = 0; i < rows; ++i) {
          int64_t row = at(b, h, i, 4, rows);
          bool sees = b == 1 && h < 2 && key <= keys - rows + i;
          EXPECT_TRUE(sees ? isNaNRow(found, row) : isCleanRow(found, row))
              << "key " << key << ", row " << b << " " << h << " " << i;
        }
  }
}

TEST_P(NaN, InAValueReachesItsColumnOfTheRowsThatSeeIt) {
  for (int64_t key : {0, 13, 20, 43}) {
    Tensors changed = inputs;
    changed[2].values[at(0, 1, key, 2, keys) * size + 6] = notANumber;
    Tensors found = results(*kernel, changed);
    for (int64_t element = 0; element < clean[0].numElements(); ++element) {
      int64_t row = element / size, i = row % rows, h = row / rows % 4, b = row / rows / 4;
      bool sees = b == 0 && h >= 2 && key <= keys - rows + i && element % size == 6;
      EXPECT_TRUE(sees ? std::isnan(found[0].values[element])
                       : found[0].values[element] == clean[0].values[element])
          << "key " << key << ", row " << b << " " << h << " " << i;
    }
    EXPECT_EQ(found[1].values, clean[1].values) << "no value reaches the log-sum-exp";
  }
}

TEST_P(NaN, InAVisibleValueOfWeightZeroStillShows) {
  // The score of key 0 is so low that its weight underflows; it is visible all the same.
  Tensors changed = inputs;
  for (int64_t c = 0; c < size; ++c) {
    for (int64_t i = 0; i < rows; ++i)
      changed[0].values[at(0, 0, i, 4, rows) * size + c] = 10;
    changed[1].values[at(0, 0, 0, 2, keys) * size + c] = -100;
  }
  changed[2].values[at(0, 0, 0, 2, keys) * size] = notANumber;
  Tensors found = results(*kernel, changed);
  for (int64_t i = 0; i < rows; ++i)
    EXPECT_TRUE(std::isnan(found[0].values[at(0, 0, i, 4, rows) * size])) << "row " << i;
}

TEST_P(NaN, BeyondTheLengthsChangesNoBit) {
  // Gaps hold NaN; dense memory has none. Longer tensors with NaN behind the length are views.
  Launch dense(*kernel, inputs);
  ASSERT_EQ(dense.run(), 0);
  for (Layout layout : everyLayout) {
    Launch launch(*kernel, inputs, layout);
    ASSERT_EQ(launch.run(), 0);
    EXPECT_EQ(launch.bits(), dense.bits());
    EXPECT_EQ(launch.damaged(), "");
  }
  // A cache with room for 100 tokens, NaN in all that are not there yet.
  Launch view(*kernel, inputs);
  std::vector<Memory> caches;
  for (unsigned operand : {1, 2}) {
    HostTensor cache({2, 2, 100, size}, inputs[operand].kind);
    std::fill(cache.values.begin(), cache.values.end(), notANumber);
    for (int64_t head = 0; head < 4; ++head)
      std::copy_n(inputs[operand].values.begin() + head * keys * size, keys * size,
                  cache.values.begin() + head * 100 * size);
    caches.emplace_back(cache.sizes, cache.kind, Layout::Dense).write(cache);
    view.tensors[operand] = caches.back().tensor();
    view.tensors[operand].sizes[2] = keys;
  }
  ASSERT_EQ(view.run(), 0);
  EXPECT_EQ(view.bits(), dense.bits());
}

INSTANTIATE_TEST_SUITE_P(Every, NaN, testing::Values("f32", "bf16", "f16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

TEST(NaNs, InASinkReachItsHead) {
  AttentionText text{"f", 4, 2, 2};
  text.sinks = true;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 9, 20});
  Tensors clean = results(*kernel, inputs);
  inputs[3].values[1] = notANumber;
  Tensors found = results(*kernel, inputs);
  for (int64_t i = 0; i < found[0].numElements(); ++i)
    EXPECT_TRUE(i / 16 / 9 == 1 ? std::isnan(found[0].values[i])
                                : found[0].values[i] == clean[0].values[i]);
}

TEST(NaNs, PassEveryNormalizer) {
  for (const char *normalizer : {"relu", "sigmoid"}) {
    AttentionText text{"f", 1, 1, 1, 8, 8};
    text.normalizer = normalizer;
    text.mask = "";
    auto kernel = Kernel::compile(text.str());
    ASSERT_TRUE(kernel);
    Tensors inputs = makeInputs(*kernel, {1, 5, 30});
    inputs[1].values[17 * 8] = notANumber;
    HostTensor found = results(*kernel, inputs)[0];
    for (auto [i, value] : llvm::enumerate(found.values))
      EXPECT_TRUE(std::isnan(value)) << normalizer << ", element " << i << ": " << value;
  }
}
