//===- LengthsTest.cpp - batch and lengths are dynamic, and may be anything ---===//
#include "AttentionText.h"
#include "Kernel.h"

#include <dirent.h>
#include <limits>
#include <set>
#include <thread>

using namespace mlir;
using namespace mlir::attn::test;

/// 0, 1, 2, each unit and its neighbours, primes.
static std::set<int64_t> lengthsAround(std::initializer_list<int64_t> units) {
  std::set<int64_t> lengths = {0, 1, 2, 67, 131, 257};
  for (int64_t unit : units)
    lengths.insert({unit - 1, unit, unit + 1});
  return lengths;
}

/// Every combination of lengths around the tiles of `kernel`, with 0, 1 and 3 batch entries.
static void sweep(Kernel &kernel) {
  int64_t rows = kernel.scheduled("rows"), keys = kernel.scheduled("keys");
  uint64_t seed = 0;
  for (int64_t q : lengthsAround({rows, rows * kernel.scheduled("panels")}))
    for (int64_t k : lengthsAround({keys}))
      for (int64_t batch : {0, 1, 3})
        if (batch < 2 || q * k < 10000)
          expectCorrect(kernel, {batch, q, k}, ++seed);
}

TEST(Lengths, PlannedTilesCausal) {
  auto kernel = Kernel::compile(AttentionText{"f", 1, 1, 1, 16, 16}.str());
  if (kernel)
    sweep(*kernel);
}

TEST(Lengths, PlannedTilesWithoutMask) {
  AttentionText text{"f", 1, 1, 1, 8, 24};
  text.mask = "";
  auto kernel = Kernel::compile(text.str());
  if (kernel)
    sweep(*kernel);
}

TEST(Lengths, SmallTilesWithAWindowInGroups) {
  AttentionText text{"f", 3, 1, 1, 16, 8, "bf16"};
  text.mask = "causal and window<20>";
  text.schedule = smallTiles;
  auto kernel = Kernel::compile(text.str());
  if (kernel)
    sweep(*kernel);
}

TEST(Lengths, OneCompilationServesEveryLength) {
  // A specification's three entries, at lengths that no tile divides.
  auto kernel = Kernel::compile(R"(attn.spec @s {query_heads = 4, key_heads = 2, qk_size = 32,
    rope = #attn.rope<dims = 32>, query_norm = #attn.norm_kind<kind = rms>,
    key_norm = #attn.norm_kind<kind = rms>, norm_gain})");
  ASSERT_TRUE(kernel);
  for (int64_t keys : {1, 5, 67, 131})
    for (int64_t batch : {0, 1, 3}) {
      expectCorrect(*kernel, {batch, keys, keys}, keys, "prefill");
      expectCorrect(*kernel, {batch, (keys + 1) / 2, keys}, keys + 1, "prefill");
      expectCorrect(*kernel, {batch, 1, keys}, keys + 2, "decode");
      expectCorrect(*kernel, {batch, 3, keys}, keys + 3, "decode");
      expectCorrect(*kernel, {batch, 3, keys}, keys + 4, "append");
    }
}

//===----------------------------------------------------------------------===//
// More rows than keys
//===----------------------------------------------------------------------===//

TEST(Lengths, RowsBeforeTheFirstKeyAreZeroAndMinusInfinity) {
  for (const char *schedule : {"", smallTiles}) {
    AttentionText text{"f", 2, 1, 1};
    text.schedule = schedule;
    auto kernel = Kernel::compile(text.str());
    ASSERT_TRUE(kernel);
    for (auto [rows, keys] : {std::pair(50, 17), {5, 1}, {131, 67}, {3, 0}}) {
      InputSizes sizes{2, rows, keys};
      Tensors outputs = results(*kernel, makeInputs(*kernel, sizes));
      for (int64_t row = 0; row < 4 * rows; ++row) {
        if (row % rows >= rows - keys)
          continue;
        EXPECT_EQ(outputs[1].values[row], -std::numeric_limits<double>::infinity());
        for (int64_t c = 0; c < 16; ++c)
          EXPECT_EQ(outputs[0].values[row * 16 + c], 0.0) << describe(sizes) << ", row " << row;
      }
      expectCorrect(*kernel, sizes, rows);
    }
  }
}

TEST(Lengths, OffsetsPlaceRowsAnywhere) {
  AttentionText text{"f", 2, 1, 1};
  text.mask = "causal and window<9>";
  text.offset = true;
  text.schedule = smallTiles;
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  for (double offset : {-1000.0, -40.0, -1.0, 0.0, 3.0, 49.0, 60.0, 1000.0}) {
    Tensors inputs = makeInputs(*kernel, {1, 37, 50});
    inputs[3].values[0] = offset;
    SCOPED_TRACE(offset);
    expectCorrect(*kernel, inputs, Layout::Gaps);
  }
}

//===----------------------------------------------------------------------===//
// Nothing to do
//===----------------------------------------------------------------------===//

TEST(Lengths, ZeroLengthsNeedNoMemory) {
  auto kernel = Kernel::compile(AttentionText{}.str());
  ASSERT_TRUE(kernel);
  for (InputSizes sizes : {InputSizes{0, 5, 5}, {2, 0, 5}, {2, 0, 0}, {0, 0, 0}}) {
    Launch launch(*kernel, makeInputs(*kernel, sizes));
    for (attn_tensor &tensor : launch.tensors)
      tensor.data = nullptr;
    // Keys exist but nobody asks: their memory is given, and not touched.
    if (sizes.batch && sizes.keyLength)
      launch.tensors[1].data = launch.tensors[2].data = reinterpret_cast<void *>(64);
    EXPECT_EQ(launch.run(), 0) << describe(sizes);
  }
}

TEST(Lengths, WithoutKeysEveryRowIsZero) {
  AttentionText text{};
  text.mask = "";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  Tensors outputs = results(*kernel, makeInputs(*kernel, {2, 5, 0}));
  for (double value : outputs[0].values)
    EXPECT_EQ(value, 0.0);
  for (double value : outputs[1].values)
    EXPECT_EQ(value, -std::numeric_limits<double>::infinity());
}

static int countThreads() {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  while (folder && readdir(folder))
    ++count;
  if (folder)
    closedir(folder);
  return count;
}

TEST(Lengths, ZeroLengthsLaunchNothing) {
  auto kernel = Kernel::compile(AttentionText{}.str());
  ASSERT_TRUE(kernel);
  int before = 0, afterNothing = 0, afterWork = 0;
  // More threads than any test before can have left behind, asked for by a new thread.
  std::thread([&] {
    before = countThreads();
    for (InputSizes sizes : {InputSizes{0, 5, 5}, {2, 0, 5}, {0, 0, 0}})
      EXPECT_EQ(Launch(*kernel, makeInputs(*kernel, sizes)).run(61), 0);
    afterNothing = countThreads();
    EXPECT_EQ(Launch(*kernel, makeInputs(*kernel, {4, 500, 500})).run(61), 0);
    afterWork = countThreads();
  }).join();
  EXPECT_EQ(afterNothing, before);
  EXPECT_GT(afterWork, before) << "work starts threads, else this test shows nothing";
}
