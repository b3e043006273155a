//===- Rotation.cpp - frequencies of a rotary embedding ----------------------===//
#include "Rotation.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn;

static constexpr double pi = 3.14159265358979323846;

static SmallVector<double> plainFrequencies(double base, int64_t dims) {
  SmallVector<double> frequencies;
  for (int64_t i = 0; i < dims / 2; ++i)
    frequencies.push_back(
        std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims)));
  return frequencies;
}

/// Dynamic NTK: the base grows with the served length, so that low frequencies stretch most.
static double dynamicBase(RopeAttr rope, double base) {
  auto dims = static_cast<double>(rope.getInt("dims"));
  auto original = static_cast<double>(rope.getInt("original_length"));
  double served = std::max(static_cast<double>(rope.getInt("served_length")), original);
  double factor = rope.getReal("factor");
  return base * std::pow(factor * served / original - (factor - 1.0), dims / (dims - 2.0));
}

/// YaRN: the pair index at which the base model's length holds `rotations` full turns.
static double pairOfRotations(RopeAttr rope, double base, double rotations) {
  auto dims = static_cast<double>(rope.getInt("dims"));
  auto original = static_cast<double>(rope.getInt("original_length"));
  return dims * std::log(original / (rotations * 2.0 * pi)) / (2.0 * std::log(base));
}

/// YaRN by parts: fast pairs keep their frequency, slow ones are divided by the factor, and a
/// linear ramp joins them.
static void scaleYarn(RopeAttr rope, double base, MutableArrayRef<double> frequencies) {
  double low = pairOfRotations(rope, base, rope.getReal("beta_fast"));
  double high = pairOfRotations(rope, base, rope.getReal("beta_slow"));
  if (rope.getInt("truncate") != 0) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.getInt("dims")) - 1.0);
  if (low == high)
    high += 0.001;
  for (auto [i, frequency] : llvm::enumerate(frequencies)) {
    double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequency = frequency / rope.getReal("factor") * ramp + frequency * (1.0 - ramp);
  }
}

/// Llama 3: wavelengths above original / low_freq are stretched by the factor, those below
/// original / high_freq kept, those between blended.
static void scaleLlama3(RopeAttr rope, MutableArrayRef<double> frequencies) {
  auto original = static_cast<double>(rope.getInt("original_length"));
  double lowFreq = rope.getReal("low_freq"), highFreq = rope.getReal("high_freq");
  for (double &frequency : frequencies) {
    double wavelength = 2.0 * pi / frequency;
    double stretched = frequency / rope.getReal("factor");
    if (wavelength > original / lowFreq) {
      frequency = stretched;
    } else if (wavelength >= original / highFreq && highFreq > lowFreq) {
      double smooth = (original / wavelength - lowFreq) / (highFreq - lowFreq);
      frequency = (1.0 - smooth) * stretched + smooth * frequency;
    }
  }
}

/// LongRoPE: one divisor per pair, from the list for the served length.
static void scaleLong(RopeAttr rope, MutableArrayRef<double> frequencies) {
  bool isLong = rope.getInt("served_length") > rope.getInt("original_length");
  SmallVector<double> factors = rope.getReals(isLong ? "long_factors" : "short_factors");
  for (auto [frequency, factor] : llvm::zip_equal(frequencies, factors))
    frequency /= factor;
}

SmallVector<double> reference::rotationFrequencies(RopeAttr rope, int64_t head) {
  StringRef scaling = rope.getWord("scaling");
  SmallVector<double> bases = rope.getReals("bases");
  double base = bases.empty() ? rope.getReal("base") : bases[head];
  if (scaling == "dynamic")
    base = dynamicBase(rope, base);
  SmallVector<double> frequencies = plainFrequencies(base, rope.getInt("dims"));
  if (scaling == "linear")
    for (double &frequency : frequencies)
      frequency /= rope.getReal("factor");
  if (scaling == "yarn")
    scaleYarn(rope, base, frequencies);
  if (scaling == "llama3")
    scaleLlama3(rope, frequencies);
  if (scaling == "longrope")
    scaleLong(rope, frequencies);
  return frequencies;
}
