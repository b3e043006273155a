//===- FamilyRulesTest.cpp - rules and defaults the examples do not show --===//

#include "ParseForTest.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::test;

namespace {

/// A small config of `type`: two heads of 64, four layers; `extra` is appended to the object.
Parsed small(StringRef type, StringRef extra = "") {
  // Gemma 3 falls back to 4 key heads, which would not divide two query heads.
  std::string kvHeads = type == "gemma3_text" ? "\"num_key_value_heads\": 2, " : "";
  std::string text = "{\"model_type\": \"" + type.str() +
                     "\", \"hidden_size\": 128, \"num_attention_heads\": 2, " + kvHeads +
                     "\"num_hidden_layers\": 4" + (extra.empty() ? "" : ", " + extra.str()) + "}";
  return parse(text);
}

std::vector<int64_t> windowLayers(const Parsed &parsed) {
  EXPECT_TRUE(parsed.ok()) << parsed.text();
  if (!parsed.ok())
    return {-1};
  for (const auto &[spec, layers] : parsed.model->specs)
    if (spec.mask.window)
      return layers;
  return {};
}

//===- Heads
//-----------------------------------------------------------------------------------===//

TEST(Heads, AbsentKVHeadsMeanOnePerQueryHead) {
  EXPECT_EQ(small("llama").spec().keyHeads, 2);
  EXPECT_EQ(small("llama", R"("num_key_value_heads": null)").spec().keyHeads, 2);
  EXPECT_EQ(small("llama", R"("num_key_value_heads": 1)").spec().keyHeads, 1);
}

TEST(Heads, HeadDimByFamily) {
  EXPECT_EQ(small("llama").spec().qkDim, 64);
  EXPECT_EQ(small("llama", R"("head_dim": 80)").spec().qkDim, 80);
  EXPECT_EQ(small("qwen3").spec().qkDim, 128);
  EXPECT_EQ(small("gemma").spec().qkDim, 256);
  EXPECT_EQ(small("gpt_oss").spec().qkDim, 64);
}

TEST(Heads, StatedHeadDimNeedsNoDivision) {
  Parsed parsed = small("llama", R"("head_dim": 96, "rope_theta": 1e4)");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_DOUBLE_EQ(parsed.spec().scale, 1.0 / std::sqrt(96.0));
}

TEST(Heads, DTypeInBothSpellings) {
  EXPECT_EQ(small("llama").spec().dtype, ElementKind::F32);
  EXPECT_EQ(small("llama", R"("torch_dtype": "bfloat16")").spec().dtype, ElementKind::BF16);
  EXPECT_EQ(small("llama", R"("dtype": "float16")").spec().dtype, ElementKind::F16);
  EXPECT_EQ(small("llama", R"("torch_dtype": "torch.float16")").spec().dtype, ElementKind::F16);
}

TEST(Heads, FalconGenerations) {
  EXPECT_EQ(small("falcon").spec().keyHeads, 1);
  EXPECT_EQ(small("falcon", R"("multi_query": false)").spec().keyHeads, 2);
  EXPECT_EQ(
      small("falcon", R"("new_decoder_architecture": true, "num_kv_heads": 1)").spec().keyHeads, 1);
  Parsed old = parse(R"({"model_type": "RefinedWeb", "hidden_size": 512, "n_head": 8, "n_layer": 3,
                         "new_decoder_architecture": true, "n_head_kv": 4})");
  ASSERT_TRUE(old.ok()) << old.text();
  EXPECT_EQ(old.spec().queryHeads, 8);
  EXPECT_EQ(old.spec().keyHeads, 4);
  EXPECT_EQ(old.model->numLayers, 3);
}

TEST(Heads, MptGroups) {
  auto kv = [](StringRef attention) {
    Parsed parsed = parse((R"({"model_type": "mpt", "d_model": 256, "n_heads": 4, "n_layers": 1,
                              "attn_config": {)" +
                           attention + "}}")
                              .str());
    return parsed.ok() ? parsed.spec().keyHeads : -1;
  };
  EXPECT_EQ(kv(""), 4);
  EXPECT_EQ(kv(R"("attn_type": "multiquery_attention")"), 1);
  EXPECT_EQ(kv(R"("attn_type": "grouped_query_attention", "kv_n_heads": 2)"), 2);
}

//===- Scale and scores
//------------------------------------------------------------------------===//

