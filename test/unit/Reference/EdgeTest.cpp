//===- EdgeTest.cpp - empty rows, NaN, infinities, zero lengths --------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

static std::string attention(StringRef clauses, StringRef extra = "") {
  std::string q = "tensor<?x1x?x2xf32>";
  return "func.func @f(%q: " + q + ", %k: " + q + ", %v: " + q + extra.str() + ") -> (" + q +
         ", tensor<?x1x?xf32>) {\n%o, %l = attn.attention %q, %k, %v scale(1.0) " + clauses.str() +
         " : " + q + ", " + q + ", " + q + " -> " + q +
         ", tensor<?x1x?xf32>\nreturn %o, %l : " + q + ", tensor<?x1x?xf32>\n}";
}

static HostTensor filled(ArrayRef<int64_t> sizes, double value) {
  HostTensor t(sizes, ElementKind::F32);
  std::fill(t.values.begin(), t.values.end(), value);
  return t;
}

TEST(Edge, FullyMaskedRowIsZeroAndMinusInfinity) {
  for (Precision precision : {Precision::Exact, Precision::Plain}) {
    auto results = Program(attention("mask(<none>)"))
                       .run({filled({1, 1, 2, 2}, 1), filled({1, 1, 3, 2}, 1),
                             filled({1, 1, 3, 2}, notANumber)},
                            precision);
    expectValues(results[0], {0, 0, 0, 0});
    expectValues(results[1], {-infinity, -infinity});
  }
}

TEST(Edge, FullyMaskedRowWithASinkKeepsTheSinkInItsLse) {
  auto results = Program(attention("mask(<none>) sinks(%s : tensor<1xf32>)", ", %s: tensor<1xf32>"))
                     .run({filled({1, 1, 1, 2}, 1), filled({1, 1, 3, 2}, 1),
                           filled({1, 1, 3, 2}, 1), of({1}, {0.5})});
  expectValues(results[0], {0, 0});
  expectValues(results[1], {0.5});
}

TEST(Edge, NaNBehindTheMaskDoesNotReachTheRow) {
  HostTensor q = arbitrary({1, 1, 4, 2}, 1), k = arbitrary({1, 1, 4, 2}, 2),
             v = arbitrary({1, 1, 4, 2}, 3);
  for (Precision precision : {Precision::Exact, Precision::Plain}) {
    Program program(attention("mask(<causal>)"));
    auto clean = program.run({q, k, v}, precision);
    for (double poison : {notANumber, infinity, -infinity}) {
      HostTensor badKey = k, badValue = v;
      badKey.values[6] = badValue.values[7] = poison;
      auto results = program.run({q, badKey, badValue}, precision);
      for (int64_t i = 0; i < 6; ++i)
        EXPECT_EQ(results[0].values[i], clean[0].values[i]);
      for (int64_t i = 0; i < 3; ++i)
        EXPECT_EQ(results[1].values[i], clean[1].values[i]);
    }
  }
}

TEST(Edge, VisibleNaNKeyGivesANaNRow) {
  HostTensor k = arbitrary({1, 1, 3, 2}, 2);
  k.values[2] = notANumber;
  for (Precision precision : {Precision::Exact, Precision::Plain}) {
    auto results = Program(attention("mask(<causal>)"))
                       .run({arbitrary({1, 1, 3, 2}, 1), k, arbitrary({1, 1, 3, 2}, 3)}, precision);
    EXPECT_TRUE(std::isfinite(results[0].values[0]));
    for (int64_t i = 2; i < 6; ++i)
      EXPECT_TRUE(std::isnan(results[0].values[i]));
    EXPECT_TRUE(std::isnan(results[1].values[2]));
  }
}

TEST(Edge, VisibleNaNValueOfWeightZeroStillGivesNaN) {
  // Scores 0 and -1000: the second weight underflows to zero, but its key is visible.
  auto results = Program(attention(""))
                     .run({of({1, 1, 1, 2}, {1, 0}), of({1, 1, 2, 2}, {0, 0, -1000, 0}),
                           of({1, 1, 2, 2}, {1, 2, notANumber, 3})});
  expectValues(results[0], {notANumber, 2});
  expectValues(results[1], {0});
}

