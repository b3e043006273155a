//===- MemoryTest.cpp - strides, edges of memory, 64-bit offsets --------------===//
#include "AttentionText.h"
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;

//===----------------------------------------------------------------------===//
// The test's own memory
//===----------------------------------------------------------------------===//

static HostTensor counting(ArrayRef<int64_t> sizes, ElementKind kind) {
  HostTensor tensor(sizes, kind);
  for (auto [i, value] : llvm::enumerate(tensor.values))
    value = static_cast<double>(i % 100);
  return tensor;
}

TEST(Memory, GivesBackWhatWasWrittenInEveryLayout) {
  for (Layout layout : everyLayout)
    for (ElementKind kind : {ElementKind::F32, ElementKind::BF16, ElementKind::I64})
      for (const SmallVector<int64_t> &sizes :
           {SmallVector<int64_t>{2, 3, 5, 7}, {3, 4}, {6}, {}}) {
        HostTensor values = counting(sizes, kind);
        Memory memory(sizes, kind, layout);
        memory.write(values);
        EXPECT_EQ(memory.read().values, values.values);
        EXPECT_TRUE(memory.guardsIntact());
      }
}

TEST(Memory, NoticesAWriteBesideAnElement) {
  for (Layout layout : {Layout::Gaps, Layout::TokenMajor, Layout::PagePerRow}) {
    Memory memory({1, 2, 3, 4}, ElementKind::F32, layout);
    attn_tensor tensor = memory.tensor();
    int64_t beside = layout == Layout::PagePerRow ? -1 : 4;
    static_cast<float *>(tensor.data)[tensor.strides[2] + beside] = 1;
    EXPECT_FALSE(memory.guardsIntact());
  }
}

TEST(MemoryDeathTest, EndsAtUnmappedMemory) {
  Memory memory({1, 2, 3, 4}, ElementKind::F32, Layout::PagePerHead);
  attn_tensor tensor = memory.tensor();
  volatile float *data = static_cast<float *>(tensor.data);
  EXPECT_TRUE(std::isnan(data[11]));
  EXPECT_DEATH((void)data[12], "");
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Lengths with a tail in every direction, in every layout.
static void checkLayouts(const AttentionText &text) {
  SCOPED_TRACE(text.str());
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  for (InputSizes sizes : {InputSizes{2, 19, 29}, {1, 1, 1}, {2, 3, 250}})
    for (Layout layout : everyLayout)
      expectCorrect(*kernel, makeInputs(*kernel, sizes), layout);
}

TEST(Strides, PlannedTiles) { checkLayouts({"f", 4, 2, 2, 40, 24}); }
TEST(Strides, HalfTypes) {
  checkLayouts({"f", 4, 2, 2, 24, 40, "bf16"});
  checkLayouts({"f", 2, 1, 1, 72, 8, "f16"});
}

TEST(Strides, EveryOperandOfAnAttention) {
  AttentionText text{"f", 4, 2, 2};
  text.mask = "document<0> and (dense<1> or blocks<4, 4, 2> or prefix_length<3>)";
  text.maskOperands = {"tensor<?x?xi32>", "tensor<?x4x?x?xi8>", "tensor<?x?x?x?xi64>",
                       "tensor<?xi64>"};
  text.sinks = true;
  text.score = biasRegion;
  text.table = "tensor<?x?x?xf32>";
  text.schedule = smallTiles;
  checkLayouts(text);
}

TEST(Strides, EveryElementOfTheOutputIsWritten) {
  // Whatever the outputs held: 0xFF (NaN) first, then zeros, then the first result.
  auto kernel = Kernel::compile(AttentionText{"f", 4, 2, 2, 40, 24}.str());
  ASSERT_TRUE(kernel);
  Launch launch(*kernel, makeInputs(*kernel, {2, 70, 35}), Layout::Gaps);
  ASSERT_EQ(launch.run(), 0);
  std::vector<char> first = launch.bits();
  for (unsigned i = launch.numInputs; i < launch.memories.size(); ++i)
    launch.memories[i].write(HostTensor(launch.output(i - launch.numInputs).sizes,
                                        launch.output(i - launch.numInputs).kind));
  const attn_rt::Entry &entry = kernel->entry();
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_EQ(entry.function(launch.tensors.data(), launch.tensors.size(), 0), 0);
    EXPECT_EQ(launch.bits(), first);
  }
}

