//===- DeterminismTest.cpp - same bits, and byte-identical artefacts ----------===//
#include "AttentionText.h"
#include "Kernel.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <map>
#include <thread>

using namespace mlir;
using namespace mlir::attn::test;

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

class SameBits : public testing::TestWithParam<const char *> {};

TEST_P(SameBits, ForAnyThreadsLayoutAndRun) {
  AttentionText text{"f", 6, 2, 2, 40, 40, GetParam()};
  text.mask = "causal and window<50> or sink<3>";
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  expectSameBits(*kernel, {2, 67, 131});
  expectSameBits(*kernel, {3, 1, 300});
}

INSTANTIATE_TEST_SUITE_P(Every, SameBits, testing::Values("f32", "bf16", "f16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

/// Bits of a call whose values are NaN in one column of two tokens, with items of `panels` panels.
static std::vector<char> bitsBesideNaN(const char *type, const char *mask, int64_t panels) {
  AttentionText text{"f", 6, 2, 2, 40, 24, type};
  text.mask = mask;
  text.schedule = "rows = 16, keys = 24, register_keys = 4, register_values = 4, panels = " +
                  std::to_string(panels);
  auto kernel = Kernel::compile(text.str());
  if (!kernel)
    return {};
  constexpr int64_t keys = 131, size = 24;
  Tensors inputs = makeInputs(*kernel, {2, 67, keys});
  for (int64_t head = 0; head < 4; ++head)
    for (int64_t token : {85, 120})
      inputs[2].values[(head * keys + token) * size + 3] = std::nan("");
  Launch launch(*kernel, inputs);
  EXPECT_EQ(launch.run(2), 0);
  return launch.bits();
}

TEST_P(SameBits, ForAnyPanelsOfAnItem) {
  for (const char *mask :
       {"causal", "causal and window<50> or sink<3>", "window<20, 10> and chunk<40>"}) {
    std::vector<char> alone = bitsBesideNaN(GetParam(), mask, 1);
    ASSERT_FALSE(alone.empty());
    for (int64_t panels : {2, 5, 16})
      EXPECT_EQ(bitsBesideNaN(GetParam(), mask, panels), alone) << mask << ", " << panels;
  }
}

TEST(Determinism, CallsFromSeveralThreadsAtOnce) {
  auto kernel = Kernel::compile(AttentionText{"f", 6, 2, 2, 40, 40}.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {2, 67, 131});
  Launch alone(*kernel, inputs);
  ASSERT_EQ(alone.run(1), 0);
  std::vector<std::unique_ptr<Launch>> launches;
  for (int i = 0; i < 4; ++i)
    launches.push_back(std::make_unique<Launch>(*kernel, inputs));
  std::vector<std::thread> callers;
  for (auto &launch : launches)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 5; ++repeat)
        EXPECT_EQ(launch->run(2), 0);
    });
  for (std::thread &caller : callers)
    caller.join();
  for (auto &launch : launches)
    EXPECT_EQ(launch->bits(), alone.bits());
}

//===----------------------------------------------------------------------===//
// Artefacts
//===----------------------------------------------------------------------===//

static std::map<std::string, std::string> filesOf(const std::string &folder) {
  std::map<std::string, std::string> files;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end; it.increment(code))
    files[llvm::sys::path::filename(it->path()).str()] =
        (*llvm::MemoryBuffer::getFile(it->path()))->getBuffer().str();
  return files;
}

TEST(Artefact, IsTheSameBytesEveryTime) {
  AttentionText one{"f", 4, 2, 2}, two{"g", 2, 2, 1, 24, 8, "bf16"};
  one.mask = "causal and per_head<[all, window<9>], [0, 0, 1, 1]>";
  one.sinks = true;
  two.score = alibiRegion;
  std::string text = one.str() + two.str();
  auto first = Kernel::compile(text), second = Kernel::compile(text);
  ASSERT_TRUE(first && second);
  auto files = filesOf(first->folder()), others = filesOf(second->folder());
  EXPECT_GE(files.size(), 5u) << "library, header, runtime header, manifest, definition";
  ASSERT_EQ(files.size(), others.size());
  for (auto &[name, content] : files)
    EXPECT_TRUE(content == others[name]) << name;
}
