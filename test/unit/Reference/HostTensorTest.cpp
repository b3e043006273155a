//===- HostTensorTest.cpp - rounding and bytes -------------------------------===//
#include "TestSupport.h"

#include <cstring>

using namespace mlir;
using namespace mlir::attn::reference;

TEST(HostTensor, RoundsToTheNearestWithTiesToEven) {
  // bf16 keeps 7 bits behind the point, so 1 + 1/256 lies half way between 1 and 1 + 1/128.
  EXPECT_EQ(roundTo(1.0 + 0x1p-8, ElementKind::BF16), 1.0);
  EXPECT_EQ(roundTo(1.0 + 3 * 0x1p-8, ElementKind::BF16), 1.0 + 0x1p-6);
  EXPECT_EQ(roundTo(-1.0 - 3 * 0x1p-8, ElementKind::BF16), -1.0 - 0x1p-6);
  EXPECT_EQ(roundTo(1.0 + 0x1p-11, ElementKind::F16), 1.0);
  EXPECT_EQ(roundTo(1.0 + 3 * 0x1p-11, ElementKind::F16), 1.0 + 0x1p-9);
  EXPECT_EQ(roundTo(1.0 + 0x1p-24, ElementKind::F32), 1.0);
  EXPECT_EQ(roundTo(0.1, ElementKind::F64), 0.1);
}

TEST(HostTensor, RoundsOnceNotTwice) {
  // Just above a tie of bf16; float32 in between would fall onto the tie, then to 1.
  EXPECT_EQ(roundTo(1.0 + 0x1p-8 + 0x1p-40, ElementKind::BF16), 1.0 + 0x1p-7);
  EXPECT_EQ(roundTo(1.0 + 0x1p-11 + 0x1p-40, ElementKind::F16), 1.0 + 0x1p-10);
}

TEST(HostTensor, RoundsSubnormalsAndOverflow) {
  EXPECT_EQ(roundTo(0x1p-24, ElementKind::F16), 0x1p-24);
  EXPECT_EQ(roundTo(0x1p-25, ElementKind::F16), 0.0);
  EXPECT_EQ(roundTo(3 * 0x1p-25, ElementKind::F16), 0x1p-23);
  EXPECT_EQ(roundTo(65519.0, ElementKind::F16), 65504.0);
  EXPECT_EQ(roundTo(65520.0, ElementKind::F16), infinity);
  EXPECT_EQ(roundTo(-3.4e38, ElementKind::BF16), -infinity);
  EXPECT_EQ(roundTo(0x1p-133, ElementKind::BF16), 0x1p-133);
  EXPECT_TRUE(std::signbit(roundTo(-0x1p-30, ElementKind::F16)));
}

TEST(HostTensor, HasTheBitPatternsOfTheFormats) {
  auto bitsOf = [](double value, ElementKind kind) {
    HostTensor t = of({1}, {value}, kind);
    uint16_t bits;
    std::memcpy(&bits, t.toBytes().data(), sizeof bits);
    return bits;
  };
  EXPECT_EQ(bitsOf(1.0, ElementKind::BF16), 0x3f80);
  EXPECT_EQ(bitsOf(-2.5, ElementKind::BF16), 0xc020);
  EXPECT_EQ(bitsOf(1.0, ElementKind::F16), 0x3c00);
  EXPECT_EQ(bitsOf(65504.0, ElementKind::F16), 0x7bff);
  EXPECT_EQ(bitsOf(0x1p-24, ElementKind::F16), 0x0001);
  EXPECT_EQ(bitsOf(-infinity, ElementKind::F16), 0xfc00);
  EXPECT_EQ(bitsOf(notANumber, ElementKind::F16) & 0x7fff, 0x7e00);
}

TEST(HostTensor, ReturnsFromBytesUnchanged) {
  std::vector<double> values = {0.0, -1.0, 0.5, 3.0, 100.0, -128.0};
  for (ElementKind kind : {ElementKind::F32, ElementKind::BF16, ElementKind::F16, ElementKind::F64})
    EXPECT_EQ(HostTensor::fromBytes({2, 3}, kind, of({2, 3}, values, kind).toBytes().data()).values,
              values);
  std::vector<double> whole = {0, -1, 1, 127, -128, 5};
  for (ElementKind kind : {ElementKind::I8, ElementKind::I32, ElementKind::I64, ElementKind::Index})
    EXPECT_EQ(HostTensor::fromBytes({6}, kind, of({6}, whole, kind).toBytes().data()).values,
              whole);
}

TEST(HostTensor, EveryHalfSurvivesTheWayThroughDouble) {
  std::vector<uint16_t> bits;
  for (uint32_t i = 0; i < 0x10000; ++i)
    if ((i & 0x7c00) != 0x7c00)
      bits.push_back(static_cast<uint16_t>(i));
  for (ElementKind kind : {ElementKind::F16, ElementKind::BF16}) {
    HostTensor t = HostTensor::fromBytes({static_cast<int64_t>(bits.size())}, kind, bits.data());
    std::vector<char> back = t.toBytes();
    EXPECT_EQ(std::memcmp(back.data(), bits.data(), back.size()), 0) << spelling(kind).str();
  }
}

TEST(HostTensor, FindsElementsRowMajor) {
  HostTensor t = of({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(t.at({1, 2}), 5.0);
  EXPECT_EQ(t.at({0, 1}), 1.0);
}
