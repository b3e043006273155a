//===- ModelsTest.cpp - the published models give the expected specs ------===//

#include "ParseForTest.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::test;

namespace {

Parsed parseModel(StringRef name) {
  std::string path = (Twine(ATTN_MODELS_DIR) + "/" + name + ".json").str();
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer) {
    ADD_FAILURE() << "cannot read " << path;
    return {};
  }
  return parse((*buffer)->getBuffer(), path);
}

/// Head counts, head sizes, dtype and the number of distinct specs, as the models' papers and
/// configs give them.
struct Expected {
  const char *name;
  const char *family;
  int64_t layers, width, queryHeads, kvHeads, qkDim, vDim;
  ElementKind dtype;
  size_t specs;
};

class Models : public testing::TestWithParam<Expected> {};

TEST_P(Models, HeadsSizesAndLayers) {
  const Expected &expected = GetParam();
  Parsed parsed = parseModel(expected.name);
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_EQ(parsed.model->name, expected.name);
  EXPECT_EQ(parsed.model->family, expected.family);
  EXPECT_EQ(parsed.model->numLayers, expected.layers);
  ASSERT_EQ(parsed.model->specs.size(), expected.specs);
  std::vector<int> seen(expected.layers);
  for (const auto &[spec, layers] : parsed.model->specs) {
    EXPECT_EQ(spec.width, expected.width);
    EXPECT_EQ(spec.queryHeads, expected.queryHeads);
    EXPECT_EQ(spec.keyHeads, expected.kvHeads);
    EXPECT_EQ(spec.valueHeads, expected.kvHeads);
    EXPECT_EQ(spec.qkDim, expected.qkDim);
    EXPECT_EQ(spec.vDim, expected.vDim);
    EXPECT_EQ(spec.dtype, expected.dtype);
    EXPECT_TRUE(spec.mask.causal);
    for (int64_t layer : layers)
      ++seen.at(layer);
  }
  EXPECT_EQ(seen, std::vector<int>(expected.layers, 1)) << "each layer belongs to one spec";
}

constexpr ElementKind f32 = ElementKind::F32, f16 = ElementKind::F16, bf16 = ElementKind::BF16;

const Expected table[] = {
    {"llama-3-8b", "llama", 32, 4096, 32, 8, 128, 128, bf16, 1},
    {"llama-3.1-8b", "llama", 32, 4096, 32, 8, 128, 128, bf16, 1},
    {"mistral-7b-v0.1", "mistral", 32, 4096, 32, 8, 128, 128, bf16, 1},
    {"mixtral-8x7b", "mixtral", 32, 4096, 32, 8, 128, 128, bf16, 1},
    {"qwen2-7b", "qwen2", 28, 3584, 28, 4, 128, 128, bf16, 1},
    {"qwen3-8b", "qwen3", 36, 4096, 32, 8, 128, 128, bf16, 1},
    {"phi-3-mini-128k", "phi3", 32, 3072, 32, 32, 96, 96, bf16, 1},
    {"gemma-2b", "gemma", 18, 2048, 8, 1, 256, 256, bf16, 1},
    {"gemma-2-9b", "gemma2", 42, 3584, 16, 8, 256, 256, f32, 2},
    {"gemma-3-4b", "gemma3", 34, 2560, 8, 4, 256, 256, bf16, 2},
    {"command-r7b", "cohere2", 32, 4096, 32, 8, 128, 128, bf16, 2},
    {"gpt-oss-20b", "gpt_oss", 24, 2880, 64, 8, 64, 64, bf16, 2},
    {"gpt2", "gpt2", 12, 768, 12, 12, 64, 64, f32, 1},
    {"gpt-neox-20b", "gpt_neox", 44, 6144, 64, 64, 96, 96, f16, 1},
    {"gpt-j-6b", "gptj", 28, 4096, 16, 16, 256, 256, f32, 1},
    {"falcon-7b", "falcon", 32, 4544, 71, 1, 64, 64, bf16, 1},
    {"falcon-40b", "falcon", 60, 8192, 128, 8, 64, 64, bf16, 1},
    {"bloom-7b1", "bloom", 30, 4096, 32, 32, 128, 128, f16, 1},
    {"mpt-7b", "mpt", 32, 4096, 32, 32, 128, 128, bf16, 1},
    {"starcoder2-3b", "starcoder2", 30, 3072, 24, 2, 128, 128, f32, 1},
    {"deepseek-v2-lite", "deepseek_v2", 27, 2048, 16, 16, 192, 128, bf16, 1},
    {"deepseek-v3", "deepseek_v3", 61, 7168, 128, 128, 192, 128, bf16, 1},
    {"kimi-k2", "kimi_k2", 61, 7168, 64, 64, 192, 128, bf16, 1},
    {"minicpm3-4b", "minicpm3", 62, 2560, 40, 40, 96, 64, bf16, 1},
    {"smollm3-3b", "smollm3", 36, 2048, 16, 4, 128, 128, bf16, 2},
};