//===----------------------------------------------------------------------===//
// Beyond 2^31 elements
//===----------------------------------------------------------------------===//

/// `strides` of [batch][head][sequence] per argument: query, key, value, out, lse.
static void expectCorrectAt(const std::string &dtype, ArrayRef<SmallVector<int64_t>> strides) {
  auto kernel = Kernel::compile(AttentionText{"f", 4, 2, 2, 16, 16, dtype}.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {2, 5, 7});
  Launch dense(*kernel, inputs);
  ASSERT_EQ(dense.run(), 0);
  Launch sparse(*kernel, inputs);
  std::vector<Memory> memories;
  for (unsigned i = 0; i < 5; ++i) {
    HostTensor content = i < 3 ? inputs[i] : dense.output(i - 3);
    memories.emplace_back(content.sizes, content.kind, strides[i]);
    if (!memories.back().isReserved())
      GTEST_SKIP() << "the system does not let a process reserve this much address space";
    i < 3 ? memories.back().write(content) : memories.back().poison();
    sparse.tensors[i] = memories.back().tensor();
  }
  ASSERT_EQ(kernel->entry().function(sparse.tensors.data(), 5, 0), 0);
  EXPECT_EQ(memories[3].bytes(), dense.memories[3].bytes());
  EXPECT_EQ(memories[4].bytes(), dense.memories[4].bytes());
}

static constexpr int64_t large = (int64_t(1) << 31) + 96;

TEST(Strides, RowsThatStartAnywhere) {
  // Rows of 16 elements, 17 apart: no vector of a row is aligned to more than its element.
  for (const char *dtype : {"f32", "bf16"})
    expectCorrectAt(
        dtype,
        {{340, 85, 17, 1}, {238, 119, 17, 1}, {238, 119, 17, 1}, {340, 85, 17, 1}, {23, 5, 1}});
}

TEST(Offsets64, BatchesAndHeads) {
  expectCorrectAt("f32", {{4 * large, large, 16, 1},
                          {2 * large, large, 16, 1},
                          {2 * large, large, 16, 1},
                          {4 * large, large, 16, 1},
                          {4 * large, large, 1}});
}

TEST(Offsets64, Tokens) {
  // Four tokens on are past 2^31 elements, and past 2^32 bytes from the first.
  int64_t token = large / 4;
  expectCorrectAt(
      "bf16",
      {{64, 16, token, 1}, {32, 16, token, 1}, {32, 16, token, 1}, {64, 16, token, 1}, {20, 5, 1}});
}

TEST(Offsets64, TableOfAScoreRegionAndMasks) {
  AttentionText text{"f", 2, 1, 1};
  text.mask = "dense<0> and document<1>";
  text.maskOperands = {"tensor<?x2x?x?xi8>", "tensor<?x?xi32>"};
  text.score = biasRegion;
  text.table = "tensor<?x?x?xf32>";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {2, 5, 7});
  Launch dense(*kernel, inputs), sparse(*kernel, inputs);
  ASSERT_EQ(dense.run(), 0);
  SmallVector<SmallVector<int64_t>> strides = {{large, 7, 1}, {large * 2, large, 7, 1}, {large, 1}};
  std::vector<Memory> memories;
  for (unsigned i = 0; i < 3; ++i) {
    memories.emplace_back(inputs[3 + i].sizes, inputs[3 + i].kind, strides[i]);
    if (!memories.back().isReserved())
      GTEST_SKIP() << "the system does not let a process reserve this much address space";
    memories.back().write(inputs[3 + i]);
    sparse.tensors[3 + i] = memories.back().tensor();
  }
  ASSERT_EQ(sparse.run(), 0);
  EXPECT_EQ(sparse.bits(), dense.bits());
}