TEST(Scale, StatedFactors) {
  EXPECT_EQ(small("granite", R"("attention_multiplier": 0.0078125)").spec().scale, 0.0078125);
  EXPECT_EQ(small("gemma2", R"("query_pre_attn_scalar": 64)").spec().scale, 0.125);
  EXPECT_EQ(small("gpt2", R"("scale_attn_weights": false)").spec().scale, 1.0);
  EXPECT_EQ(small("mpt", R"("attn_config": {"softmax_scale": 0.5})").spec().scale, 0.5);
}

TEST(Scale, Gpt2ByInverseLayer) {
  Parsed parsed = small("gpt2", R"("scale_attn_by_inverse_layer_idx": true)");
  ASSERT_EQ(parsed.model->specs.size(), 4u);
  EXPECT_DOUBLE_EQ(parsed.spec(3).scale, 0.125 / 4);
  EXPECT_EQ(specNames(*parsed.model)[3], "m_3");
}

TEST(Softcap, DefaultAndNullDiffer) {
  EXPECT_EQ(small("gemma2").spec().softcap, 50.0);
  EXPECT_EQ(small("gemma2", R"("attn_logit_softcapping": null)").spec().softcap, std::nullopt);
  EXPECT_EQ(small("gemma2", R"("attn_logit_softcapping": 30)").spec().softcap, 30.0);
}

//===- Masks
//-----------------------------------------------------------------------------------===//

TEST(Window, AbsentAndNull) {
  EXPECT_EQ(small("mistral").spec().mask.window, 4096);
  EXPECT_EQ(small("mistral", R"("sliding_window": null)").spec().mask.window, std::nullopt);
  EXPECT_EQ(small("phi3").spec().mask.window, std::nullopt);
  EXPECT_EQ(small("starcoder2", R"("sliding_window": 7)").spec().mask.window, 7);
}

TEST(Window, QwenRule) {
  StringRef from2 = R"("use_sliding_window": true, "sliding_window": 8, "max_window_layers": 2)";
  EXPECT_EQ(windowLayers(small("qwen2", from2)), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(windowLayers(small("qwen3", from2)), (std::vector<int64_t>{2, 3}));
  StringRef all = R"("use_sliding_window": true, "sliding_window": 8, "max_window_layers": 0)";
  EXPECT_EQ(windowLayers(small("qwen2", all)).size(), 4u);
  EXPECT_TRUE(windowLayers(small("qwen2", R"("sliding_window": 8)")).empty());
}

TEST(Window, LayerTypesDecide) {
  StringRef types = R"("sliding_window": 16, "layer_types": ["full_attention",
    "sliding_attention", "sliding_attention", "full_attention"])";
  for (StringRef family : {"mistral", "gemma2", "cohere2", "gpt_oss", "gemma3_text"})
    EXPECT_EQ(windowLayers(small(family, types)), (std::vector<int64_t>{1, 2})) << family.str();
}

TEST(Window, Patterns) {
  StringRef two = R"("sliding_window_pattern": 2)";
  EXPECT_EQ(windowLayers(small("cohere2", two)), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(windowLayers(small("gemma3_text", R"("_sliding_window_pattern": 2)")),
            (std::vector<int64_t>{0, 2}));
  EXPECT_TRUE(windowLayers(small("gemma3_text", R"("sliding_window_pattern": 1)")).empty());
}

TEST(Window, SmolLM3SlidesWithoutPositions) {
  Parsed parsed = small("smollm3", R"("use_sliding_window": true, "sliding_window": 5,
                                      "no_rope_layers": [1, 0, 1, 0])");
  EXPECT_EQ(windowLayers(parsed), (std::vector<int64_t>{1, 3}));
  EXPECT_FALSE(parsed.spec(1).rope);
}

//===- Positions
//-------------------------------------------------------------------------------===//

TEST(Rope, NewerGenerationFlat) {
  Parsed parsed = small("llama", R"("rope_parameters": {"rope_type": "linear", "factor": 4.0,
                                    "rope_theta": 5000.0, "partial_rotary_factor": 0.5})");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_EQ(parsed.spec().rope->base, 5000.0);
  EXPECT_EQ(parsed.spec().rope->dims, 32);
  EXPECT_EQ(parsed.spec().rope->scaling.kind, RopeScalingKind::Linear);
  EXPECT_EQ(parsed.spec().rope->scaling.factor, 4.0);
}