std::string testName(const testing::TestParamInfo<Expected> &info) {
  std::string name = info.param.name;
  for (char &c : name)
    if (!isalnum(c))
      c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Frontend, Models, testing::ValuesIn(table), testName);

TEST(ModelFiles, EveryExampleIsExpectedHere) {
  std::error_code error;
  for (sys::fs::directory_iterator it(ATTN_MODELS_DIR, error), end; it != end && !error;
       it.increment(error)) {
    StringRef stem = sys::path::stem(it->path());
    EXPECT_TRUE(any_of(table, [&](const Expected &e) { return stem == e.name; })) << stem.str();
  }
  EXPECT_FALSE(error) << error.message();
}

TEST(ModelRope, PlainBases) {
  const std::pair<const char *, double> bases[] = {
      {"llama-3-8b", 500000.0}, {"mistral-7b-v0.1", 10000.0},
      {"mixtral-8x7b", 1e6},    {"qwen2-7b", 1e6},
      {"qwen3-8b", 1e6},        {"gemma-2b", 10000.0},
      {"falcon-7b", 10000.0},   {"starcoder2-3b", 999999.4420358813},
  };
  for (const auto &[name, base] : bases) {
    Parsed parsed = parseModel(name);
    ASSERT_TRUE(parsed.ok() && parsed.spec().rope) << name;
    EXPECT_EQ(parsed.spec().rope->base, base) << name;
    EXPECT_EQ(parsed.spec().rope->dims, parsed.spec().qkDim) << name;
    EXPECT_EQ(parsed.spec().rope->style, RopeStyle::Halves) << name;
    EXPECT_EQ(parsed.spec().rope->scaling, RopeScaling()) << name;
  }
}

TEST(ModelRope, Llama31Scaling) {
  Parsed parsed = parseModel("llama-3.1-8b");
  RopeScaling expected;
  expected.kind = RopeScalingKind::Llama3;
  expected.factor = 8.0;
  expected.lowFreqFactor = 1.0;
  expected.highFreqFactor = 4.0;
  expected.originalPositions = 8192;
  EXPECT_EQ(parsed.spec().rope->scaling, expected);
}

TEST(ModelRope, Phi3LongRope) {
  Parsed parsed = parseModel("phi-3-mini-128k");
  const RopeScaling &scaling = parsed.spec().rope->scaling;
  EXPECT_EQ(scaling.kind, RopeScalingKind::LongRope);
  EXPECT_EQ(scaling.originalPositions, 4096);
  EXPECT_EQ(scaling.servedPositions, 131072);
  EXPECT_EQ(scaling.factor, 32.0);
  ASSERT_EQ(scaling.longFactor.size(), 48u);
  ASSERT_EQ(scaling.shortFactor.size(), 48u);
  EXPECT_EQ(scaling.longFactor.back(), 64.76000213623047);
  EXPECT_EQ(scaling.shortFactor.front(), 1.1);
  // sqrt(1 + ln 32 / ln 4096) = sqrt(17/12)
  EXPECT_NEAR(scaling.attentionFactor, std::sqrt(17.0 / 12.0), 1e-15);
  EXPECT_EQ(parsed.spec().mask.window, 262144);
}

