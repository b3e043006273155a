//===- FamiliesGemma.cpp - gemma, gemma2, gemma3 --------------------------===//

#include "Common.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// Gemma 2 and 3 divide the scores by the root of `query_pre_attn_scalar` (default 256), whatever
/// the head size is.
double readPreScale(ConfigReader &config) {
  return 1.0 / std::sqrt(config.positiveOr({"query_pre_attn_scalar"}, 256.0));
}

/// Absent and null differ: the default is a value, and null switches the feature off.
std::optional<double> readSoftcap(ConfigReader &config, std::optional<double> absent) {
  constexpr StringLiteral key = "attn_logit_softcapping";
  return config.mentions(key) ? config.maybePositive({key}) : absent;
}

std::optional<int64_t> readWindow(ConfigReader &config) {
  if (!config.mentions("sliding_window"))
    return 4096;
  return config.maybeCount({"sliding_window"}, maxPositions);
}

void buildGemma(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config, {/*defaultDim=*/256});
  spec.rope = readRope(config, {spec.qkDim});
  addAllLayers(config, model, spec);
}

/// Every other layer slides, the first does. Scores are capped at 50 when the key is absent.
void buildGemma2(ConfigReader &config, ModelAttention &model) {
  LayerSpec local = readHeads(config, {/*defaultDim=*/256});
  local.scale = readPreScale(config);
  local.softcap = readSoftcap(config, 50.0);
  LayerSpec global = local;
  local.rope = readRope(config, {local.qkDim}, "sliding_attention");
  global.rope = readRope(config, {local.qkDim});
  auto sliding = readSliding(config, model.numLayers, [](int64_t i) { return i % 2 == 0; });
  addWindowLayers(config, model, sliding, readWindow(config), local, global);
}

/// Published configs leave out whatever equals the family's default, even the head counts, so
/// these have fallbacks here and in no other family.
LayerSpec readGemma3Heads(ConfigReader &config) {
  LayerSpec spec;
  spec.width = config.countOr({"hidden_size"}, 2304, maxWidth);
  spec.queryHeads = config.countOr({"num_attention_heads"}, 8, maxHeads);
  spec.keyHeads = spec.valueHeads = config.countOr({"num_key_value_heads"}, 4, maxHeads);
  checkGroups(config, {"num_key_value_heads"}, spec.queryHeads, spec.keyHeads);
  spec.qkDim = spec.vDim = config.countOr({"head_dim"}, 256, maxValueDim);
  spec.bias = biasesIf(config.flagOr({"attention_bias"}, false));
  spec.scale = readPreScale(config);
  spec.softcap = readSoftcap(config, std::nullopt);
  // Gemma stores the norm's gain minus one.
  spec.qkNorm = QKNormSpec{NormKind::RMS, config.positiveOr({"rms_norm_eps"}, 1e-6), 1.0};
  return spec;
}

/// Global layers have base 1e6 and may be scaled; local ones have a base of their own, 1e4, and
/// never are.
void addGemma3Layers(ConfigReader &config, ModelAttention &model, LayerSpec spec) {
  LayerSpec local = spec;
  RopeRule rule{spec.qkDim};
  rule.base = 1e6;
  spec.rope = readRope(config, rule);
  rule = {spec.qkDim};
  rule.baseKey = "rope_local_base_freq";
  rule.scaled = false;
  local.rope = readRope(config, rule, "sliding_attention");
  // Five of six layers slide; the sixth is global.
  int64_t every =
      config.countOr({"sliding_window_pattern", "_sliding_window_pattern"}, 6, maxLayers);
  auto sliding =
      readSliding(config, model.numLayers, [&](int64_t i) { return (i + 1) % every != 0; });
  addWindowLayers(config, model, sliding, readWindow(config), local, spec);
}

void buildGemma3Text(ConfigReader &config, ModelAttention &model) {
  refuseFlag(config, "use_bidirectional_attention",
             "encoder variants are not read yet, write their mask as an attn.spec");
  LayerSpec spec = readGemma3Heads(config);
  spec.dtype = readDType(config);
  addGemma3Layers(config, model, spec);
}

/// The multimodal wrapper: everything stands in `text_config`, except that the dtype may stand
/// outside. Image tokens see each other both ways; that mask depends on the input and is not part
/// of the spec.
void buildGemma3(ConfigReader &config, ModelAttention &model) {
  std::optional<ConfigReader> text = config.maybeObject("text_config");
  if (!text) {
    if (!config.failed())
      config.error("text_config", "expected 'text_config' to be an object, found none; give the "
                                  "whole config, or the text part with model_type gemma3_text");
    return;
  }
  model.numLayers = text->countOr({"num_hidden_layers"}, 26, maxLayers);
  refuseFlag(*text, "use_bidirectional_attention",
             "encoder variants are not read yet, write their mask as an attn.spec");
  LayerSpec spec = readGemma3Heads(*text);
  spec.dtype = readDType(*text, readDType(config));
  addGemma3Layers(*text, model, spec);
}

constexpr Family families[] = {
    {"gemma", buildGemma},
    {"gemma2", buildGemma2},
    {"gemma3", buildGemma3, /*nested=*/true},
    {"gemma3_text", buildGemma3Text},
};

} // namespace

ArrayRef<Family> hf::gemmaFamilies() { return families; }
