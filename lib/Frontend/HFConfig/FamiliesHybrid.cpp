//===- FamiliesHybrid.cpp - cohere2, gpt_oss, smollm3 ---------------------===//
//
// Layers of two kinds that differ in more than the window.

#include "Common.h"

#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// Local layers turn pairs (2i, 2i+1) and slide; every fourth is global and has no positions. The
/// head size is always hidden_size / heads.
void buildCohere2(ConfigReader &config, ModelAttention &model) {
  LayerSpec global = readHeads(config, {0, /*alwaysDivide=*/true});
  LayerSpec local = global;
  RopeRule rule{global.qkDim};
  rule.style = RopeStyle::Interleaved;
  local.rope = readRope(config, rule, "sliding_attention");
  std::optional<int64_t> window = 4096;
  if (config.mentions("sliding_window"))
    window = config.maybeCount({"sliding_window"}, maxPositions);
  int64_t every =
      config.countOr({"sliding_window_pattern", "_sliding_window_pattern"}, 4, maxLayers);
  auto sliding =
      readSliding(config, model.numLayers, [&](int64_t i) { return (i + 1) % every != 0; });
  addWindowLayers(config, model, sliding, window, local, global);
}

/// YaRN by 32 from 4096 positions, with unrounded bounds, when no scaling is given.
RopeScaling gptOssScaling() {
  RopeScaling scaling;
  scaling.kind = RopeScalingKind::Yarn;
  scaling.factor = 32.0;
  scaling.originalPositions = 4096;
  scaling.truncate = false;
  scaling.attentionFactor = yarnMscale(32.0, 1.0);
  return scaling;
}

RopeSpec readGptOssRope(ConfigReader &config, int64_t headDim, StringRef layerType) {
  RopeRule rule{headDim};
  rule.base = 150000.0;
  RopeSpec rope = readRope(config, rule, layerType);
  if (!config.mentions("rope_scaling") && !config.has({"rope_parameters"}))
    rope.scaling = gptOssScaling();
  return rope;
}

/// Every other layer slides by 128, the first does; each head has a learned sink logit. The
/// published weights are bfloat16 though their config names no dtype.
void buildGptOss(ConfigReader &config, ModelAttention &model) {
  LayerSpec global = readHeads(config, {/*defaultDim=*/64});
  global.dtype = readDType(config, ElementKind::BF16);
  global.bias = biasesIf(config.flagOr({"attention_bias"}, true));
  global.sinks = true;
  LayerSpec local = global;
  local.rope = readGptOssRope(config, global.qkDim, "sliding_attention");
  global.rope = readGptOssRope(config, global.qkDim, "full_attention");
  std::optional<int64_t> window = 128;
  if (config.mentions("sliding_window"))
    window = config.maybeCount({"sliding_window"}, maxPositions);
  auto sliding = readSliding(config, model.numLayers, [](int64_t i) { return i % 2 == 0; });
  addWindowLayers(config, model, sliding, window, local, global);
}

/// Which layers have positions: `no_rope_layers` says 1 for those that do, else all but every
/// `no_rope_layer_interval`-th (default 4).
std::vector<bool> readHasRope(ConfigReader &config, int64_t layers) {
  int64_t every = config.countOr({"no_rope_layer_interval"}, 4, maxLayers);
  if (auto given = config.maybeFlags("no_rope_layers", layers))
    return *given;
  std::vector<bool> hasRope(layers);
  for (int64_t i = 0; i < layers; ++i)
    hasRope[i] = (i + 1) % every != 0;
  return hasRope;
}

/// With `use_sliding_window`, the layers without positions slide.
void buildSmolLM3(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  RopeRule rule{spec.qkDim};
  rule.base = 2e6;
  RopeSpec rope = readRope(config, rule);
  std::vector<bool> hasRope = readHasRope(config, model.numLayers);
  std::optional<int64_t> window;
  if (config.flagOr({"use_sliding_window"}, false))
    window = config.maybeCount({"sliding_window"}, maxPositions);
  auto sliding = readSliding(config, model.numLayers,
                             [&](int64_t i) { return window && !config.failed() && !hasRope[i]; });
  for (int64_t i = 0; i < model.numLayers && !config.failed(); ++i) {
    spec.rope = hasRope[i] ? std::optional(rope) : std::nullopt;
    spec.mask.window = sliding[i] ? window : std::nullopt;
    if (sliding[i] && !window)
      config.error("layer_types", "expected 'sliding_window' and 'use_sliding_window' to be set, "
                                  "since layer " +
                                      Twine(i) +
                                      " is a sliding layer, found none in effect; set "
                                      "them or change the layer");
    addLayer(model, spec, i);
  }
}

constexpr Family families[] = {
    {"cohere2", buildCohere2},
    {"gpt_oss", buildGptOss},
    {"smollm3", buildSmolLM3},
};

} // namespace

ArrayRef<Family> hf::hybridFamilies() { return families; }