TEST(Rope, BothGenerationsGiveOneSpec) {
  StringRef older = R"("rope_theta": 2e4, "max_position_embeddings": 64,
                       "rope_scaling": {"type": "dynamic", "factor": 2.0})";
  StringRef newer = R"("max_position_embeddings": 64,
    "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 2e4})";
  EXPECT_EQ(small("llama", older).spec(), small("llama", newer).spec());
  EXPECT_EQ(small("llama", older).spec().rope->scaling.originalPositions, 64);
}

TEST(Rope, NewerGenerationPerLayerType) {
  Parsed parsed = small("gemma3_text", R"("sliding_window_pattern": 2, "rope_parameters": {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_EQ(parsed.spec(0).rope->base, 1e4);
  EXPECT_EQ(parsed.spec(0).rope->scaling.kind, RopeScalingKind::None);
  EXPECT_EQ(parsed.spec(1).rope->base, 1e6);
  EXPECT_EQ(parsed.spec(1).rope->scaling.factor, 8.0);
}

TEST(Rope, YarnDefaultsAndOverride) {
  StringRef text = R"("max_position_embeddings": 128, "rope_scaling": {"rope_type": "yarn",
                       "original_max_position_embeddings": 32)";
  RopeScaling implied = small("qwen2", text.str() + "}").spec().rope->scaling;
  EXPECT_EQ(implied.factor, 4.0) << "the ratio of the lengths";
  EXPECT_EQ(implied.betaFast, 32.0);
  EXPECT_EQ(implied.betaSlow, 1.0);
  EXPECT_TRUE(implied.truncate);
  EXPECT_DOUBLE_EQ(implied.attentionFactor, 0.1 * std::log(4.0) + 1.0);
  RopeScaling given =
      small("qwen2", text.str() + R"(, "attention_factor": 2.5})").spec().rope->scaling;
  EXPECT_EQ(given.attentionFactor, 2.5);
}

TEST(Rope, YarnRatioOfMscales) {
  RopeScaling scaling = small("llama", R"("rope_scaling": {"type": "yarn", "factor": 40,
    "mscale": 2.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 32})")
                            .spec()
                            .rope->scaling;
  double log = std::log(40.0);
  EXPECT_DOUBLE_EQ(scaling.attentionFactor, (0.2 * log + 1.0) / (0.1 * log + 1.0));
}

TEST(Rope, FirstNameOfLongRope) {
  std::string ones = "[" + std::string("1, ") + "1, 1, 1]";
  Parsed parsed = small("phi3", R"("partial_rotary_factor": 0.125, "max_position_embeddings": 8,
    "original_max_position_embeddings": 8, "rope_scaling": {"type": "su",
    "short_factor": )" + ones + R"(, "long_factor": )" +
                                    ones + "}");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_EQ(parsed.spec().rope->scaling.kind, RopeScalingKind::LongRope);
  EXPECT_EQ(parsed.spec().rope->dims, 8);
}

TEST(Rope, GptOssScalesWhenNothingIsGiven) {
  EXPECT_EQ(small("gpt_oss").spec().rope->scaling.kind, RopeScalingKind::Yarn);
  EXPECT_EQ(small("gpt_oss", R"("rope_scaling": null)").spec().rope->scaling, RopeScaling());
}

TEST(Rope, GptJTurnsTheWholeHeadOnNull) {
  EXPECT_EQ(small("gptj").spec().rope->dims, 64);
  EXPECT_EQ(small("gptj", R"("rotary_dim": null)").spec().rope->dims, 64);
  EXPECT_EQ(small("gptj", R"("rotary_dim": 16)").spec().rope->dims, 16);
}

TEST(Alibi, BloomSlopesOfOddCounts) {
  Parsed parsed = parse(R"({"model_type": "bloom", "hidden_size": 96, "n_head": 6, "n_layer": 1})");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  std::vector<double> exponents = {2, 4, 6, 8, 1, 3};
  ASSERT_EQ(parsed.spec().alibi->slopes.size(), 6u);
  for (size_t i = 0; i < 6; ++i)
    EXPECT_DOUBLE_EQ(parsed.spec().alibi->slopes[i], std::exp2(-exponents[i])) << i;
}

TEST(Alibi, MptSlopesOfOddCounts) {
  Parsed parsed = parse(R"({"model_type": "mpt", "d_model": 96, "n_heads": 6, "n_layers": 1,
                            "attn_config": {"alibi_bias_max": 16}})");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  std::vector<double> exponents = {4, 8, 12, 16, 2, 6};
  ASSERT_EQ(parsed.spec().alibi->slopes.size(), 6u);
  for (size_t i = 0; i < 6; ++i)
    EXPECT_DOUBLE_EQ(parsed.spec().alibi->slopes[i], std::exp2(-exponents[i])) << i;
}