TEST(ModelRope, GptOssYarn) {
  Parsed parsed = parseModel("gpt-oss-20b");
  const RopeSpec &rope = *parsed.spec().rope;
  EXPECT_EQ(rope.base, 150000.0);
  EXPECT_EQ(rope.scaling.kind, RopeScalingKind::Yarn);
  EXPECT_EQ(rope.scaling.factor, 32.0);
  EXPECT_EQ(rope.scaling.originalPositions, 4096);
  EXPECT_FALSE(rope.scaling.truncate);
  EXPECT_NEAR(rope.scaling.attentionFactor, 1.3465735902799727, 1e-15);
}

TEST(ModelRope, PartialAndInterleaved) {
  Parsed neox = parseModel("gpt-neox-20b");
  EXPECT_EQ(neox.spec().rope->dims, 24);
  EXPECT_EQ(neox.spec().rope->style, RopeStyle::Halves);
  Parsed gptj = parseModel("gpt-j-6b");
  EXPECT_EQ(gptj.spec().rope->dims, 64);
  EXPECT_EQ(gptj.spec().rope->style, RopeStyle::Interleaved);
  EXPECT_FALSE(parseModel("gpt2").spec().rope);
}

TEST(ModelLayers, Gemma2Alternates) {
  Parsed parsed = parseModel("gemma-2-9b");
  EXPECT_EQ(parsed.spec(0).mask.window, 4096);
  EXPECT_EQ(parsed.layers(0), layersWhere(42, [](int64_t i) { return i % 2 == 0; }));
  EXPECT_EQ(parsed.spec(1).mask.window, std::nullopt);
  EXPECT_EQ(parsed.spec(1).softcap, 50.0);
  EXPECT_EQ(parsed.spec(1).scale, 1.0 / 16.0);
  EXPECT_FALSE(parsed.spec(1).qkNorm);
  EXPECT_EQ(specNames(*parsed.model),
            (std::vector<std::string>{"gemma_2_9b_window", "gemma_2_9b_global"}));
}

TEST(ModelLayers, Gemma3FiveOfSixSlide) {
  Parsed parsed = parseModel("gemma-3-4b");
  EXPECT_EQ(parsed.layers(0), layersWhere(34, [](int64_t i) { return i % 6 != 5; }));
  EXPECT_EQ(parsed.spec(0).mask.window, 1024);
  EXPECT_EQ(parsed.spec(0).rope->base, 10000.0);
  EXPECT_EQ(parsed.spec(0).rope->scaling, RopeScaling());
  EXPECT_EQ(parsed.spec(1).rope->base, 1e6);
  EXPECT_EQ(parsed.spec(1).rope->scaling.kind, RopeScalingKind::Linear);
  EXPECT_EQ(parsed.spec(1).rope->scaling.factor, 8.0);
  EXPECT_EQ(parsed.spec(1).qkNorm, (QKNormSpec{NormKind::RMS, 1e-6, 1.0}));
  EXPECT_EQ(parsed.spec(1).scale, 1.0 / 16.0);
  EXPECT_FALSE(parsed.spec(1).softcap);
}

TEST(ModelLayers, Cohere2GlobalLayersHaveNoPositions) {
  Parsed parsed = parseModel("command-r7b");
  EXPECT_EQ(parsed.layers(1), layersWhere(32, [](int64_t i) { return i % 4 == 3; }));
  EXPECT_EQ(parsed.spec(0).mask.window, 4096);
  EXPECT_EQ(parsed.spec(0).rope->base, 50000.0);
  EXPECT_EQ(parsed.spec(0).rope->style, RopeStyle::Interleaved);
  EXPECT_FALSE(parsed.spec(1).rope);
  EXPECT_FALSE(parsed.spec(1).qkNorm);
}

TEST(ModelLayers, GptOssSinksAndWindow) {
  Parsed parsed = parseModel("gpt-oss-20b");
  EXPECT_TRUE(parsed.spec(0).sinks && parsed.spec(1).sinks);
  EXPECT_EQ(parsed.spec(0).mask.window, 128);
  EXPECT_EQ(parsed.layers(0), layersWhere(24, [](int64_t i) { return i % 2 == 0; }));
  EXPECT_EQ(parsed.spec(0).scale, 0.125);
}

TEST(ModelLayers, SmolLM3EveryFourthHasNoPositions) {
  Parsed parsed = parseModel("smollm3-3b");
  EXPECT_EQ(parsed.spec(0).rope->base, 5e6);
  EXPECT_FALSE(parsed.spec(1).rope);
  EXPECT_EQ(parsed.layers(1), layersWhere(36, [](int64_t i) { return i % 4 == 3; }));
  EXPECT_EQ(specNames(*parsed.model),
            (std::vector<std::string>{"smollm3_3b_rope", "smollm3_3b_nope"}));
}

