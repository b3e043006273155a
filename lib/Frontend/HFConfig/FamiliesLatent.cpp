//===- FamiliesLatent.cpp - deepseek_v2, deepseek_v3, kimi_k2, minicpm3 ---===//
//
// Multi-head latent attention: keys and values are expanded from one row per token.

#include "Common.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// Every head has its own key after the expansion; a config that says otherwise is wrong.
void checkNoGroups(ConfigReader &config, int64_t queryHeads) {
  int64_t kvHeads = config.countOr({"num_key_value_heads"}, queryHeads, maxHeads);
  if (!config.failed() && kvHeads != queryHeads)
    config.error("num_key_value_heads",
                 "expected 'num_key_value_heads' to equal the " + Twine(queryHeads) +
                     " query heads, since latent attention expands one key per head, found " +
                     Twine(kvHeads) + "; correct or remove it");
}

/// `defaultV` is the value size when `v_head_dim` is absent; 0 makes the key required.
LatentSpec readLatent(ConfigReader &config, int64_t defaultV) {
  LatentSpec latent;
  latent.kvRank = config.count({"kv_lora_rank"}, maxWidth);
  latent.qRank = config.maybeCount({"q_lora_rank"}, maxWidth);
  latent.nopeDim = config.count({"qk_nope_head_dim"}, maxHeadDim);
  latent.ropeDim = config.count({"qk_rope_head_dim"}, maxHeadDim);
  latent.vDim = defaultV ? config.countOr({"v_head_dim"}, defaultV, maxValueDim)
                         : config.count({"v_head_dim"}, maxValueDim);
  if (!config.failed() && latent.nopeDim + latent.ropeDim > maxHeadDim)
    config.error("qk_nope_head_dim",
                 "expected qk_nope_head_dim + qk_rope_head_dim to be at most " + Twine(maxHeadDim) +
                     ", found " + Twine(latent.nopeDim + latent.ropeDim) + "; correct one of them");
  return latent;
}

/// `attention_bias` is of the projections into a latent, and of the output's.
std::vector<StringRef> latentBiases(const LatentSpec &latent) {
  if (latent.qRank)
    return {"query", "latent", "output"};
  return {"latent", "output"};
}

LayerSpec readLatentHeads(ConfigReader &config, bool vFromWidth) {
  LayerSpec spec;
  spec.width = config.count({"hidden_size"}, maxWidth);
  spec.queryHeads = config.count({"num_attention_heads"}, maxHeads);
  spec.keyHeads = spec.valueHeads = spec.queryHeads;
  checkNoGroups(config, spec.queryHeads);
  bool divide = vFromWidth && !config.has({"v_head_dim"});
  spec.latent = readLatent(config, divide ? divideWidth(config, spec.width, spec.queryHeads) : 0);
  spec.qkDim = spec.latent->nopeDim + spec.latent->ropeDim;
  spec.vDim = spec.latent->vDim;
  spec.dtype = readDType(config);
  spec.scale = 1.0 / std::sqrt(double(spec.qkDim));
  if (config.flagOr({"attention_bias"}, false))
    spec.bias = latentBiases(*spec.latent);
  return spec;
}

/// The rope part stands behind the position-free part of a head.
void readLatentRope(ConfigReader &config, LayerSpec &spec, RopeStyle style) {
  RopeRule rule{spec.latent->ropeDim};
  rule.style = style;
  spec.rope = readRope(config, rule);
  spec.rope->start = spec.latent->nopeDim;
}

/// YaRN's temperature enters twice: as a ratio in cos and sin, and squared in the scale.
void buildDeepSeek(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readLatentHeads(config, /*vFromWidth=*/false);
  bool interleaved = config.flagOr({"rope_interleave"}, true);
  readLatentRope(config, spec, interleaved ? RopeStyle::Interleaved : RopeStyle::Halves);
  const RopeScaling &scaling = spec.rope->scaling;
  if (scaling.kind == RopeScalingKind::Yarn && scaling.mscaleAllDim > 0.0) {
    double mscale = yarnMscale(scaling.factor, scaling.mscaleAllDim);
    spec.scale *= mscale * mscale;
  }
  addAllLayers(config, model, spec);
}

/// MiniCPM3's values have hidden_size / heads elements when no key says so.
void buildMiniCPM3(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readLatentHeads(config, /*vFromWidth=*/true);
  readLatentRope(config, spec, RopeStyle::Halves);
  addAllLayers(config, model, spec);
}

constexpr Family families[] = {
    {"deepseek_v2", buildDeepSeek},
    {"deepseek_v3", buildDeepSeek},
    {"kimi_k2", buildDeepSeek},
    {"minicpm3", buildMiniCPM3},
};

} // namespace

ArrayRef<Family> hf::latentFamilies() { return families; }
