//===- LayerTest.cpp - a layer grown token by token is the layer at once -----===//

#include "Equivalence.h"
#include "attn/Rewrite/Transforms.h"

using namespace mlir;
using namespace mlir::attn;

static std::unique_ptr<Program> layersOf(StringRef specs) {
  auto program = std::make_unique<Program>(specs);
  EXPECT_TRUE(succeeded(program->run("attn-elaborate{entry=layer-prefill,layer-decode}")))
      << program->messages;
  return program;
}

static Tensors inputsOf(func::FuncOp function, reference::InputSizes sizes) {
  auto inputs = reference::makeInputs(function, sizes, 11);
  EXPECT_TRUE(succeeded(inputs));
  return succeeded(inputs) ? *inputs : Tensors();
}

/// Tokens [first, first + count) of hidden states [B, S, W].
static HostTensor tokens(const HostTensor &hidden, int64_t first, int64_t count) {
  HostTensor result({hidden.size(0), count, hidden.size(2)}, hidden.kind);
  for (int64_t b = 0; b < hidden.size(0); ++b)
    std::copy_n(hidden.values.begin() + (b * hidden.size(1) + first) * hidden.size(2),
                count * hidden.size(2), result.values.begin() + b * count * hidden.size(2));
  return result;
}

/// The cache with room for one more token, which holds a NaN.
static HostTensor widened(const HostTensor &cache) {
  SmallVector<int64_t> sizes(cache.sizes);
  int64_t before = sizes[2] * sizes[3];
  ++sizes[2];
  HostTensor result(sizes, cache.kind);
  std::fill(result.values.begin(), result.values.end(), NAN);
  for (int64_t head = 0; head < sizes[0] * sizes[1]; ++head)
    std::copy_n(cache.values.begin() + head * before, before,
                result.values.begin() + head * (before + sizes[3]));
  return result;
}

/// Prefill of `prompt` tokens and one decode step for each further one, against one prefill of all.
/// The caches are arguments 1 to `caches` and results 1 to `caches`.
static void expectStepsEqualWhole(Program &program, StringRef name, size_t caches) {
  constexpr int64_t all = 7, prompt = 4;
  func::FuncOp prefill = program.function((name + "_layer_prefill").str());
  func::FuncOp decode = program.function((name + "_layer_decode").str());
  ASSERT_TRUE(prefill && decode) << program.text();
  Tensors args = inputsOf(prefill, {2, all, all});
  HostTensor hidden = args[0];
  Tensors whole = exactResults(prefill, args);
  args[0] = tokens(hidden, 0, prompt);
  for (size_t i = 1; i <= caches; ++i)
    args[i] = rows(args[i], 0, prompt);
  Tensors step = exactResults(prefill, args);
  expectEqualNumbers(step[0], tokens(whole[0], 0, prompt), "prompt");
  for (int64_t at = prompt; at < all; ++at) {
    args[0] = tokens(hidden, at, 1);
    for (size_t i = 1; i <= caches; ++i)
      args[i] = widened(step[i]);
    step = exactResults(decode, args);
    expectEqualNumbers(step[0], tokens(whole[0], at, 1), "token " + Twine(at).str());
  }
  for (size_t i = 1; i <= caches; ++i)
    expectEqualNumbers(step[i], whole[i], "cache " + Twine(i).str());
}

TEST(Layer, GroupedQueriesWithRopeAndNorms) {
  auto program = layersOf(R"(
attn.spec @x {
  width = 24, query_heads = 4, key_heads = 2, qk_size = 8, v_size = 6, norm_gain, sinks,
  rope = #attn.rope<dims = 8>, query_norm = #attn.norm_kind<kind = rms>,
  key_norm = #attn.norm_kind<kind = rms>, mask = #attn.mask<causal and window<5>>
})");
  expectStepsEqualWhole(*program, "x", 2);
}

// Prefill is expanded and decode absorbed: that they agree is the point of the two laws.
TEST(Layer, LatentWithoutQueryLatent) {
  auto program = layersOf(R"(
attn.spec @x {
  width = 24, query_heads = 3, latent = #attn.latent<kv_rank = 10, nope = 6, rope = 4>, v_size = 5,
  norm_gain, rope = #attn.rope<dims = 4, layout = interleaved>, key_norm = #attn.norm_kind<kind = rms>
})");
  expectStepsEqualWhole(*program, "x", 1);
}

TEST(Layer, LatentWithQueryLatent) {
  auto program = layersOf(R"(
attn.spec @x {
  width = 24, query_heads = 3, latent = #attn.latent<kv_rank = 10, nope = 6, rope = 4, q_rank = 12>,
  v_size = 5, norm_gain, rope = #attn.rope<dims = 4, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms>
})");
  expectStepsEqualWhole(*program, "x", 1);
}

