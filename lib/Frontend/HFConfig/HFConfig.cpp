//===- HFConfig.cpp - from a config.json's text to its specs --------------===//

#include "attn/Frontend/HFConfig.h"

#include "Common.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

#include <tuple>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

SmallVector<Family> allFamilies() {
  SmallVector<Family> result;
  for (ArrayRef<Family> group : {plainFamilies(), gemmaFamilies(), hybridFamilies(), gptFamilies(),
                                 alibiFamilies(), latentFamilies()})
    result.append(group.begin(), group.end());
  return result;
}

StringRef nearestModelType(StringRef name) {
  SmallVector<Family> families = allFamilies();
  return min_element(families,
                     [&](const Family &a, const Family &b) {
                       return name.edit_distance(a.modelType) < name.edit_distance(b.modelType);
                     })
      ->modelType;
}

void unknownModelType(ConfigReader &config, StringRef name) {
  std::string known = join(knownModelTypes(), ", ");
  // Edit distance is quadratic; a longer name is no misspelling of any of these.
  name = name.take_front(64);
  std::string hint = "; the nearest is \"" + nearestModelType(name).str() + "\"";
  if (config.has({"text_config"}))
    hint = "; its 'text_config' may be readable as a config of its own";
  config.error("model_type",
               "expected 'model_type' to be one of " + known + ", found \"" + name + "\"" + hint);
}

const Family *findFamily(ArrayRef<Family> families, StringRef name) {
  const Family *found = find_if(families, [&](const Family &f) { return f.modelType == name; });
  return found == families.end() ? nullptr : found;
}

/// `llama-3-8b.json` -> llama-3-8b. A bare `config.json` says nothing, so the model's own name is
/// taken there.
std::string modelName(ConfigReader &config, StringRef fileName, StringRef family) {
  StringRef stem = sys::path::stem(fileName);
  if (!stem.empty() && stem != "config" && stem != "-")
    return stem.str();
  StringRef own = sys::path::filename(config.maybeString({"_name_or_path"}).value_or(""));
  return own.empty() || own == "." ? family.str() : own.str();
}

/// Letters, digits and underscores, starting with a letter.
std::string identifier(StringRef name) {
  std::string result;
  for (char c : name.take_front(200)) {
    if (isAlnum(c))
      result += toLower(c);
    else if (!result.empty() && result.back() != '_')
      result += '_';
  }
  while (!result.empty() && result.back() == '_')
    result.pop_back();
  return !result.empty() && isAlpha(result[0]) ? result : "model_" + result;
}

bool differ(const ModelAttention &model, function_ref<bool(const LayerSpec &)> property) {
  return model.specs.size() == 2 &&
         property(model.specs[0].first) != property(model.specs[1].first);
}

} // namespace

std::vector<StringRef> mlir::attn::knownModelTypes() {
  std::vector<StringRef> result;
  for (const Family &family : allFamilies())
    result.push_back(family.modelType);
  sort(result);
  return result;
}

FailureOr<ModelAttention> mlir::attn::parseHFConfig(MemoryBufferRef buffer, ConfigReport report) {
  FailureOr<ConfigText> text = ConfigText::parse(buffer.getBuffer(), report);
  if (failed(text))
    return failure();
  ReadState state{*text, report, false, {}};
  ConfigReader config(state, text->root());
  std::optional<StringRef> type = config.maybeString({"model_type"});
  if (!type) {
    if (!config.failed())
      config.error("", "expected a 'model_type' key, found none; add it, one of " +
                           join(knownModelTypes(), ", "));
    return failure();
  }
  SmallVector<Family> families = allFamilies();
  const Family *family = findFamily(families, *type);
  if (!family) {
    unknownModelType(config, *type);
    return failure();
  }
  ModelAttention model;
  model.family = type->str();
  model.name = modelName(config, buffer.getBufferIdentifier(), *type);
  if (!family->nested)
    model.numLayers = readLayerCount(config);
  family->build(config, model);
  if (config.failed())
    return failure();
  return model;
}

std::vector<std::string> mlir::attn::specNames(const ModelAttention &model) {
  std::string base = identifier(model.name);
  bool byWindow = differ(model, [](const LayerSpec &s) { return s.mask.window.has_value(); });
  bool byRope = differ(model, [](const LayerSpec &s) { return s.rope.has_value(); });
  std::vector<std::string> names;
  for (const auto &[i, entry] : enumerate(model.specs)) {
    std::string suffix = model.specs.size() > 1 ? "_" + utostr(i) : "";
    if (byWindow)
      suffix = entry.first.mask.window ? "_window" : "_global";
    else if (byRope)
      suffix = entry.first.rope ? "_rope" : "_nope";
    names.push_back(base + suffix);
  }
  return names;
}

//===- Equality
//--------------------------------------------------------------------------------===//

bool RopeScaling::operator==(const RopeScaling &other) const {
  auto tie = [](const RopeScaling &s) {
    return std::tie(s.kind, s.factor, s.originalPositions, s.servedPositions, s.attentionFactor,
                    s.betaFast, s.betaSlow, s.truncate, s.mscale, s.mscaleAllDim, s.lowFreqFactor,
                    s.highFreqFactor, s.shortFactor, s.longFactor);
  };
  return tie(*this) == tie(other);
}

bool RopeSpec::operator==(const RopeSpec &other) const {
  return std::tie(base, start, dims, style, scaling) ==
         std::tie(other.base, other.start, other.dims, other.style, other.scaling);
}

bool AlibiSpec::operator==(const AlibiSpec &other) const {
  return std::tie(convention, maxBias, slopes) ==
         std::tie(other.convention, other.maxBias, other.slopes);
}

bool QKNormSpec::operator==(const QKNormSpec &other) const {
  return std::tie(kind, eps, gainOffset) == std::tie(other.kind, other.eps, other.gainOffset);
}

bool MaskSpec::operator==(const MaskSpec &other) const {
  return causal == other.causal && window == other.window;
}

bool LatentSpec::operator==(const LatentSpec &other) const {
  return std::tie(kvRank, qRank, nopeDim, ropeDim, vDim) ==
         std::tie(other.kvRank, other.qRank, other.nopeDim, other.ropeDim, other.vDim);
}

bool LayerSpec::operator==(const LayerSpec &other) const {
  auto tie = [](const LayerSpec &s) {
    return std::tie(s.width, s.queryHeads, s.keyHeads, s.valueHeads, s.qkDim, s.vDim, s.dtype,
                    s.rope, s.alibi, s.qkNorm, s.scale, s.softcap, s.mask, s.sinks, s.latent,
                    s.kvFrom, s.bias, s.clipQKV);
  };
  return tie(*this) == tie(other);
}
