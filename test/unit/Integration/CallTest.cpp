//===- CallTest.cpp - wrong calls are refused and write nothing ---------------===//
#include "AttentionText.h"
#include "Kernel.h"

#include <set>

using namespace mlir;
using namespace mlir::attn::test;

namespace {
class Call : public testing::Test {
protected:
  static void SetUpTestSuite() {
    AttentionText text{"f", 4, 2, 2, 16, 8};
    text.mask = "document<0> and dense<1>";
    text.maskOperands = {"tensor<?x?xi32>", "tensor<?x1x?x?xi8>"};
    text.sinks = true;
    kernel = Kernel::compile(text.str());
  }
  static void TearDownTestSuite() { kernel.reset(); }

  void SetUp() override {
    ASSERT_TRUE(kernel);
    launch = std::make_unique<Launch>(*kernel, makeInputs(*kernel, {2, 5, 7}), Layout::Gaps);
    good = launch->tensors;
    for (unsigned i = launch->numInputs; i < launch->memories.size(); ++i)
      launch->memories[i].poison();
    untouched = launch->bits();
  }
  /// Calls with one argument changed; expects its code, the same from the runtime with a sentence,
  /// and untouched outputs.
  void expectRefused(unsigned index, int32_t kind,
                     const std::function<void(attn_tensor &)> &change) {
    std::vector<attn_tensor> tensors = good;
    change(tensors[index]);
    const attn_rt::Entry &entry = kernel->entry();
    auto count = static_cast<int64_t>(tensors.size());
    int32_t wanted = 1000 * static_cast<int32_t>(index) + kind;
    EXPECT_EQ(entry.function(tensors.data(), count, 0), wanted) << "argument " << index;
    std::string message;
    EXPECT_EQ(entry.run(tensors.data(), count, 0, &message), wanted) << message;
    EXPECT_NE(message.find("argument " + std::to_string(index)), std::string::npos) << message;
    EXPECT_EQ(launch->bits(), untouched) << "argument " << index << ", kind " << kind;
    EXPECT_EQ(launch->damaged(), "");
  }

  inline static std::unique_ptr<Kernel> kernel;
  std::unique_ptr<Launch> launch;
  std::vector<attn_tensor> good;
  std::vector<char> untouched;
};
} // namespace

TEST_F(Call, TheUnchangedCallWorks) {
  EXPECT_EQ(launch->run(), 0);
  EXPECT_NE(launch->bits(), untouched);
}

TEST_F(Call, NullData) {
  for (unsigned i = 0; i < good.size(); ++i)
    expectRefused(i, ATTN_ERROR_NULL, [](attn_tensor &t) { t.data = nullptr; });
}

TEST_F(Call, Rank) {
  for (unsigned i = 0; i < good.size(); ++i)
    for (int32_t rank : {good[i].rank - 1, good[i].rank + 1, -1, 1000000})
      expectRefused(i, ATTN_ERROR_RANK, [=](attn_tensor &t) { t.rank = rank; });
}

TEST_F(Call, ElementType) {
  for (unsigned i = 0; i < good.size(); ++i)
    for (int32_t dtype : {int32_t(ATTN_F64), -1, 77, int32_t(ATTN_BF16)})
      expectRefused(i, ATTN_ERROR_DTYPE, [=](attn_tensor &t) { t.dtype = dtype; });
}

TEST_F(Call, StaticSize) {
  for (auto [argument, axis] :
       {std::pair(0, 1), {0, 3}, {1, 1}, {1, 3}, {2, 3}, {3, 0}, {5, 1}, {6, 1}})
    for (int64_t by : {-1, 1})
      expectRefused(argument, ATTN_ERROR_SIZE,
                    [axis = axis, by](attn_tensor &t) { t.sizes[axis] += by; });
}

TEST_F(Call, SizesThatContradictEachOther) {
  // Batch of the key; keys of the value; batch and rows of the outputs.
  for (auto [argument, axis] : {std::pair(1, 0), {2, 0}, {2, 2}, {6, 0}, {6, 2}, {7, 0}, {7, 2}})
    for (int64_t by : {-1, 1})
      expectRefused(argument, ATTN_ERROR_SIZE,
                    [axis = axis, by](attn_tensor &t) { t.sizes[axis] += by; });
  // Masks may be larger than the lengths, not smaller.
  for (auto [argument, axis] : {std::pair(4, 0), {4, 1}, {5, 0}, {5, 2}, {5, 3}})
    expectRefused(argument, ATTN_ERROR_SIZE, [axis = axis](attn_tensor &t) { --t.sizes[axis]; });
}

TEST_F(Call, NegativeAndAbsurdSizes) {
  for (unsigned argument : {0, 1, 4, 6})
    for (int64_t size : {int64_t(-1), INT64_MIN, INT64_MAX, int64_t(1) << 31})
      expectRefused(argument, ATTN_ERROR_SIZE, [=](attn_tensor &t) { t.sizes[0] = size; });
}

TEST_F(Call, LastStride) {
  for (unsigned i = 0; i < good.size(); ++i)
    for (int64_t stride : {0, 2, -1})
      expectRefused(i, ATTN_ERROR_STRIDE, [=](attn_tensor &t) { t.strides[t.rank - 1] = stride; });
}

TEST_F(Call, OutputsWhoseElementsCoincide) {
  std::vector<attn_tensor> tensors = good;
  tensors[6].strides[2] = 0;
  EXPECT_EQ(kernel->entry().function(tensors.data(), 8, 0), 6000 + ATTN_ERROR_STRIDE);
  EXPECT_EQ(launch->bits(), untouched);
}

TEST_F(Call, ArgumentCount) {
  const attn_rt::Entry &entry = kernel->entry();
  for (int64_t count : {0, 7, 9, -1}) {
    EXPECT_EQ(entry.function(good.data(), count, 0), ATTN_ERROR_ARGUMENT_COUNT);
    std::string message;
    EXPECT_EQ(entry.run(good.data(), count, 0, &message), ATTN_ERROR_ARGUMENT_COUNT);
    EXPECT_NE(message.find("8"), std::string::npos) << message;
  }
  EXPECT_EQ(entry.function(nullptr, 8, 0), ATTN_ERROR_ARGUMENT_COUNT);
  EXPECT_EQ(launch->bits(), untouched);
}

TEST_F(Call, ErrorsHaveDifferentTexts) {
  std::set<std::string> texts;
  char buffer[200];
  for (int32_t code : {0, 1, 2, 3, 4, 5, 3005, 999001, 999002})
    texts.insert(attn_error_text(code, buffer, sizeof(buffer)));
  EXPECT_EQ(texts.size(), 9u);
  EXPECT_EQ(std::string(attn_error_text(3005, buffer, sizeof(buffer))).rfind("argument 3: ", 0),
            0u);
}

TEST_F(Call, BroadcastInputsMayHaveStrideZero) {
  // All batch entries read the first one's keys.
  Tensors inputs = makeInputs(*kernel, {2, 5, 7});
  HostTensor &keys = inputs[1];
  std::copy_n(keys.values.begin(), keys.numElements() / 2,
              keys.values.begin() + keys.numElements() / 2);
  Launch whole(*kernel, inputs), broadcast(*kernel, inputs);
  broadcast.tensors[1].strides[0] = 0;
  ASSERT_EQ(whole.run(), 0);
  ASSERT_EQ(broadcast.run(), 0);
  EXPECT_EQ(broadcast.bits(), whole.bits());
}
