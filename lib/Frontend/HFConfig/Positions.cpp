//===- Positions.cpp - rotary positions and ALiBi of a config -------------===//

#include "Common.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// Where one layer type's rope keys stand.
struct RopeSource {
  /// Holds base and partial factor: the config itself, or (part of) rope_parameters.
  ConfigReader keys;
  /// Holds the scaling's parameters, if there are any.
  std::optional<ConfigReader> scaling;
  /// Whether the keys are those of rope_parameters.
  bool newer = false;
};

std::optional<RopeScalingKind> scalingKind(StringRef name) {
  return StringSwitch<std::optional<RopeScalingKind>>(name)
      .Case("default", RopeScalingKind::None)
      .Case("linear", RopeScalingKind::Linear)
      .Case("dynamic", RopeScalingKind::Dynamic)
      .Case("yarn", RopeScalingKind::Yarn)
      .Case("llama3", RopeScalingKind::Llama3)
      // "su" is LongRoPE's first name, from Phi-3's earliest configs.
      .Cases({"longrope", "su"}, RopeScalingKind::LongRope)
      .Default(std::nullopt);
}

RopeScalingKind readScalingKind(ConfigReader &scaling) {
  std::optional<StringRef> name = scaling.maybeString({"rope_type", "type"});
  if (!name)
    return RopeScalingKind::None;
  if (std::optional<RopeScalingKind> kind = scalingKind(*name))
    return *kind;
  StringRef key = scaling.has({"rope_type"}) ? "rope_type" : "type";
  scaling.error(key, "expected '" + scaling.full(key) +
                         "' to be default, linear, dynamic, yarn, llama3 or longrope, found \"" +
                         name->take_front(40) + "\"; choose one of these");
  return RopeScalingKind::None;
}

/// The config's `original_max_position_embeddings`, which stands in the scaling's object or, as
/// Phi-3 has it, beside it; `max_position_embeddings` when neither is there.
int64_t readOriginalPositions(ConfigReader &config, ConfigReader &scaling) {
  constexpr StringLiteral key = "original_max_position_embeddings";
  if (scaling.has({key}))
    return scaling.count({key}, maxPositions);
  if (config.has({key}))
    return config.count({key}, maxPositions);
  return config.count({"max_position_embeddings"}, maxPositions);
}

/// The stretch factor; when absent it is the ratio of the lengths after and before.
double readFactor(ConfigReader &config, ConfigReader &scaling, int64_t original) {
  if (scaling.has({"factor"}))
    return scaling.positive({"factor"});
  if (!config.has({"max_position_embeddings"}))
    return scaling.positive({"factor"});
  return double(config.count({"max_position_embeddings"}, maxPositions)) / double(original);
}

void readYarn(ConfigReader &config, ConfigReader &scaling, RopeScaling &result) {
  result.originalPositions = readOriginalPositions(config, scaling);
  result.factor = readFactor(config, scaling, result.originalPositions);
  result.betaFast = scaling.positiveOr({"beta_fast"}, 32.0);
  result.betaSlow = scaling.positiveOr({"beta_slow"}, 1.0);
  result.truncate = scaling.flagOr({"truncate"}, true);
  result.mscale = scaling.nonNegativeOr({"mscale"}, 0.0);
  result.mscaleAllDim = scaling.nonNegativeOr({"mscale_all_dim"}, 0.0);
  // Without the two mscales the paper's temperature goes whole into cos and sin.
  double implied = result.mscale && result.mscaleAllDim
                       ? yarnMscale(result.factor, result.mscale) /
                             yarnMscale(result.factor, result.mscaleAllDim)
                       : yarnMscale(result.factor, 1.0);
  result.attentionFactor = scaling.positiveOr({"attention_factor"}, implied);
  if (!config.failed() && result.betaFast < result.betaSlow)
    scaling.error("beta_fast", "expected '" + scaling.full("beta_fast") +
                                   "' to be at least 'beta_slow', found less; swap or correct "
                                   "them");
}

