//===- RotationTest.cpp - rotary embeddings against the published formulas ---===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

static std::string ropeProgram(int64_t heads, int64_t size, StringRef rope) {
  std::string type = "tensor<1x" + std::to_string(heads) + "x?x" + std::to_string(size) + "xf32>";
  return "func.func @f(%x: " + type + ", %p: index) -> " + type + " {\n%r = attn.rope %x at %p <" +
         rope.str() + "> : " + type + "\nreturn %r : " + type + "\n}";
}

/// Angles by which the pairs are turned at position 1: the frequencies (below pi).
static std::vector<double> frequencies(int64_t dims, StringRef fields,
                                       double *magnitude = nullptr) {
  Program program(ropeProgram(1, dims, ("dims = " + Twine(dims) + ", " + fields).str()));
  HostTensor x({1, 1, 1, dims}, ElementKind::F32);
  for (int64_t i = 0; i < dims / 2; ++i)
    x.values[i] = 1;
  HostTensor turned = program.run({x, HostTensor::scalar(1)})[0];
  std::vector<double> result;
  for (int64_t i = 0; i < dims / 2; ++i) {
    double c = turned.values[i], s = turned.values[i + dims / 2];
    result.push_back(std::atan2(s, c));
    if (magnitude)
      *magnitude = std::hypot(s, c);
  }
  return result;
}

static void expectAll(const std::vector<double> &actual, const std::vector<double> &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(actual[i] / expected[i], 1.0, 1e-9) << "pair " << i;
}

TEST(Rotation, HalvesTurnElementsHalfTheDimsApart) {
  Program program(ropeProgram(1, 4, "dims = 4, base = 100.0"));
  HostTensor turned =
      program.run({of({1, 1, 2, 4}, {1, 2, 3, 4, 1, 2, 3, 4}), HostTensor::scalar(0)})[0];
  double c0 = std::cos(1.0), s0 = std::sin(1.0), c1 = std::cos(0.1), s1 = std::sin(0.1);
  expectValues(turned, {1, 2, 3, 4, c0 - 3 * s0, 2 * c1 - 4 * s1, 3 * c0 + s0, 4 * c1 + 2 * s1});
}

TEST(Rotation, InterleavedTurnsNeighbours) {
  Program program(ropeProgram(1, 4, "dims = 4, base = 100.0, layout = interleaved"));
  HostTensor turned = program.run({of({1, 1, 1, 4}, {1, 2, 3, 4}), HostTensor::scalar(1)})[0];
  double c0 = std::cos(1.0), s0 = std::sin(1.0), c1 = std::cos(0.1), s1 = std::sin(0.1);
  expectValues(turned, {c0 - 2 * s0, 2 * c0 + s0, 3 * c1 - 4 * s1, 4 * c1 + 3 * s1});
}

TEST(Rotation, LeavesElementsOutsideOfItsRangeAlone) {
  Program program(ropeProgram(1, 6, "dims = 2, start = 3"));
  HostTensor turned = program.run({of({1, 1, 1, 6}, {1, 2, 3, 4, 5, 6}), HostTensor::scalar(2)})[0];
  double c = std::cos(2.0), s = std::sin(2.0);
  expectValues(turned, {1, 2, 3, 4 * c - 5 * s, 5 * c + 4 * s, 6});
}

TEST(Rotation, OneBasePerHead) {
  Program program(ropeProgram(2, 4, "dims = 4, bases = [100.0, 10000.0]"));
  HostTensor x = of({1, 2, 1, 4}, {0, 1, 0, 0, 0, 1, 0, 0});
  HostTensor turned = program.run({x, HostTensor::scalar(1)})[0];
  expectValues(turned, {0, std::cos(0.1), 0, std::sin(0.1), 0, std::cos(0.01), 0, std::sin(0.01)});
}

TEST(Rotation, ScoresDependOnDistanceOnly) {
  Program program(ropeProgram(1, 8, "dims = 8"));
  HostTensor q = arbitrary({1, 1, 1, 8}, 1), k = arbitrary({1, 1, 1, 8}, 2);
  auto score = [&](int64_t i, int64_t j) {
    HostTensor a = program.run({q, HostTensor::scalar(i)})[0],
               b = program.run({k, HostTensor::scalar(j)})[0];
    double sum = 0;
    for (int64_t c = 0; c < 8; ++c)
      sum += a.values[c] * b.values[c];
    return sum;
  };
  EXPECT_NEAR(score(17, 5), score(1012, 1000), 1e-9);
  EXPECT_GT(std::fabs(score(17, 5) - score(17, 6)), 1e-3);
}

TEST(Rotation, Linear) {
  expectAll(frequencies(4, "base = 100.0, scaling = linear, factor = 4.0"), {0.25, 0.025});
}