TEST(Edge, ScoreOfMinusInfinityExcludesTheKey) {
  const char *region = R"(score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %two = arith.constant 2 : index
    %low = arith.constant 0xFF800000 : f32
    %out = arith.cmpi sge, %j, %two : index
    %r = arith.select %out, %low, %s : f32
    attn.yield %r : f32
  })";
  auto results =
      Program(attention(region))
          .run({filled({1, 1, 1, 2}, 0), filled({1, 1, 4, 2}, 1),
                of({1, 1, 4, 2}, {1, 2, 3, 4, notANumber, notANumber, notANumber, infinity})});
  expectValues(results[0], {2, 3});
  expectValues(results[1], {std::log(2.0)});
}

TEST(Edge, HugeScores) {
  double huge = 3e38;
  for (Precision precision : {Precision::Exact, Precision::Plain}) {
    auto results =
        Program(attention(""))
            .run({of({1, 1, 1, 2}, {1, 0}), of({1, 1, 3, 2}, {huge, 0, -huge, 0, huge, 0}),
                  of({1, 1, 3, 2}, {1, 2, 100, 100, 3, 4})},
                 precision);
    expectValues(results[0], {2, 3});
    EXPECT_NEAR(results[1].values[0] / huge, 1.0, 1e-6);
  }
  auto low =
      Program(attention(""))
          .run({of({1, 1, 1, 2}, {1, 0}), of({1, 1, 1, 2}, {-huge, 0}), of({1, 1, 1, 2}, {5, 6})});
  expectValues(low[0], {5, 6});
}

TEST(Edge, ScoreOfPlusInfinityHasNoSoftmax) {
  auto results = Program(attention(""))
                     .run({of({1, 1, 1, 2}, {1, 0}), of({1, 1, 2, 2}, {infinity, 0, 0, 0}),
                           of({1, 1, 2, 2}, {1, 2, 3, 4})});
  expectValues(results[0], {notANumber, notANumber});
  expectValues(results[1], {notANumber});
}

TEST(Edge, ZeroLengths) {
  Program program(attention("mask(<causal>)"));
  auto noKeys =
      program.run({filled({2, 1, 3, 2}, 1), filled({2, 1, 0, 2}, 1), filled({2, 1, 0, 2}, 1)});
  expectValues(noKeys[0], std::vector<double>(12, 0.0));
  expectValues(noKeys[1], std::vector<double>(6, -infinity));
  auto noRows =
      program.run({filled({2, 1, 0, 2}, 1), filled({2, 1, 3, 2}, 1), filled({2, 1, 3, 2}, 1)});
  EXPECT_EQ(noRows[0].sizes, (SmallVector<int64_t>{2, 1, 0, 2}));
  auto noBatch =
      program.run({filled({0, 1, 4, 2}, 1), filled({0, 1, 3, 2}, 1), filled({0, 1, 3, 2}, 1)});
  EXPECT_EQ(noBatch[1].sizes, (SmallVector<int64_t>{0, 1, 4}));
}

TEST(Edge, ReluAndSigmoidKeepNaN) {
  for (StringRef word : {"relu", "sigmoid"}) {
    std::string q = "tensor<1x1x1x1xf32>";
    Program program("func.func @f(%q: " + q + ", %k: " + q + ") -> " + q +
                    " {\n%o = attn.attention %q, %k, %q scale(1.0) normalizer<" + word.str() +
                    "> : " + q + ", " + q + ", " + q + " -> " + q + "\nreturn %o : " + q + "\n}");
    EXPECT_TRUE(std::isnan(
        program.run({filled({1, 1, 1, 1}, 1), filled({1, 1, 1, 1}, notANumber)})[0].values[0]));
  }
}

TEST(Edge, SameBitsForAnyNumberOfThreads) {
  Program program(attention("mask(<causal>)"));
  HostTensor q = arbitrary({2, 1, 300, 2}, 1), k = arbitrary({2, 1, 400, 2}, 2),
             v = arbitrary({2, 1, 400, 2}, 3);
  setEvaluationThreads(1);
  auto one = program.run({q, k, v}, Precision::Plain);
  setEvaluationThreads(5);
  auto five = program.run({q, k, v}, Precision::Plain);
  setEvaluationThreads(0);
  EXPECT_EQ(one[0].values, five[0].values);
  EXPECT_EQ(one[1].values, five[1].values);
}

TEST(Edge, ContradictingLengthsAreRefused) {
  Program program(attention(""));
  EXPECT_TRUE(failed(
      program.tryRun({filled({1, 1, 1, 2}, 1), filled({1, 1, 3, 2}, 1), filled({1, 1, 4, 2}, 1)})));
  EXPECT_NE(program.errors.find("value must have the sizes [1, 1, 3, 2], found [1, 1, 4, 2]"),
            std::string::npos)
      << program.errors;
}
