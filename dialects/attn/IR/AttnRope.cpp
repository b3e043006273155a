//===- AttnRope.cpp - frequencies of the rotary embedding --------------------===//
//
// Sources: RoFormer (Su et al. 2021); NTK-aware and dynamic scaling, YaRN (Peng et al. 2023);
// Llama 3.1's piecewise scaling; LongRoPE (Ding et al. 2024).
//
//===----------------------------------------------------------------------===//
#include "attn/IR/AttnAttrs.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

static SmallVector<double> plainFrequencies(double base, int64_t dims) {
  SmallVector<double> f(dims / 2);
  for (auto [i, value] : llvm::enumerate(f))
    value = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims));
  return f;
}

/// Long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
static void scaleLlama3(RopeAttr rope, SmallVectorImpl<double> &f) {
  double length = static_cast<double>(rope.getInt("original_length"));
  double low = rope.getReal("low_freq"), high = rope.getReal("high_freq"),
         factor = rope.getReal("factor");
  for (double &value : f) {
    double turns = length * value / (2 * llvm::numbers::pi);
    double share = high > low ? (turns - low) / (high - low) : (turns >= low ? 1.0 : 0.0);
    share = std::min(1.0, std::max(0.0, share));
    value = (1 - share) * value / factor + share * value;
  }
}

/// Pair index at which a frequency makes `turns` rotations over the original length.
static double yarnPair(RopeAttr rope, double base, double turns) {
  double dims = static_cast<double>(rope.getDims());
  double length = static_cast<double>(rope.getInt("original_length"));
  return dims * std::log(length / (turns * 2 * llvm::numbers::pi)) / (2 * std::log(base));
}

/// Ramp between interpolated (slow) and kept (fast) pairs.
static void scaleYarn(RopeAttr rope, double base, SmallVectorImpl<double> &f) {
  double first = yarnPair(rope, base, rope.getReal("beta_fast"));
  double last = yarnPair(rope, base, rope.getReal("beta_slow"));
  if (rope.getFlag("truncate")) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, static_cast<double>(rope.getDims() - 1));
  double span = last == first ? 0.001 : last - first;
  for (auto [i, value] : llvm::enumerate(f)) {
    double ramp = std::min(1.0, std::max(0.0, (static_cast<double>(i) - first) / span));
    value = value / rope.getReal("factor") * ramp + value * (1 - ramp);
  }
}

/// NTK: the base grows with the served length beyond the original one.
static double dynamicBase(RopeAttr rope, double base) {
  double length = static_cast<double>(rope.getInt("original_length"));
  double served = std::max(length, static_cast<double>(rope.getInt("served_length")));
  double factor = rope.getReal("factor"), dims = static_cast<double>(rope.getDims());
  return base * std::pow(factor * served / length - (factor - 1), dims / (dims - 2));
}

static void scaleLongRope(RopeAttr rope, SmallVectorImpl<double> &f) {
  bool isLong = rope.getInt("served_length") > rope.getInt("original_length");
  for (auto [value, divisor] :
       llvm::zip(f, rope.getReals(isLong ? "long_factors" : "short_factors")))
    value /= divisor;
}

SmallVector<double> RopeAttr::getFrequencies(int64_t head) const {
  SmallVector<double> bases = getReals("bases");
  double base = bases.empty() ? getReal("base") : bases[head];
  StringRef scaling = getWord("scaling");
  if (scaling == "dynamic")
    base = dynamicBase(*this, base);
  SmallVector<double> f = plainFrequencies(base, getDims());
  if (scaling == "linear")
    for (double &value : f)
      value /= getReal("factor");
  if (scaling == "llama3")
    scaleLlama3(*this, f);
  if (scaling == "yarn")
    scaleYarn(*this, base, f);
  if (scaling == "longrope")
    scaleLongRope(*this, f);
  return f;
}