TEST(Rotation, DynamicGrowsTheBaseWithTheServedLength) {
  // base * (2 * 4096 / 2048 - 1)^(8/6) = 10000 * 3^(4/3), written as a number.
  double base = 43267.48710922224;
  expectAll(frequencies(
                8, "scaling = dynamic, factor = 2.0, original_length = 2048, served_length = 4096"),
            {1.0, std::pow(base, -0.25), std::pow(base, -0.5), std::pow(base, -0.75)});
  expectAll(frequencies(
                8, "scaling = dynamic, factor = 2.0, original_length = 2048, served_length = 100"),
            {1.0, 0.1, 0.01, 0.001});
}

TEST(Rotation, Llama3KeepsStretchesAndBlends) {
  // Wavelengths of base 10000, 8 dims: 6.28, 62.8, 628, 6283; bounds 1024/4 and 1024/1.
  double wavelength = 2 * M_PI * 100, smooth = (1024 / wavelength - 1) / 3;
  expectAll(frequencies(8, "scaling = llama3, factor = 8.0, original_length = 1024"),
            {1.0, 0.1, (1 - smooth) * 0.01 / 8 + smooth * 0.01, 0.001 / 8});
}

TEST(Rotation, Llama31NumbersOfTheReleasedModel) {
  // Llama 3.1 8B: 128 dims, base 500000, factor 8, 8192. Pair 0 turns fast, pair 63 slowly.
  std::vector<double> f =
      frequencies(128, "base = 500000.0, scaling = llama3, factor = 8.0, low_freq = 1.0, high_freq "
                       "= 4.0, original_length = 8192");
  EXPECT_NEAR(f[0], 1.0, 1e-12);
  EXPECT_NEAR(f[63] / (std::pow(500000.0, -126.0 / 128.0) / 8.0), 1.0, 1e-9);
  // The first pair whose wavelength passes 2048: 2 pi 500000^(2i/128) > 2048 from i = 29 on.
  EXPECT_NEAR(f[28] / std::pow(500000.0, -56.0 / 128.0), 1.0, 1e-9);
  EXPECT_LT(f[29] / std::pow(500000.0, -58.0 / 128.0), 0.9999);
}

TEST(Rotation, YarnKeepsFastAndStretchesSlowPairs) {
  // 64 dims, base 10000, original 4096, 32 and 1 rotations. Bounds by the paper's formula:
  //   64 ln(4096 / (32 * 2 pi)) / (2 ln 10000) = 10.47 and 64 ln(4096 / 2 pi) / (2 ln 10000)
  //   = 22.51,
  // rounded outwards to 10 and 23.
  std::vector<double> f = frequencies(64, "scaling = yarn, factor = 40.0, original_length = 4096");
  auto original = [](int64_t i) { return std::pow(10000.0, -2.0 * static_cast<double>(i) / 64.0); };
  for (int64_t i : {0, 5, 10})
    EXPECT_NEAR(f[i] / original(i), 1.0, 1e-9) << i;
  for (int64_t i : {23, 31})
    EXPECT_NEAR(f[i] / original(i), 1.0 / 40.0, 1e-9) << i;
  double ramp = 6.0 / 13.0;
  EXPECT_NEAR(f[16] / original(16), ramp / 40.0 + 1 - ramp, 1e-9);
}

TEST(Rotation, YarnWithoutTruncation) {
  std::vector<double> f =
      frequencies(64, "scaling = yarn, factor = 40.0, original_length = 4096, truncate = 0");
  double low = 64 * std::log(4096 / (32 * 2 * M_PI)) / (2 * std::log(10000.0));
  double high = 64 * std::log(4096 / (2 * M_PI)) / (2 * std::log(10000.0));
  EXPECT_NEAR(low, 10.4722, 1e-3);
  EXPECT_NEAR(high, 22.5136, 1e-3);
  double ramp = (16 - low) / (high - low);
  EXPECT_NEAR(f[16] * std::pow(10000.0, 0.5), ramp / 40.0 + 1 - ramp, 1e-9);
}

TEST(Rotation, LongRopeChoosesItsListByTheServedLength) {
  std::string lists =
      "base = 100.0, scaling = longrope, original_length = 4096, short_factors = [1.0, 2.0], "
      "long_factors = [4.0, 8.0], served_length = ";
  expectAll(frequencies(4, lists + "4096"), {1.0, 0.05});
  expectAll(frequencies(4, lists + "4097"), {0.25, 0.0125});
}

TEST(Rotation, MagnitudeMultipliesTheTurnedPairs) {
  double magnitude = 0;
  frequencies(4, "base = 100.0, magnitude = 1.25", &magnitude);
  EXPECT_NEAR(magnitude, 1.25, 1e-12);
}

TEST(Rotation, PlainLosesFarPositionsAsFloat32Does) {
  Program program(ropeProgram(1, 2, "dims = 2"));
  HostTensor x = of({1, 1, 1, 2}, {1, 0});
  HostTensor exact = program.run({x, HostTensor::scalar(16777217)})[0];
  HostTensor plain = program.run({x, HostTensor::scalar(16777217)}, Precision::Plain)[0];
  expectValues(exact, {std::cos(16777217.0), std::sin(16777217.0)});
  EXPECT_NEAR(plain.values[0], std::cos(16777216.0), 1e-6);
}
