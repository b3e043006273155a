//===- FamiliesPlain.cpp - llama and its closest relatives ----------------===//
//
// Rotary positions in halves on the whole head, even head groups, and at most one window rule.

#include "Common.h"

#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// The window of a family that knows only "every layer slides, or none". `absent` is the window
/// of a config without the key; null always means none.
std::optional<int64_t> readWindow(ConfigReader &config, std::optional<int64_t> absent) {
  if (!config.mentions("sliding_window"))
    return absent;
  return config.maybeCount({"sliding_window"}, maxPositions);
}

/// Layers that all follow one rule; `layer_types`, where present, still decides each one.
void addUniform(ConfigReader &config, ModelAttention &model, const LayerSpec &spec,
                std::optional<int64_t> window) {
  auto sliding = readSliding(config, model.numLayers, [&](int64_t) { return window.has_value(); });
  addWindowLayers(config, model, sliding, window, spec, spec);
}

/// Hunyuan's and others' way to write cross-layer attention: groups of `cla_share_factor` layers
/// read the keys and values of their first.
void shareLayers(ConfigReader &config, ModelAttention &model, const LayerSpec &spec) {
  int64_t factor = config.count({"cla_share_factor"}, maxLayers);
  for (int64_t i = 0; i < model.numLayers && !config.failed(); ++i) {
    LayerSpec layer = spec;
    if (i % factor) {
      layer.kvFrom = i - i % factor;
      erase_if(layer.bias, [](StringRef name) { return name == "key" || name == "value"; });
    }
    addLayer(model, layer, i);
  }
}

void buildLlama(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  if (config.flagOr({"use_cla"}, false))
    return shareLayers(config, model, spec);
  addUniform(config, model, spec, std::nullopt);
}

/// Granite is llama with a stated factor on the scores (default 1).
void buildGranite(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  spec.scale = config.positiveOr({"attention_multiplier"}, 1.0);
  addUniform(config, model, spec, std::nullopt);
}

/// Mistral's window is 4096 when the key is absent.
void buildMistral(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  addUniform(config, model, spec, readWindow(config, 4096));
}

/// Mixtral: base 1e6, no window when the key is absent.
void buildMixtral(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  RopeRule rope{spec.qkDim};
  rope.base = 1e6;
  spec.rope = readRope(config, rope);
  addUniform(config, model, spec, readWindow(config, std::nullopt));
}

/// Phi-3: part of the head may be turned, and no window when the key is absent.
void buildPhi3(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  addUniform(config, model, spec, readWindow(config, std::nullopt));
}

/// StarCoder2 has biases unless `use_bias` is false.
void buildStarcoder2(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  spec.bias = biasesIf(config.flagOr({"use_bias"}, true));
  addUniform(config, model, spec, readWindow(config, std::nullopt));
}

/// Qwen's rule: with `use_sliding_window` (default false), layers from `max_window_layers`
/// (default 28) on slide by `sliding_window` (default 4096).
void addQwenLayers(ConfigReader &config, ModelAttention &model, const LayerSpec &spec) {
  std::optional<int64_t> window = readWindow(config, 4096);
  if (!config.flagOr({"use_sliding_window"}, false))
    window = std::nullopt;
  int64_t first = config.indexOr({"max_window_layers"}, 28, maxLayers);
  auto sliding = readSliding(config, model.numLayers,
                             [&](int64_t i) { return window.has_value() && i >= first; });
  addWindowLayers(config, model, sliding, window, spec, spec);
}

/// Qwen2's query, key and value projections always have biases.
void buildQwen2(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config);
  spec.rope = readRope(config, {spec.qkDim});
  spec.bias = {"query", "key", "value"};
  addQwenLayers(config, model, spec);
}

/// Qwen3: heads of 128 when `head_dim` is absent, and an RMS norm on every query and key head.
void buildQwen3(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config, {/*defaultDim=*/128});
  spec.rope = readRope(config, {spec.qkDim});
  spec.qkNorm = QKNormSpec{NormKind::RMS, config.positiveOr({"rms_norm_eps"}, 1e-6), 0.0};
  addQwenLayers(config, model, spec);
}

constexpr Family families[] = {
    {"llama", buildLlama},     {"granite", buildGranite}, {"mistral", buildMistral},
    {"mixtral", buildMixtral}, {"phi3", buildPhi3},       {"starcoder2", buildStarcoder2},
    {"qwen2", buildQwen2},     {"qwen3", buildQwen3},
};

} // namespace

ArrayRef<Family> hf::plainFamilies() { return families; }