TEST(Alibi, FalconScalesTheBias) {
  Parsed parsed = small("falcon", R"("alibi": true, "multi_query": false)");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_FALSE(parsed.spec().rope);
  EXPECT_DOUBLE_EQ(parsed.spec().alibi->slopes[1], std::exp2(-8.0) * 0.125);
}

TEST(Alibi, MptWithout) {
  Parsed parsed = small("mpt", R"("attn_config": {"alibi": false, "clip_qkv": 6})");
  EXPECT_FALSE(parsed.spec().alibi);
  EXPECT_EQ(parsed.spec().clipQKV, 6.0);
}

//===- Biases
//----------------------------------------------------------------------------------===//

using Names = std::vector<StringRef>;
const Names all = {"query", "key", "value", "output"};

TEST(Biases, OfTheProjectionsThatHaveThem) {
  EXPECT_EQ(small("llama").spec().bias, Names());
  EXPECT_EQ(small("llama", R"("attention_bias": true)").spec().bias, all);
  EXPECT_EQ(small("qwen2").spec().bias, (Names{"query", "key", "value"}));
  for (StringRef type : {"gpt2", "bloom", "gpt_neox", "gpt_oss", "starcoder2"})
    EXPECT_EQ(small(type).spec().bias, all) << type.str();
  EXPECT_EQ(small("starcoder2", R"("use_bias": false)").spec().bias, Names());
  EXPECT_EQ(small("falcon", R"("bias": true)").spec().bias, all);
  EXPECT_EQ(small("mpt", R"("no_bias": false)").spec().bias, all);
}

TEST(Biases, OfTheWaysIntoLatents) {
  StringRef sizes = R"("kv_lora_rank": 32, "qk_nope_head_dim": 64, "qk_rope_head_dim": 16,
                       "v_head_dim": 64, "attention_bias": true)";
  EXPECT_EQ(small("deepseek_v2", sizes).spec().bias, (Names{"latent", "output"}));
  EXPECT_EQ(small("deepseek_v3", (sizes + R"(, "q_lora_rank": 48)").str()).spec().bias,
            (Names{"query", "latent", "output"}));
}

TEST(Biases, ReadersOfAnotherLayerHaveNoKeysToAddTo) {
  Parsed parsed =
      small("llama", R"("use_cla": true, "cla_share_factor": 2, "attention_bias": true)");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  EXPECT_EQ(parsed.spec(0).bias, all);
  EXPECT_EQ(parsed.spec(1).bias, (Names{"query", "output"}));
}

//===- Layers and names
//------------------------------------------------------------------------===//

TEST(Sharing, GroupsReadTheirFirstLayer) {
  Parsed parsed = small("llama", R"("use_cla": true, "cla_share_factor": 2)");
  ASSERT_TRUE(parsed.ok()) << parsed.text();
  ASSERT_EQ(parsed.model->specs.size(), 3u);
  EXPECT_EQ(parsed.layers(0), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(parsed.spec(1).kvFrom, 0);
  EXPECT_EQ(parsed.spec(2).kvFrom, 2);
  EXPECT_EQ(parsed.layers(2), (std::vector<int64_t>{3}));
}

TEST(Names, FromFileOrConfig) {
  StringRef text = R"({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 1,
                       "num_hidden_layers": 1, "_name_or_path": "a/My-Model.v2"})";
  auto name = [&](StringRef file) { return specNames(*parse(text, file).model)[0]; };
  EXPECT_EQ(name("dir/llama-3.1-8b.json"), "llama_3_1_8b");
  EXPECT_EQ(name("dir/config.json"), "my_model_v2");
  EXPECT_EQ(name("dir/7b.json"), "model_7b");
}

TEST(Names, KnownTypesAreSorted) {
  std::vector<StringRef> types = knownModelTypes();
  EXPECT_TRUE(is_sorted(types));
  for (StringRef type :
       {"llama",      "mistral",     "mixtral",     "qwen2",       "qwen3",    "phi3",
        "gemma",      "gemma2",      "gemma3",      "gemma3_text", "cohere2",  "gpt_oss",
        "gpt2",       "gpt_neox",    "gptj",        "falcon",      "bloom",    "mpt",
        "starcoder2", "deepseek_v2", "deepseek_v3", "kimi_k2",     "minicpm3", "smollm3"})
    EXPECT_TRUE(is_contained(types, type)) << type.str();
}

} // namespace
