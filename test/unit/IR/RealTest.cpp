//===- RealTest.cpp - printed reals read back as the same double --------------===//
#include "IRTest.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir;
using namespace mlir::attn;

namespace {

class RealTest : public IRTest {
protected:
  /// The number that MLIR's own parser reads from the text, as bits.
  uint64_t readBack(const std::string &text) {
    auto attr = parse<FloatAttr>(text + " : f64");
    return attr ? llvm::bit_cast<uint64_t>(attr.getValueAsDouble()) : 0;
  }
  void expectRoundTrip(double value) {
    std::string text = printReal(value);
    EXPECT_EQ(readBack(text), llvm::bit_cast<uint64_t>(value)) << text;
  }
};

TEST_F(RealTest, PlainNumbersHaveAPointAndNoExponent) {
  EXPECT_EQ(printReal(0), "0.0");
  EXPECT_EQ(printReal(1), "1.0");
  EXPECT_EQ(printReal(-0.125), "-0.125");
  EXPECT_EQ(printReal(10000), "10000.0");
  EXPECT_EQ(printReal(500000), "500000.0");
  EXPECT_EQ(printReal(0.1), "0.1");
  EXPECT_EQ(printReal(1e-5), "0.00001");
  EXPECT_EQ(printReal(9007199254740992.0), "9007199254740992.0");
}

TEST_F(RealTest, LargeAndSmallNumbersHaveAPointAndAnExponent) {
  EXPECT_EQ(printReal(1e-6), "1.0e-6");
  EXPECT_EQ(printReal(1.5e-10), "1.5e-10");
  EXPECT_EQ(printReal(1e16), "1.0e+16");
  EXPECT_EQ(printReal(1e300), "1.0e+300");
  EXPECT_EQ(printReal(5e-324), "5.0e-324");
}

TEST_F(RealTest, EdgesOfTheFormatReadBack) {
  using Limits = std::numeric_limits<double>;
  for (double value : {0.0, -0.0, Limits::min(), Limits::max(), Limits::denorm_min(),
                       Limits::lowest(), Limits::epsilon(), 1.0 / 3.0, 1e-5, 9.999999999999999e-6,
                       1e16, 9999999999999998.0, 0.1 + 0.2})
    expectRoundTrip(value);
}

TEST_F(RealTest, InfinitiesAndNaNReadBackAsTheirBits) {
  using Limits = std::numeric_limits<double>;
  EXPECT_EQ(printReal(Limits::infinity()), "0x7FF0000000000000");
  EXPECT_EQ(printReal(-Limits::infinity()), "0xFFF0000000000000");
  for (double value : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()})
    expectRoundTrip(value);
}

TEST_F(RealTest, RandomBitsReadBack) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 2000; ++i)
    expectRoundTrip(llvm::bit_cast<double>(random()));
}

TEST_F(RealTest, RandomOrdinaryNumbersReadBack) {
  std::mt19937_64 random(21);
  std::uniform_real_distribution<double> exponent(-8, 20);
  for (int i = 0; i < 2000; ++i)
    expectRoundTrip(std::pow(10, exponent(random)));
}

} // namespace
