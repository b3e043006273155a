//===- ElaborateTest.cpp - what elaborated functions compute -----------------===//

#include "Equivalence.h"
#include "attn/Rewrite/Transforms.h"

using namespace mlir;
using namespace mlir::attn;

static std::unique_ptr<Program> elaborated(StringRef spec) {
  auto program = std::make_unique<Program>(spec);
  EXPECT_TRUE(succeeded(program->run("attn-elaborate"))) << program->messages;
  return program;
}

static Tensors inputsOf(func::FuncOp function, reference::InputSizes sizes) {
  auto inputs = reference::makeInputs(function, sizes, 7);
  EXPECT_TRUE(succeeded(inputs));
  return succeeded(inputs) ? *inputs : Tensors();
}

static const char *const full = R"(
attn.spec @x {
  query_heads = 4, key_heads = 2, qk_size = 8, v_size = 6, norm_gain, rope = #attn.rope<dims = 4, start = 2>,
  query_norm = #attn.norm_kind<kind = rms>, key_norm = #attn.norm_kind<kind = rms>,
  value_norm = #attn.norm_kind<kind = l2>,
  alibi = array<f64: 0.5, 0.25, 0.125, 0.0625>, softcap = 3.0, sinks, mask = #attn.mask<causal and window<4>>
})";

static const char *const latent = R"(
attn.spec @x {
  query_heads = 3, latent = #attn.latent<kv_rank = 8, nope = 6, rope = 4>, v_size = 5,
  rope = #attn.rope<dims = 4, layout = interleaved>, key_norm = #attn.norm_kind<kind = rms>
})";

// Positions are absolute: the newest row alone, against all keys, is the last row of the whole.
TEST(Elaborate, DecodeOfTheNewestTokenIsPrefillsLastRow) {
  for (const char *spec : {full, latent}) {
    auto program = elaborated(spec);
    Tensors args = inputsOf(program->function("x_prefill"), {2, 6, 6});
    Tensors whole = exactResults(program->function("x_prefill"), args);
    args[0] = rows(args[0], 5, 1);
    Tensors last = exactResults(program->function("x_decode"), args);
    expectEqualNumbers(last[0], rows(whole[0], 5, 1), "out");
    expectEqualNumbers(last[1], rows(whole[1], 5, 1), "lse");
  }
}

// A cache grown in two steps is the cache grown in one.
TEST(Elaborate, AppendAtAPositionContinuesTheCache) {
  for (const char *spec : {full, latent}) {
    auto program = elaborated(spec);
    func::FuncOp append = program->function("x_append");
    Tensors args = inputsOf(append, {1, 5, 5});
    args[2] = HostTensor::scalar(0);
    Tensors whole = exactResults(append, args);
    for (int i : {0, 1})
      args[i] = rows(args[i], 3, args[i].size(2) - 3);
    args[2] = HostTensor::scalar(3);
    Tensors rest = exactResults(append, args);
    for (size_t i = 0; i < whole.size(); ++i)
      expectEqualNumbers(rest[i], rows(whole[i], 3, whole[i].size(2) - 3), "cache");
  }
}

// Decode without a form is absorbed, prefill expanded: one cache, two orders of the same sums.
TEST(Elaborate, AbsorbedEqualsExpanded) {
  auto program = elaborated(latent);
  Tensors args = inputsOf(program->function("x_prefill"), {2, 4, 9});
  expectEqualNumbers(exactResults(program->function("x_decode"), args),
                     exactResults(program->function("x_prefill"), args), "absorbed");
}

// The region by hand, at one query and two keys: bias first, then the cap.
TEST(Elaborate, BiasComesBeforeTheCap) {
  auto program = elaborated(
      "attn.spec @x {query_heads = 1, qk_size = 1, alibi = array<f64: 0.5>, softcap = 2.0}");
  HostTensor query({1, 1, 1, 1}, reference::ElementKind::F32),
      key({1, 1, 2, 1}, reference::ElementKind::F32);
  query.values = {1.0};
  key.values = {1.5, -0.5};
  Tensors results = exactResults(program->function("x_decode"), {query, key, key});
  double far = std::exp(2.0 * std::tanh((1.5 - 0.5) / 2.0)),
         near = std::exp(2.0 * std::tanh(-0.5 / 2.0));
  EXPECT_NEAR(results[0].values[0], (far * 1.5 - near * 0.5) / (far + near), 1e-6);
  EXPECT_NEAR(results[1].values[0], std::log(far + near), 1e-6);
}

// A reader of another layer's cache has no append, and both its functions say whose cache it is.
TEST(Elaborate, ReaderHasNoAppend) {
  auto program = elaborated(
      "attn.spec @x {query_heads = 2, qk_size = 8, layers = array<i64: 4>, kv_from = 1}");
  EXPECT_FALSE(program->function("x_append"));
  for (const char *name : {"x_prefill", "x_decode"})
    EXPECT_EQ(program->function(name)->getAttrOfType<IntegerAttr>("attn.kv_from").getInt(), 1);
}

TEST(Elaborate, EntriesHaveNames) {
  for (Entry entry : {Entry::Prefill, Entry::Decode, Entry::Append})
    EXPECT_EQ(symbolizeEntry(stringifyEntry(entry)), entry);
  EXPECT_EQ(symbolizeEntry("prefil"), std::nullopt);
}
