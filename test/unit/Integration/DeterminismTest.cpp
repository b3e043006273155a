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

/// One to nine threads, three times each, in every layout.
static void expectSameBits(Kernel &kernel, InputSizes sizes, StringRef entry = "f") {
  SCOPED_TRACE(describe(sizes) + " " + entry.str());
  Tensors inputs = makeInputs(kernel, sizes, 1, entry);
  Launch reference(kernel, inputs, Layout::Dense, entry);
  ASSERT_EQ(reference.run(1), 0);
  std::vector<char> bits = reference.bits();
  for (Layout layout : {Layout::Dense, Layout::TokenMajor, Layout::PagePerRow}) {
    Launch launch(kernel, inputs, layout, entry);
    for (int32_t threads : {1, 2, 3, 9, 0, -1})
      for (int repeat = 0; repeat < 3; ++repeat) {
        ASSERT_EQ(launch.run(threads), 0);
        ASSERT_EQ(launch.bits(), bits) << threads << " threads";
      }
  }
}

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

TEST(Determinism, EntriesOfSpecifications) {
  auto kernel = Kernel::compile(R"(
    attn.spec @gqa {query_heads = 4, key_heads = 2, qk_size = 32, rope = #attn.rope<dims = 32>,
      query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = rms>}
    attn.spec @mla {query_heads = 3, latent = #attn.latent<kv_rank = 64, nope = 32, rope = 16>,
      v_size = 32, rope = #attn.rope<dims = 16, layout = interleaved>})");
  ASSERT_TRUE(kernel);
  for (const char *entry : {"gqa_prefill", "gqa_append", "mla_prefill", "mla_decode", "mla_append"})
    expectSameBits(*kernel, {2, 33, 67}, entry);
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
  const char *text = R"(
    attn.spec @gqa {query_heads = 4, key_heads = 2, qk_size = 32, rope = #attn.rope<dims = 32>,
      mask = #attn.mask<causal and per_head<[all, window<9>], [0, 0, 1, 1]>>, sinks}
    attn.spec @mla {query_heads = 3, latent = #attn.latent<kv_rank = 64, nope = 32, rope = 16>,
      v_size = 32, rope = #attn.rope<dims = 16, layout = interleaved>})";
  auto first = Kernel::compile(text), second = Kernel::compile(text);
  ASSERT_TRUE(first && second);
  auto one = filesOf(first->folder()), other = filesOf(second->folder());
  EXPECT_GE(one.size(), 5u) << "library, header, runtime header, manifest, definition";
  ASSERT_EQ(one.size(), other.size());
  for (auto &[name, content] : one)
    EXPECT_EQ(content == other[name], true) << name;
}
