//===- Common.h - what the families share ---------------------------------===//

#ifndef ATTN_LIB_FRONTEND_HFCONFIG_COMMON_H
#define ATTN_LIB_FRONTEND_HFCONFIG_COMMON_H

#include "ConfigReader.h"

#include "llvm/ADT/ArrayRef.h"

namespace mlir::attn::hf {

// Bounds on what a config may ask for, so that no product of two counts overflows and no list per
// layer or per head exhausts memory. The head sizes' bounds are those of attn.spec.
constexpr int64_t maxLayers = 10000;
constexpr int64_t maxHeads = 65536;
constexpr int64_t maxHeadDim = 576;
constexpr int64_t maxValueDim = 512;
constexpr int64_t maxWidth = int64_t(1) << 30;
constexpr int64_t maxPositions = int64_t(1) << 40;

/// Fills `model` from the config of one family. Errors go through the reader.
using FamilyBuild = void (*)(ConfigReader &, ModelAttention &);

struct Family {
  llvm::StringRef modelType;
  FamilyBuild build;
  /// The layer count stands in a nested object, and the family reads it itself.
  bool nested = false;
};

llvm::ArrayRef<Family> plainFamilies();  // llama and its relatives: one spec, or a window rule
llvm::ArrayRef<Family> gemmaFamilies();  // gemma, gemma2, gemma3
llvm::ArrayRef<Family> hybridFamilies(); // cohere2, gpt_oss, smollm3
llvm::ArrayRef<Family> gptFamilies();    // gpt2, gpt_neox, gptj
llvm::ArrayRef<Family> alibiFamilies();  // bloom, mpt, falcon
llvm::ArrayRef<Family> latentFamilies(); // deepseek_v2, deepseek_v3, kimi_k2, minicpm3

//===- Heads
//-----------------------------------------------------------------------------------===//

/// How a family derives the head size.
struct HeadRule {
  /// Used when `head_dim` is absent; 0 for hidden_size / num_attention_heads.
  int64_t defaultDim = 0;
  /// The family ignores `head_dim` and always divides; a differing key is an error.
  bool alwaysDivide = false;
};

/// width, head counts, head sizes, dtype and 1/sqrt(head size). Reads hidden_size,
/// num_attention_heads, num_key_value_heads, head_dim and torch_dtype, in all their spellings.
LayerSpec readHeads(ConfigReader &config, HeadRule rule = {});

/// hidden_size / heads, or an error at the width.
int64_t divideWidth(ConfigReader &config, int64_t width, int64_t heads);
/// Checks that the query heads divide evenly among `kvHeads`.
void checkGroups(ConfigReader &config, Keys kvKeys, int64_t queryHeads, int64_t kvHeads);
/// `torch_dtype`, or `dtype` as newer configs call it.
ElementKind readDType(ConfigReader &config, ElementKind fallback = ElementKind::F32);
int64_t readLayerCount(ConfigReader &config);

//===- Positions
//-------------------------------------------------------------------------------===//

/// A family's defaults for rotary positions.
struct RopeRule {
  /// Entries of a head that may be turned.
  int64_t headDim = 0;
  double base = 10000.0;
  RopeStyle style = RopeStyle::Halves;
  /// Share of the head that is turned when no key says so.
  double partial = 1.0;
  /// Key of the older generation for the base; it also decides whether `rope_scaling` applies, as
  /// Gemma 3's local layers have a base of their own and are never scaled.
  llvm::StringRef baseKey = "rope_theta";
  bool scaled = true;
};

/// Reads either key generation: rope_theta + rope_scaling, or rope_parameters (flat, or one object
/// per layer type).
RopeSpec readRope(ConfigReader &config, const RopeRule &rule,
                  llvm::StringRef layerType = "full_attention");

/// The temperature term of the paper on YaRN, as DeepSeek parameterises it.
double yarnMscale(double factor, double mscale);

/// Slopes of `heads` heads by the given recipe, times `gain`.
AlibiSpec makeAlibi(AlibiConvention convention, int64_t heads, double maxBias, double gain = 1.0);

//===- Layers
//----------------------------------------------------------------------------------===//

/// Names of all projections (see `LayerSpec::bias`), or of none.
std::vector<llvm::StringRef> biasesIf(bool all);

/// For each layer, whether it slides. `layer_types` decides where it is present, else `rule`.
std::vector<bool> readSliding(ConfigReader &config, int64_t layers,
                              llvm::function_ref<bool(int64_t)> rule);

/// Adds `layer` to the spec equal to `spec`, or opens a new one.
void addLayer(ModelAttention &model, const LayerSpec &spec, int64_t layer);
/// The same spec for every layer.
void addAllLayers(ConfigReader &config, ModelAttention &model, const LayerSpec &spec);
/// Layers that slide get `window`, the others `global`. Sliding without a window is an error.
void addWindowLayers(ConfigReader &config, ModelAttention &model, const std::vector<bool> &sliding,
                     std::optional<int64_t> window, LayerSpec local, const LayerSpec &global);

/// Reports a flag that would change the attention in a way no spec can say.
void refuseFlag(ConfigReader &config, llvm::StringRef key, llvm::StringRef why);

} // namespace mlir::attn::hf

#endif // ATTN_LIB_FRONTEND_HFCONFIG_COMMON_H
