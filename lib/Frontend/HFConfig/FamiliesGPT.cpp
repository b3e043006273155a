//===- FamiliesGPT.cpp - gpt2, gpt_neox, gptj -----------------------------===//
//
// Multi-head attention throughout; keys are spelled n_embd, n_head, n_layer in two of them.

#include "Common.h"

#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

LayerSpec readMultiHead(ConfigReader &config) {
  if (config.has({"num_key_value_heads"}))
    config.error("num_key_value_heads", "expected no '" + config.full("num_key_value_heads") +
                                            "', since this family has one key head per query "
                                            "head, found it; remove it or correct model_type");
  return readHeads(config, {0, /*alwaysDivide=*/true});
}

/// Learned absolute positions are added to the tokens, so the attention has none. Two switches
/// change the scale, one of them layer by layer.
void buildGpt2(ConfigReader &config, ModelAttention &model) {
  refuseFlag(config, "add_cross_attention", "cross attention is not read yet");
  LayerSpec spec = readMultiHead(config);
  spec.bias = biasesIf(true);
  if (!config.flagOr({"scale_attn_weights"}, true))
    spec.scale = 1.0;
  if (!config.flagOr({"scale_attn_by_inverse_layer_idx"}, false))
    return addAllLayers(config, model, spec);
  for (int64_t i = 0; i < model.numLayers && !config.failed(); ++i) {
    LayerSpec layer = spec;
    layer.scale /= double(i + 1);
    addLayer(model, layer, i);
  }
}

/// A quarter of the head is turned when no key says how much.
void buildGptNeoX(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readMultiHead(config);
  spec.bias = biasesIf(config.flagOr({"attention_bias"}, true));
  RopeRule rule{spec.qkDim};
  rule.partial = 0.25;
  // Both spellings may be there as long as they agree, which this reading checks.
  config.maybePositive({"rope_theta", "rotary_emb_base"});
  rule.baseKey = config.has({"rope_theta"}) ? "rope_theta" : "rotary_emb_base";
  spec.rope = readRope(config, rule);
  addAllLayers(config, model, spec);
}

/// `rotary_dim` (default 64) counts entries, in pairs (2i, 2i+1); null turns the whole head. The
/// base is fixed at 10000.
void buildGptJ(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readMultiHead(config);
  int64_t fallback = config.mentions("rotary_dim") ? spec.qkDim : 64;
  int64_t dims = config.countOr({"rotary_dim"}, fallback, maxHeadDim);
  if (!config.failed() && (dims > spec.qkDim || dims % 2))
    config.error("rotary_dim", "expected 'rotary_dim' to be even and at most the head's " +
                                   Twine(spec.qkDim) + ", found " + Twine(dims) +
                                   "; correct it or the head size");
  RopeRule rule{dims};
  rule.style = RopeStyle::Interleaved;
  spec.rope = readRope(config, rule);
  addAllLayers(config, model, spec);
}

constexpr Family families[] = {
    {"gpt2", buildGpt2},
    {"gpt_neox", buildGptNeoX},
    {"gptj", buildGptJ},
};

} // namespace

ArrayRef<Family> hf::gptFamilies() { return families; }
