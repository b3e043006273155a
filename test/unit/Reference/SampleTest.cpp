//===- SampleTest.cpp - some rows of an attention are the rows of all of it --===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

static const char *const twoAttentions = R"(
func.func @f(%q: tensor<?x4x?x8xf32>, %k: tensor<?x4x?x8xf32>, %v: tensor<?x4x?x8xf32>)
    -> (tensor<?x4x?x8xf32>, tensor<?x4x?xf32>) {
  %m = attn.attention %q, %k, %v scale(0.5) : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  %o, %l = attn.attention %m, %k, %v scale(0.5) mask(<causal>)
    : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>, tensor<?x4x?xf32>
  return %o, %l : tensor<?x4x?x8xf32>, tensor<?x4x?xf32>
})";

TEST(Sample, SpreadsAtAnOddDistance) {
  RowSample all = RowSample::spread(100, 1000), some = RowSample::spread(1000, 100);
  EXPECT_TRUE(all.isAll());
  EXPECT_EQ(all.count(), 100);
  EXPECT_FALSE(some.isAll());
  EXPECT_TRUE(some.has(0) && some.has(11) && !some.has(10));
  EXPECT_EQ(some.count(), 91);
}

/// What other operations read is evaluated whole; rows of the results that were left out are zero.
TEST(Sample, ChosenRowsAreThoseOfTheWhole) {
  Program program(twoAttentions);
  SmallVector<HostTensor> args = {arbitrary({2, 4, 9, 8}, 1), arbitrary({2, 4, 13, 8}, 2),
                                  arbitrary({2, 4, 13, 8}, 3)};
  auto whole = program.run(args);
  RowSample sample = RowSample::spread(72, 10);
  auto part = evaluate(program.function(), args, Precision::Exact, sample);
  ASSERT_TRUE(succeeded(part));
  for (int64_t row = 0; row < 72; ++row) {
    EXPECT_EQ((*part)[1].values[row], sample.has(row) ? whole[1].values[row] : 0) << row;
    for (int64_t c = 0; c < 8; ++c)
      EXPECT_EQ((*part)[0].values[row * 8 + c], sample.has(row) ? whole[0].values[row * 8 + c] : 0);
  }
}
