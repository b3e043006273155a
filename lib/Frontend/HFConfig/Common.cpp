//===- Common.cpp - heads, dtype, layers ----------------------------------===//

#include "Common.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

const Keys widthKeys = {"hidden_size", "n_embd", "n_embed", "d_model"};
const Keys headKeys = {"num_attention_heads", "n_head", "n_heads"};
const Keys layerKeys = {"num_hidden_layers", "n_layer", "n_layers"};
const Keys kvKeys = {"num_key_value_heads"};

int64_t readHeadDim(ConfigReader &config, const LayerSpec &spec, HeadRule rule) {
  std::optional<int64_t> given = config.maybeCount({"head_dim"}, maxValueDim);
  if (given && !rule.alwaysDivide)
    return *given;
  if (rule.defaultDim)
    return rule.defaultDim;
  int64_t divided = divideWidth(config, spec.width, spec.queryHeads);
  if (given && !config.failed() && *given != divided)
    config.error("head_dim", "expected 'head_dim' to be hidden_size / num_attention_heads = " +
                                 Twine(divided) + ", which this family uses, found " +
                                 Twine(*given) + "; remove it or correct the three numbers");
  return divided;
}

/// A divided head size can come out larger than any kernel allows.
void checkHeadDim(ConfigReader &config, int64_t dim) {
  if (!config.failed() && dim > maxValueDim)
    config.error("hidden_size", "expected heads of at most " + Twine(maxValueDim) +
                                    " elements, found hidden_size / num_attention_heads = " +
                                    Twine(dim) + "; correct one of the two");
}

} // namespace

int64_t hf::divideWidth(ConfigReader &config, int64_t width, int64_t heads) {
  if (config.failed() || width % heads == 0)
    return std::max<int64_t>(width / heads, 1);
  StringRef key = *find_if(widthKeys, [&](StringRef k) { return config.has({k}); });
  config.error(key, "expected '" + config.full(key) + "' to be divisible by the " + Twine(heads) +
                        " attention heads, found " + Twine(width) +
                        "; correct one of them, or give 'head_dim' where the family reads it");
  return 1;
}

void hf::checkGroups(ConfigReader &config, Keys keys, int64_t queryHeads, int64_t kvHeads) {
  if (config.failed() || queryHeads % kvHeads == 0)
    return;
  StringRef key = *keys.begin();
  for (StringRef other : keys)
    if (config.has({other}))
      key = other;
  config.error(key, "expected '" + config.full(key) + "' to divide the " + Twine(queryHeads) +
                        " query heads, found " + Twine(kvHeads) +
                        "; configs know even groups only, write uneven ones as an attn.spec");
}

ElementKind hf::readDType(ConfigReader &config, ElementKind fallback) {
  std::optional<StringRef> name = config.maybeString({"torch_dtype", "dtype"});
  if (!name)
    return fallback;
  StringRef bare = *name;
  bare.consume_front("torch.");
  if (bare == "float32")
    return ElementKind::F32;
  if (bare == "float16")
    return ElementKind::F16;
  if (bare == "bfloat16")
    return ElementKind::BF16;
  StringRef key = config.has({"torch_dtype"}) ? "torch_dtype" : "dtype";
  config.error(key, "expected '" + config.full(key) +
                        "' to be float32, float16 or bfloat16, found \"" + name->take_front(40) +
                        "\"; choose one of the three");
  return fallback;
}

int64_t hf::readLayerCount(ConfigReader &config) { return config.count(layerKeys, maxLayers); }

std::vector<StringRef> hf::biasesIf(bool all) {
  return all ? std::vector<StringRef>{"query", "key", "value", "output"} : std::vector<StringRef>();
}

LayerSpec hf::readHeads(ConfigReader &config, HeadRule rule) {
  LayerSpec spec;
  spec.width = config.count(widthKeys, maxWidth);
  spec.queryHeads = config.count(headKeys, maxHeads);
  spec.keyHeads = spec.valueHeads = config.countOr(kvKeys, spec.queryHeads, maxHeads);
  checkGroups(config, kvKeys, spec.queryHeads, spec.keyHeads);
  spec.qkDim = spec.vDim = readHeadDim(config, spec, rule);
  checkHeadDim(config, spec.vDim);
  spec.dtype = readDType(config);
  spec.scale = 1.0 / std::sqrt(double(spec.qkDim));
  spec.bias = biasesIf(config.flagOr({"attention_bias"}, false));
  return spec;
}

std::vector<bool> hf::readSliding(ConfigReader &config, int64_t layers,
                                  function_ref<bool(int64_t)> rule) {
  std::vector<bool> sliding(layers);
  auto types = config.failed() ? std::nullopt : config.maybeStrings("layer_types", layers);
  for (int64_t i = 0; i < layers; ++i) {
    sliding[i] = types ? (*types)[i] == "sliding_attention" : rule(i);
    if (types && !sliding[i] && (*types)[i] != "full_attention") {
      std::string key = ("layer_types[" + Twine(i) + "]").str();
      config.error(key, "expected '" + config.full(key) +
                            "' to be \"full_attention\" or \"sliding_attention\", found \"" +
                            (*types)[i].take_front(40) + "\"; other kinds are not read yet");
      break;
    }
  }
  return sliding;
}

void hf::addLayer(ModelAttention &model, const LayerSpec &spec, int64_t layer) {
  for (auto &[known, layers] : model.specs) {
    if (known == spec) {
      layers.push_back(layer);
      return;
    }
  }
  model.specs.push_back({spec, {layer}});
}

void hf::addAllLayers(ConfigReader &config, ModelAttention &model, const LayerSpec &spec) {
  if (config.failed())
    return;
  std::vector<int64_t> layers(model.numLayers);
  for (int64_t i = 0; i < model.numLayers; ++i)
    layers[i] = i;
  model.specs.push_back({spec, std::move(layers)});
}

void hf::addWindowLayers(ConfigReader &config, ModelAttention &model,
                         const std::vector<bool> &sliding, std::optional<int64_t> window,
                         LayerSpec local, const LayerSpec &global) {
  if (config.failed())
    return;
  local.mask.window = window;
  for (const auto &[i, slides] : enumerate(sliding)) {
    if (slides && !window)
      return config.error("sliding_window",
                          "expected 'sliding_window' to be set, since layer " + Twine(i) +
                              " is a sliding layer, found none in effect; set it (and "
                              "'use_sliding_window' where the family has it) or change the layer");
    addLayer(model, slides ? local : global, int64_t(i));
  }
}

void hf::refuseFlag(ConfigReader &config, StringRef key, StringRef why) {
  if (config.flagOr({key}, false))
    config.error(key, "expected '" + config.full(key) + "' to be false, found true; " + why);
}