/// The base grows by a power of dims / (dims - 2).
void readDynamic(ConfigReader &config, ConfigReader &scaling, int64_t dims, RopeScaling &result) {
  result.factor = scaling.positive({"factor"});
  result.originalPositions = readOriginalPositions(config, scaling);
  if (!config.failed() && dims <= 2)
    scaling.error("", "expected more than 2 rope dims with dynamic scaling, found " + Twine(dims) +
                          "; use another scaling or a larger head");
}

void readLlama3(ConfigReader &scaling, RopeScaling &result) {
  result.factor = scaling.positive({"factor"});
  result.lowFreqFactor = scaling.positive({"low_freq_factor"});
  result.highFreqFactor = scaling.positive({"high_freq_factor"});
  result.originalPositions = scaling.count({"original_max_position_embeddings"}, maxPositions);
  if (!scaling.failed() && result.lowFreqFactor >= result.highFreqFactor)
    scaling.error("low_freq_factor", "expected '" + scaling.full("low_freq_factor") +
                                         "' to be below 'high_freq_factor', found it is not; "
                                         "swap or correct them");
}

void readLongRope(ConfigReader &config, ConfigReader &scaling, int64_t dims, RopeScaling &result) {
  result.originalPositions = readOriginalPositions(config, scaling);
  result.shortFactor = scaling.positives("short_factor", dims / 2);
  result.longFactor = scaling.positives("long_factor", dims / 2);
  result.factor = readFactor(config, scaling, result.originalPositions);
  double implied = 1.0;
  if (result.factor > 1.0 && result.originalPositions > 1)
    implied = std::sqrt(1.0 + std::log(result.factor) / std::log(double(result.originalPositions)));
  result.attentionFactor = scaling.positiveOr({"attention_factor"}, implied);
}

RopeScaling readScaling(ConfigReader &config, ConfigReader &scaling, int64_t dims) {
  RopeScaling result;
  result.kind = readScalingKind(scaling);
  if (result.kind == RopeScalingKind::Dynamic || result.kind == RopeScalingKind::LongRope)
    result.servedPositions = config.count({"max_position_embeddings"}, maxPositions);
  switch (result.kind) {
  case RopeScalingKind::None:
    break;
  case RopeScalingKind::Linear:
    result.factor = scaling.positive({"factor"});
    break;
  case RopeScalingKind::Dynamic:
    readDynamic(config, scaling, dims, result);
    break;
  case RopeScalingKind::Yarn:
    readYarn(config, scaling, result);
    break;
  case RopeScalingKind::Llama3:
    readLlama3(scaling, result);
    break;
  case RopeScalingKind::LongRope:
    readLongRope(config, scaling, dims, result);
    break;
  }
  return result;
}

/// rope_parameters, of `layerType` where it has one object per type.
RopeSource newerSource(ConfigReader &config, ConfigReader parameters, const RopeRule &rule,
                       StringRef layerType) {
  if (config.has({"rope_scaling"}))
    config.error("rope_scaling", "expected either 'rope_parameters' or 'rope_scaling', found "
                                 "both; keep the one the model was published with");
  bool nested = parameters.has({"full_attention"}) || parameters.has({"sliding_attention"});
  if (!nested)
    return rule.scaled ? RopeSource{parameters, parameters, true}
                       : RopeSource{config, std::nullopt};
  if (std::optional<ConfigReader> own = parameters.maybeObject(layerType))
    return {*own, *own, true};
  if (!config.failed())
    parameters.error(layerType, "expected '" + parameters.full(layerType) +
                                    "', since layers of this type exist, found none; add its "
                                    "rope parameters");
  return {config, std::nullopt};
}

RopeSource findSource(ConfigReader &config, const RopeRule &rule, StringRef layerType) {
  if (std::optional<ConfigReader> parameters = config.maybeObject("rope_parameters"))
    return newerSource(config, *parameters, rule, layerType);
  if (!rule.scaled)
    return {config, std::nullopt};
  return {config, config.maybeObject("rope_scaling")};
}