// As Qwen2 has them, as gpt-oss does (with sinks), and with limits on what is projected.
TEST(Layer, BiasesAndLimitsOfProjections) {
  for (StringRef fields : {R"(bias = ["query", "key", "value"])",
                           R"(sinks, bias = ["query", "key", "value", "output"])",
                           R"(clip_qkv = 0.5, bias = ["output"])"}) {
    SCOPED_TRACE(fields.str());
    auto program = layersOf((R"(
attn.spec @x {
  width = 24, query_heads = 4, key_heads = 2, qk_size = 8, rope = #attn.rope<dims = 8>, )" +
                             fields + "}")
                                .str());
    expectStepsEqualWhole(*program, "x", 2);
  }
}

// DeepSeek's `attention_bias`, in both forms of both entries.
TEST(Layer, BiasesOfLatents) {
  for (StringRef fields : {R"(q_rank = 12>, bias = ["query", "latent", "output"])",
                           R"(q_rank = 12>, form = "absorbed", bias = ["query", "latent"])",
                           R"(q_rank = 0>, form = "expanded", bias = ["query", "latent"])",
                           R"(q_rank = 0>, bias = ["latent", "output"])"}) {
    SCOPED_TRACE(fields.str());
    auto program = layersOf((R"(
attn.spec @x {
  width = 24, query_heads = 3, v_size = 5, norm_gain, rope = #attn.rope<dims = 4, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms>, latent = #attn.latent<kv_rank = 10, nope = 6, rope = 4, )" +
                             fields + "}")
                                .str());
    expectStepsEqualWhole(*program, "x", 1);
  }
}

// V2-Lite's own sizes of heads and latent, with and without the large models' query latent.
TEST(Layer, SizesOfDeepSeekV2Lite) {
  for (StringRef rank : {"", ", q_rank = 96"}) {
    auto program = layersOf((R"(
attn.spec @x {
  width = 128, query_heads = 2, latent = #attn.latent<kv_rank = 128, nope = 128, rope = 64)" +
                             rank + R"(>,
  v_size = 128, norm_gain, rope = #attn.rope<dims = 64, layout = interleaved>,
  key_norm = #attn.norm_kind<kind = rms>
})")
                                .str());
    expectStepsEqualWhole(*program, "x", 1);
  }
}

/// One layer that owns a cache and one that reads it: all at once, and token by token.
static void expectReaderFollows(StringRef specs, size_t caches) {
  constexpr int64_t all = 6, prompt = 3;
  auto program = layersOf(specs);
  func::FuncOp owner = program->function("owner_layer_prefill");
  func::FuncOp reader = program->function("reader_layer_prefill");
  func::FuncOp step = program->function("reader_layer_decode");
  ASSERT_TRUE(owner && reader && step) << program->text();
  EXPECT_EQ(reader.getNumResults(), 1u) << "a layer that reads another's cache writes none";
  Tensors ownArgs = inputsOf(owner, {2, all, all}), args = inputsOf(reader, {2, all, all});
  HostTensor hidden = args[0];
  Tensors filled = exactResults(owner, ownArgs);
  for (size_t i = 1; i <= caches; ++i)
    args[i] = filled[i];
  Tensors whole = exactResults(reader, args);
  for (int64_t at = prompt; at < all; ++at) {
    args[0] = tokens(hidden, at, 1);
    for (size_t i = 1; i <= caches; ++i)
      args[i] = rows(filled[i], 0, at + 1);
    expectEqualNumbers(exactResults(step, args)[0], tokens(whole[0], at, 1),
                       "token " + Twine(at).str());
  }
}

TEST(Layer, ReaderOfAnotherLayersKeysAndValues) {
  expectReaderFollows(R"(
attn.spec @owner {width = 24, query_heads = 4, key_heads = 1, qk_size = 8, rope = #attn.rope<dims = 8>,
                  layers = array<i64: 0>}
attn.spec @reader {width = 24, query_heads = 2, key_heads = 1, qk_size = 8, rope = #attn.rope<dims = 8>,
                   layers = array<i64: 1>, kv_from = 0}
)",
                      2);
}

TEST(Layer, ReaderOfAnotherLayersLatent) {
  expectReaderFollows(R"(
attn.spec @owner {width = 24, query_heads = 3, latent = #attn.latent<kv_rank = 10, nope = 6, rope = 4>,
                  rope = #attn.rope<dims = 4>, key_norm = #attn.norm_kind<kind = rms>, layers = array<i64: 0>}
attn.spec @reader {width = 24, query_heads = 5, latent = #attn.latent<kv_rank = 10, nope = 8, rope = 4>,
                   rope = #attn.rope<dims = 4>, layers = array<i64: 1>, kv_from = 0}
)",
                      1);
}
