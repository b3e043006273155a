//===- RopeTest.cpp - frequencies against the papers' formulas -----------------===//
//
// The expected values are coded here from the published formulas, by wavelength and by pair, and
// share nothing with the library but the inputs.
//
//===----------------------------------------------------------------------===//
#include "IRTest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

namespace {

constexpr double pi = 3.14159265358979323846;

class RopeTest : public IRTest {
protected:
  SmallVector<double> frequencies(const std::string &fields, int64_t head = 0) {
    return parse<RopeAttr>("#attn.rope<" + fields + ">").getFrequencies(head);
  }
  template <typename Fn> void expectPairs(ArrayRef<double> found, size_t count, Fn expected) {
    ASSERT_EQ(found.size(), count);
    for (size_t i = 0; i < count; ++i)
      EXPECT_NEAR(found[i] / expected(static_cast<double>(i)), 1, 1e-12) << "pair " << i;
  }
};

TEST_F(RopeTest, PlainFrequenciesFallGeometrically) {
  expectPairs(frequencies("dims = 8"), 4,
              [](double i) { return std::exp(-std::log(10000.0) * i / 4); });
  EXPECT_DOUBLE_EQ(frequencies("dims = 8")[1], 0.1);
}

TEST_F(RopeTest, BaseAndHeadBasesAreUsed) {
  expectPairs(frequencies("dims = 4, base = 500000.0"), 2,
              [](double i) { return 1 / std::pow(std::sqrt(500000.0), i); });
  std::string fields = "dims = 4, bases = [100.0, 10000.0]";
  EXPECT_DOUBLE_EQ(frequencies(fields, 0)[1], 0.1);
  EXPECT_DOUBLE_EQ(frequencies(fields, 1)[1], 0.01);
}

TEST_F(RopeTest, LinearScalingStretchesEveryPair) {
  expectPairs(frequencies("dims = 16, scaling = linear, factor = 8.0"), 8,
              [](double i) { return std::pow(10000, -i / 8) / 8; });
}

TEST_F(RopeTest, DynamicScalingChangesTheBaseBeyondTheTrainedLength) {
  std::string fields = "dims = 64, scaling = dynamic, factor = 2.0, original_length = 2048";
  expectPairs(frequencies(fields), 32, [](double i) { return std::pow(10000, -i / 32); });
  expectPairs(frequencies(fields + ", served_length = 1000"), 32,
              [](double i) { return std::pow(10000, -i / 32); });
  // base (factor * L / L0 - (factor - 1)) ^ (d / (d - 2)) with L / L0 = 4.
  double base = 10000 * std::pow(7.0, 64.0 / 62.0);
  expectPairs(frequencies(fields + ", served_length = 8192"), 32,
              [&](double i) { return std::pow(base, -i / 32); });
}

TEST_F(RopeTest, Llama3ScalingTreatsWavelengthsByBand) {
  std::string fields = "dims = 128, base = 500000.0, scaling = llama3, factor = 8.0, "
                       "original_length = 8192, low_freq = 1.0, high_freq = 4.0";
  int kept = 0, stretched = 0, between = 0;
  expectPairs(frequencies(fields), 64, [&](double i) {
    double plain = std::pow(500000.0, -i / 64), wavelength = 2 * pi / plain;
    if (wavelength < 8192.0 / 4) {
      ++kept;
      return plain;
    }
    if (wavelength > 8192.0 / 1) {
      ++stretched;
      return plain / 8;
    }
    ++between;
    double smooth = (8192.0 / wavelength - 1) / (4 - 1);
    return (1 - smooth) * plain / 8 + smooth * plain;
  });
  EXPECT_GT(kept, 0);
  EXPECT_GT(stretched, 0);
  EXPECT_GT(between, 0);
}

/// YaRN's ramp over the pairs between `beta_fast` and `beta_slow` rotations.
static double yarn(double i, double dims, double base, double factor, double length, double low,
                   double high) {
  double plain = std::pow(base, -2 * i / dims);
  double share = (i - low) / (high - low);
  share = share < 0 ? 0 : share > 1 ? 1 : share;
  return plain * (1 - share) + plain / factor * share;
}

TEST_F(RopeTest, YarnInterpolatesBetweenWholePairs) {
  std::string fields = "dims = 64, scaling = yarn, factor = 40.0, original_length = 4096, "
                       "beta_fast = 32.0, beta_slow = 1.0";
  // d ln(L / (2 pi r)) / (2 ln base): 10.47 for 32 rotations, 22.51 for one.
  expectPairs(frequencies(fields), 32,
              [](double i) { return yarn(i, 64, 10000, 40, 4096, 10, 23); });
}

TEST_F(RopeTest, YarnWithoutTruncationKeepsTheFractions) {
  std::string fields = "dims = 64, base = 150000.0, scaling = yarn, factor = 32.0, "
                       "original_length = 4096, truncate = 0";
  double low = 64 * std::log(4096 / (2 * pi * 32)) / (2 * std::log(150000.0));
  double high = 64 * std::log(4096 / (2 * pi)) / (2 * std::log(150000.0));
  EXPECT_NE(low, std::floor(low));
  expectPairs(frequencies(fields), 32,
              [&](double i) { return yarn(i, 64, 150000, 32, 4096, low, high); });
}

TEST_F(RopeTest, YarnOnAShortLengthStaysFinite) {
  for (double f : frequencies("dims = 8, scaling = yarn, factor = 4.0, original_length = 1"))
    EXPECT_TRUE(std::isfinite(f) && f > 0) << f;
}

TEST_F(RopeTest, LongRopeChoosesItsFactorsByTheServedLength) {
  std::string fields = "dims = 4, scaling = longrope, original_length = 4096, "
                       "short_factors = [1.0, 2.0], long_factors = [3.0, 64.0]";
  EXPECT_DOUBLE_EQ(frequencies(fields)[1], 0.01 / 2);
  EXPECT_DOUBLE_EQ(frequencies(fields + ", served_length = 4096")[1], 0.01 / 2);
  EXPECT_DOUBLE_EQ(frequencies(fields + ", served_length = 4097")[0], 1.0 / 3);
  EXPECT_DOUBLE_EQ(frequencies(fields + ", served_length = 4097")[1], 0.01 / 64);
}

} // namespace