TEST(ModelLayers, Windows) {
  EXPECT_EQ(parseModel("mistral-7b-v0.1").spec().mask.window, 4096);
  EXPECT_EQ(parseModel("starcoder2-3b").spec().mask.window, 4096);
  EXPECT_EQ(parseModel("mixtral-8x7b").spec().mask.window, std::nullopt);
  EXPECT_EQ(parseModel("qwen2-7b").spec().mask.window, std::nullopt);
  EXPECT_EQ(parseModel("llama-3-8b").spec().mask.window, std::nullopt);
}

TEST(ModelNorm, Qwen3NormsEveryHead) {
  EXPECT_EQ(parseModel("qwen3-8b").spec().qkNorm, (QKNormSpec{NormKind::RMS, 1e-6, 0.0}));
  EXPECT_FALSE(parseModel("qwen2-7b").spec().qkNorm);
}

TEST(ModelAlibi, PowersOfTwo) {
  for (const char *name : {"bloom-7b1", "mpt-7b"}) {
    Parsed parsed = parseModel(name);
    ASSERT_TRUE(parsed.spec().alibi) << name;
    EXPECT_FALSE(parsed.spec().rope) << name;
    const std::vector<double> &slopes = parsed.spec().alibi->slopes;
    ASSERT_EQ(slopes.size(), 32u) << name;
    EXPECT_DOUBLE_EQ(slopes[0], std::exp2(-0.25)) << name;
    EXPECT_DOUBLE_EQ(slopes[31], 1.0 / 256.0) << name;
  }
}

TEST(ModelLatent, DeepSeekV2Lite) {
  Parsed parsed = parseModel("deepseek-v2-lite");
  LatentSpec expected{512, std::nullopt, 128, 64, 128};
  EXPECT_EQ(parsed.spec().latent, expected);
  const RopeSpec &rope = *parsed.spec().rope;
  EXPECT_EQ(rope.dims, 64);
  EXPECT_EQ(rope.start, 128);
  EXPECT_EQ(rope.style, RopeStyle::Interleaved);
  EXPECT_EQ(rope.scaling.kind, RopeScalingKind::Yarn);
  EXPECT_EQ(rope.scaling.attentionFactor, 1.0) << "equal mscales cancel in cos and sin";
  // 192^-1/2 * (0.1 * 0.707 * ln 40 + 1)^2
  EXPECT_NEAR(parsed.spec().scale, 0.11472138679292611, 1e-14);
}

TEST(ModelLatent, DeepSeekV3AndKimiK2) {
  Parsed deepseek = parseModel("deepseek-v3");
  EXPECT_EQ(deepseek.spec().latent, (LatentSpec{512, 1536, 128, 64, 128}));
  // 192^-1/2 * (0.1 * ln 40 + 1)^2
  EXPECT_NEAR(deepseek.spec().scale, 0.1352337788608801, 1e-14);
  Parsed kimi = parseModel("kimi-k2");
  EXPECT_EQ(kimi.spec().latent, (LatentSpec{512, 1536, 128, 64, 128}));
  EXPECT_EQ(kimi.spec().rope->base, 50000.0);
  EXPECT_EQ(kimi.spec().rope->scaling.betaFast, 1.0);
}

TEST(ModelLatent, MiniCPM3) {
  Parsed parsed = parseModel("minicpm3-4b");
  EXPECT_EQ(parsed.spec().latent, (LatentSpec{256, 768, 64, 32, 64}));
  EXPECT_EQ(parsed.spec().rope->style, RopeStyle::Halves);
  EXPECT_EQ(parsed.spec().rope->start, 64);
  EXPECT_EQ(parsed.spec().rope->scaling.kind, RopeScalingKind::LongRope);
  EXPECT_EQ(parsed.spec().rope->scaling.attentionFactor, 1.0) << "the length is not stretched";
  EXPECT_DOUBLE_EQ(parsed.spec().scale, 1.0 / std::sqrt(96.0));
}

} // namespace
