//===- SpecificationTest.cpp - entries that elaboration makes ------------------===//
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;

namespace {
/// Token operations, attentions of all forms, cached outputs.
class Specifications : public testing::TestWithParam<const char *> {
protected:
  static void SetUpTestSuite() {
    kernel = Kernel::compile(R"(
      attn.spec @gqa {query_heads = 4, key_heads = 2, qk_size = 40, rope = #attn.rope<dims = 24>,
        query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = rms>, norm_gain}
      attn.spec @mla {query_heads = 3, latent = #attn.latent<kv_rank = 40, nope = 24, rope = 8>,
        v_size = 24, rope = #attn.rope<dims = 8, layout = interleaved>})");
  }
  static void TearDownTestSuite() { kernel.reset(); }
  void SetUp() override { ASSERT_TRUE(kernel); }

  inline static std::unique_ptr<Kernel> kernel;
};
} // namespace

TEST_P(Specifications, AreCorrectInEveryLayout) {
  for (Layout layout : everyLayout)
    expectCorrect(*kernel, makeInputs(*kernel, {2, 7, 19}, 1, GetParam()), layout, GetParam());
}

TEST_P(Specifications, GiveTheSameBitsForAnyThreadsLayoutAndRun) {
  expectSameBits(*kernel, {2, 33, 67}, GetParam());
}

TEST_P(Specifications, DoNothingForNoBatchAndNoRows) {
  expectCorrect(*kernel, {0, 5, 9}, 1, GetParam());
  expectCorrect(*kernel, {2, 0, 9}, 2, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, Specifications,
                         testing::Values("gqa_prefill", "gqa_decode", "gqa_append", "mla_prefill",
                                         "mla_decode", "mla_append"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });
