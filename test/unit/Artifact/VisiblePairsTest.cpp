//===- VisiblePairsTest.cpp - counting keys against the mask's definition -===//

#include "attn/Artifact/Report.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mlir::attn;

namespace {

/// The definition of #attn.mask, pair by pair.
bool sees(MaskAttr mask, int64_t q, int64_t k) {
  ArrayRef<int64_t> v = mask.getValues();
  auto anyChild = [&](bool wanted) {
    for (unsigned i = 0; i < mask.getChildren().size(); ++i)
      if (sees(mask.getChild(i), q, k) == wanted)
        return true;
    return false;
  };
  switch (mask.getKind()) {
  case MaskKind::All:
    return true;
  case MaskKind::Causal:
    return k <= q;
  case MaskKind::Window:
    return k > q - v[0] && (v.size() < 2 || k < q + v[1]);
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return k < v[0];
  case MaskKind::Chunk:
    return k / v[0] == std::floor(static_cast<double>(q) / v[0]);
  case MaskKind::Stride:
    return k == q || (k + 1) % v[0] == 0;
  case MaskKind::And:
    return !anyChild(false);
  case MaskKind::Or:
    return anyChild(true);
  case MaskKind::Not:
    return !sees(mask.getChild(0), q, k);
  default:
    return false;
  }
}

class VisiblePairsTest : public ::testing::Test {
protected:
  VisiblePairsTest() { context.loadDialect<AttnDialect>(); }

  MaskAttr word(MaskKind kind, ArrayRef<int64_t> values = {}) {
    return MaskAttr::getWord(&context, kind, values);
  }

  void expectCount(MaskAttr mask) {
    for (int64_t rows : {0, 1, 7, 20})
      for (int64_t keys : {0, 1, 13, 20, 31})
        for (int64_t offset : {int64_t(0), keys - rows, int64_t(5)}) {
          int64_t expected = 0;
          for (int64_t q = offset; q < offset + rows; ++q)
            for (int64_t k = 0; k < keys; ++k)
              expected += sees(mask, q, k);
          bool dependsOnData = false;
          EXPECT_EQ(countVisible(mask, 0, rows, keys, offset, dependsOnData), expected)
              << mask.str() << " rows " << rows << " keys " << keys << " offset " << offset;
          EXPECT_FALSE(dependsOnData);
        }
  }

  MLIRContext context;
};

} // namespace

TEST_F(VisiblePairsTest, CountsEveryWord) {
  expectCount(word(MaskKind::All));
  expectCount(word(MaskKind::None));
  expectCount(word(MaskKind::Causal));
  expectCount(word(MaskKind::Window, {4}));
  expectCount(word(MaskKind::Window, {4, 3}));
  expectCount(word(MaskKind::Sink, {2}));
  expectCount(word(MaskKind::Prefix, {40}));
  expectCount(word(MaskKind::Chunk, {6}));
  expectCount(word(MaskKind::Stride, {5}));
}

TEST_F(VisiblePairsTest, CountsExpressions) {
  MaskAttr causal = word(MaskKind::Causal), window = word(MaskKind::Window, {4});
  MaskAttr sink = word(MaskKind::Sink, {2}), stride = word(MaskKind::Stride, {3});
  expectCount(MaskAttr::getAnd(causal, window));
  expectCount(MaskAttr::getOr(MaskAttr::getAnd(causal, window), sink));
  expectCount(MaskAttr::getAnd(stride, MaskAttr::getOr(window, sink)));
}

TEST_F(VisiblePairsTest, DataMasksAreBoundedFromAbove) {
  bool dependsOnData = false;
  MaskAttr document = word(MaskKind::Document, {0});
  MaskAttr mask = MaskAttr::getAnd(word(MaskKind::Causal), document);
  EXPECT_EQ(countVisible(mask, 0, 4, 4, 0, dependsOnData), 10);
  EXPECT_TRUE(dependsOnData);
}

TEST_F(VisiblePairsTest, LongSequencesAreQuick) {
  bool dependsOnData = false;
  int64_t n = 1 << 20;
  EXPECT_EQ(countVisible(word(MaskKind::Causal), 0, n, n, 0, dependsOnData),
            static_cast<double>(n) * (n + 1) / 2);
}
