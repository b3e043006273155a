//===- FamiliesAlibi.cpp - bloom, mpt, falcon -----------------------------===//

#include "Common.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

void buildBloom(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config, {0, /*alwaysDivide=*/true});
  spec.bias = biasesIf(true);
  if (!config.failed())
    spec.alibi = makeAlibi(AlibiConvention::Bloom, spec.queryHeads, 8.0);
  addAllLayers(config, model, spec);
}

/// Multi-head, or one key head for all; newer MPT code also knows groups of `kv_n_heads`.
int64_t readMptKVHeads(ConfigReader &attention, int64_t queryHeads) {
  StringRef type = attention.maybeString({"attn_type"}).value_or("multihead_attention");
  if (type == "multihead_attention")
    return queryHeads;
  if (type == "multiquery_attention")
    return 1;
  if (type == "grouped_query_attention")
    return attention.count({"kv_n_heads"}, maxHeads);
  attention.error("attn_type", "expected '" + attention.full("attn_type") +
                                   "' to be multihead_attention, multiquery_attention or "
                                   "grouped_query_attention, found \"" +
                                   type.take_front(40) + "\"; choose one of the three");
  return queryHeads;
}

/// MPT keeps its attention's keys in `attn_config`. ALiBi is on, with a largest bias of 8, when the
/// key is absent.
void readMptAttention(ConfigReader &attention, LayerSpec &spec) {
  refuseFlag(attention, "prefix_lm", "write the mask as an attn.spec with prefix_length");
  refuseFlag(attention, "qk_ln", "a norm across all heads is not read yet");
  refuseFlag(attention, "attn_uses_sequence_id", "write the mask as an attn.spec with document");
  refuseFlag(attention, "rope", "this variant's rotary positions are not read yet");
  spec.keyHeads = spec.valueHeads = readMptKVHeads(attention, spec.queryHeads);
  checkGroups(attention, {"kv_n_heads"}, spec.queryHeads, spec.keyHeads);
  spec.clipQKV = attention.maybePositive({"clip_qkv"});
  spec.scale = attention.positiveOr({"softmax_scale"}, spec.scale);
  double maxBias = attention.positiveOr({"alibi_bias_max"}, 8.0);
  if (attention.flagOr({"alibi"}, true) && !attention.failed())
    spec.alibi = makeAlibi(AlibiConvention::Mpt, spec.queryHeads, maxBias);
}

void buildMpt(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config, {0, /*alwaysDivide=*/true});
  spec.bias = biasesIf(!config.flagOr({"no_bias"}, true));
  if (std::optional<ConfigReader> attention = config.maybeObject("attn_config"))
    readMptAttention(*attention, spec);
  else if (!config.failed())
    spec.alibi = makeAlibi(AlibiConvention::Mpt, spec.queryHeads, 8.0);
  addAllLayers(config, model, spec);
}

/// The newer decoder has groups; the older one has one key head (`multi_query`, the default) or
/// one per query head.
int64_t readFalconKVHeads(ConfigReader &config, int64_t queryHeads) {
  static const Keys keys = {"num_kv_heads", "n_head_kv"};
  bool multiQuery = config.flagOr({"multi_query"}, true);
  if (!config.flagOr({"new_decoder_architecture"}, false))
    return multiQuery ? 1 : queryHeads;
  int64_t heads = config.countOr(keys, queryHeads, maxHeads);
  checkGroups(config, keys, queryHeads, heads);
  return heads;
}

/// Rotary positions unless `alibi` is set. Falcon scales the sum of product and bias, so the slopes
/// carry the scale too.
void buildFalcon(ConfigReader &config, ModelAttention &model) {
  LayerSpec spec = readHeads(config, {0, /*alwaysDivide=*/true});
  spec.keyHeads = spec.valueHeads = readFalconKVHeads(config, spec.queryHeads);
  spec.bias = biasesIf(config.flagOr({"bias"}, false));
  if (!config.flagOr({"alibi"}, false))
    spec.rope = readRope(config, {spec.qkDim});
  else if (!config.failed())
    spec.alibi = makeAlibi(AlibiConvention::Bloom, spec.queryHeads, 8.0, spec.scale);
  addAllLayers(config, model, spec);
}

constexpr Family families[] = {
    {"bloom", buildBloom},
    {"mpt", buildMpt},
    {"falcon", buildFalcon},
    // The names Falcon's first configs (7B, then 40B) came with.
    {"RefinedWebModel", buildFalcon},
    {"RefinedWeb", buildFalcon},
};

} // namespace

ArrayRef<Family> hf::alibiFamilies() { return families; }