/// The rotation's base. Both generations may name it, as long as they agree.
double readBase(ConfigReader &config, RopeSource &source, const RopeRule &rule) {
  auto &[keys, scaling, newer] = source;
  double outer = config.positiveOr({rule.baseKey}, rule.base);
  double base = newer ? keys.positiveOr({"rope_theta"}, outer) : outer;
  if (newer && !config.failed() && config.has({rule.baseKey}) && base != outer)
    config.error(rule.baseKey, "expected '" + config.full(rule.baseKey) + "' to agree with '" +
                                   keys.full("rope_theta") +
                                   "', found different numbers; keep one of them");
  if (!config.failed() && base <= 1.0)
    keys.error(newer ? "rope_theta" : rule.baseKey, "expected the rope base to be above 1, found " +
                                                        Twine(std::to_string(base)) +
                                                        "; usual values are 10000 and more");
  return base;
}

int64_t readDims(ConfigReader &config, RopeSource &source, const RopeRule &rule) {
  bool inner = source.newer && source.keys.has({"partial_rotary_factor"});
  ConfigReader &from = inner ? source.keys : config;
  double partial = from.positiveOr({"partial_rotary_factor", "rotary_pct"}, rule.partial);
  StringRef key = from.has({"rotary_pct"}) ? "rotary_pct" : "partial_rotary_factor";
  if (config.failed())
    return rule.headDim;
  if (partial > 1.0) {
    from.error(key, "expected '" + from.full(key) +
                        "' to be at most 1, found more rope dims than the head's " +
                        Twine(rule.headDim) + "; give the share of the head that is turned");
    return rule.headDim;
  }
  int64_t dims = int64_t(double(rule.headDim) * partial);
  if (dims < 2 || dims % 2)
    from.error(key, "expected an even number of at least 2 rope dims, found " + Twine(dims) +
                        " of a head of " + Twine(rule.headDim) +
                        "; rotations turn pairs, correct the share or the head size");
  return dims;
}

int64_t floorPowerOfTwo(int64_t n) {
  int64_t power = 1;
  while (power * 2 <= n)
    power *= 2;
  return power;
}

/// A geometric series for the largest power of two below; the missing heads take every second
/// member of the series for twice as many.
std::vector<double> bloomSlopes(int64_t heads, double maxBias) {
  int64_t power = floorPowerOfTwo(heads);
  std::vector<double> slopes;
  for (int64_t i = 1; i <= power; ++i)
    slopes.push_back(std::exp2(-maxBias * double(i) / double(power)));
  for (int64_t i = 0; int64_t(slopes.size()) < heads; ++i)
    slopes.push_back(std::exp2(-maxBias * double(2 * i + 1) / double(2 * power)));
  return slopes;
}

/// The series for the next power of two above, its odd members first, cut to length.
std::vector<double> mptSlopes(int64_t heads, double maxBias) {
  int64_t power = floorPowerOfTwo(heads);
  if (power == heads)
    return bloomSlopes(heads, maxBias);
  power *= 2;
  std::vector<double> slopes;
  for (int64_t start : {2, 1})
    for (int64_t i = start; i <= power && int64_t(slopes.size()) < heads; i += 2)
      slopes.push_back(std::exp2(-maxBias * double(i) / double(power)));
  return slopes;
}

} // namespace

double hf::yarnMscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

RopeSpec hf::readRope(ConfigReader &config, const RopeRule &rule, StringRef layerType) {
  RopeSource source = findSource(config, rule, layerType);
  RopeSpec rope;
  rope.style = rule.style;
  rope.base = readBase(config, source, rule);
  rope.dims = readDims(config, source, rule);
  if (source.scaling && !config.failed())
    rope.scaling = readScaling(config, *source.scaling, rope.dims);
  return rope;
}

AlibiSpec hf::makeAlibi(AlibiConvention convention, int64_t heads, double maxBias, double gain) {
  AlibiSpec alibi{convention, maxBias, {}};
  alibi.slopes = convention == AlibiConvention::Bloom ? bloomSlopes(heads, maxBias)
                                                      : mptSlopes(heads, maxBias);
  for (double &slope : alibi.slopes)
    slope *= gain;
  return alibi;
}
