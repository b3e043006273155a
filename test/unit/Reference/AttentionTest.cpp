//===- AttentionTest.cpp - attention by hand, on small numbers ---------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

// With key size 1 and query 1 a score is the key itself, so weights can be written down.
static const char *const oneHead = R"(
func.func @f(%q: tensor<1x1x?x1xf32>, %k: tensor<1x1x?x1xf32>, %v: tensor<1x1x?x1xf32>)
    -> (tensor<1x1x?x1xf32>, tensor<1x1x?xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(1.0)
    : tensor<1x1x?x1xf32>, tensor<1x1x?x1xf32>, tensor<1x1x?x1xf32> -> tensor<1x1x?x1xf32>, tensor<1x1x?xf32>
  return %o, %l : tensor<1x1x?x1xf32>, tensor<1x1x?xf32>
})";

TEST(Attention, SoftmaxOfTwoKeys) {
  // exp(ln 3) : exp(0) = 3 : 1.
  auto results = Program(oneHead).run(
      {of({1, 1, 1, 1}, {1}), of({1, 1, 2, 1}, {std::log(3.0), 0.0}), of({1, 1, 2, 1}, {8, 4})});
  expectValues(results[0], {7.0});
  expectValues(results[1], {std::log(4.0)});
}

TEST(Attention, ScaleMultipliesTheProduct) {
  Program program(R"(
func.func @f(%q: tensor<1x1x1x2xf32>, %k: tensor<1x1x2x2xf32>, %v: tensor<1x1x2x3xf32>) -> tensor<1x1x1x3xf32> {
  %o = attn.attention %q, %k, %v scale(0.5)
    : tensor<1x1x1x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x3xf32> -> tensor<1x1x1x3xf32>
  return %o : tensor<1x1x1x3xf32>
})");
  // Products 2 ln 3 and 0; halved ln 3 and 0.
  double t = std::log(3.0);
  auto results = program.run({of({1, 1, 1, 2}, {1, 1}), of({1, 1, 2, 2}, {t, t, 1, -1}),
                              of({1, 1, 2, 3}, {4, 0, 8, 0, 4, 8})});
  expectValues(results[0], {3, 1, 8});
}

TEST(Attention, SinkJoinsTheSumButHasNoValue) {
  Program program(R"(
func.func @f(%q: tensor<1x2x1x1xf32>, %k: tensor<1x1x1x1xf32>, %v: tensor<1x1x1x1xf32>, %s: tensor<2xf32>)
    -> (tensor<1x2x1x1xf32>, tensor<1x2x1xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(1.0) sinks(%s : tensor<2xf32>)
    : tensor<1x2x1x1xf32>, tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x2x1x1xf32>, tensor<1x2x1xf32>
  return %o, %l : tensor<1x2x1x1xf32>, tensor<1x2x1xf32>
})");
  auto results = program.run({of({1, 2, 1, 1}, {0, 0}), of({1, 1, 1, 1}, {1}),
                              of({1, 1, 1, 1}, {8}), of({2}, {std::log(3.0), -infinity})});
  expectValues(results[0], {2, 8});
  expectValues(results[1], {std::log(4.0), 0.0});
}

TEST(Attention, OtherNormalisers) {
  auto program = [](StringRef word) {
    return ("func.func @f(%q: tensor<1x1x1x1xf32>, %k: tensor<1x1x3x1xf32>, %v: "
            "tensor<1x1x3x1xf32>) -> "
            "tensor<1x1x1x1xf32> {\n"
            "%o = attn.attention %q, %k, %v scale(1.0) normalizer<" +
            word +
            "> : tensor<1x1x1x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32> -> "
            "tensor<1x1x1x1xf32>\n"
            "return %o : tensor<1x1x1x1xf32>\n}")
        .str();
  };
  SmallVector<HostTensor> args = {of({1, 1, 1, 1}, {1}), of({1, 1, 3, 1}, {-2, 0, 3}),
                                  of({1, 1, 3, 1}, {100, 10, 2})};
  expectValues(Program(program("relu")).run(args)[0], {6.0});
  double sigmoid = 100 / (1 + std::exp(2.0)) + 10 * 0.5 + 2 / (1 + std::exp(-3.0));
  expectValues(Program(program("sigmoid")).run(args)[0], {sigmoid});
}

/// One query row per head that sees one key per head: the output names the head it read.
static std::string headsProgram(int hq, int hk, int hv, int h, StringRef maps) {
  auto type = [](int heads) { return "tensor<1x" + std::to_string(heads) + "x1x1xf32>"; };
  return "func.func @f(%q: " + type(hq) + ", %k: " + type(hk) + ", %v: " + type(hv) + ") -> (" +
         type(h) + ", tensor<1x" + std::to_string(h) + "x1xf32>) {\n" +
         "%o, %l = attn.attention %q, %k, %v scale(1.0) " + maps.str() + " : " + type(hq) + ", " +
         type(hk) + ", " + type(hv) + " -> " + type(h) + ", tensor<1x" + std::to_string(h) +
         "x1xf32>\nreturn %o, %l : " + type(h) + ", tensor<1x" + std::to_string(h) + "x1xf32>\n}";
}

static SmallVector<HostTensor> runHeads(int hq, int hk, int hv, int h, StringRef maps) {
  auto iota = [](int heads, double step) {
    HostTensor t({1, heads, 1, 1}, ElementKind::F32);
    for (int i = 0; i < heads; ++i)
      t.values[i] = step * (i + 1);
    return t;
  };
  Program program(headsProgram(hq, hk, hv, h, maps));
  return program.run({iota(hq, 1), iota(hk, 10), iota(hv, 1)});
}

TEST(Attention, EvenGroupsByDefault) {
  auto results = runHeads(4, 2, 1, 4, "");
  expectValues(results[0], {1, 1, 1, 1});
  // With one key, lse is the score: query head times ten times key head.
  expectValues(results[1], {10, 20, 60, 80});
}

TEST(Attention, KeyAndValueHeadsAreIndependent) {
  auto results = runHeads(4, 1, 4, 4, "");
  expectValues(results[0], {1, 2, 3, 4});
  expectValues(results[1], {10, 20, 30, 40});
}

TEST(Attention, FewerQueryHeadsThanKeyHeads) {
  auto results = runHeads(2, 4, 4, 4, "");
  expectValues(results[0], {1, 2, 3, 4});
  expectValues(results[1], {10, 20, 60, 80});
}

TEST(Attention, UnevenTableWithAnEmptyGroup) {
  auto results = runHeads(5, 3, 3, 5, "heads(key = [0, 0, 0, 2, 2], value = [2, 2, 0, 0, 0])");
  expectValues(results[0], {3, 3, 1, 1, 1});
  expectValues(results[1], {10, 20, 30, 120, 150});
}

TEST(Attention, QueryTable) {
  auto results =
      runHeads(2, 2, 2, 3, "heads(query = [1, 0, 1], key = [0, 1, 1], value = [0, 1, 0])");
  expectValues(results[0], {1, 2, 1});
  expectValues(results[1], {20, 20, 40});
}

TEST(Attention, ScoreRegionSeesPositionsAndHeads) {
  Program program(R"(
func.func @f(%q: tensor<2x2x2x1xf32>, %k: tensor<2x2x3x1xf32>, %v: tensor<2x2x3x1xf32>, %t: tensor<2x2x?x?xf32>)
    -> (tensor<2x2x2x1xf32>, tensor<2x2x2xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(1.0) mask(<window<1> and causal>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %x = tensor.extract %t[%b, %h, %i, %j] : tensor<2x2x?x?xf32>
    %y = arith.addf %s, %x : f32
    attn.yield %y : f32
  } : tensor<2x2x2x1xf32>, tensor<2x2x3x1xf32>, tensor<2x2x3x1xf32> -> tensor<2x2x2x1xf32>, tensor<2x2x2xf32>
  return %o, %l : tensor<2x2x2x1xf32>, tensor<2x2x2xf32>
})");
  HostTensor table({2, 2, 3, 3}, ElementKind::F32);
  for (int64_t i = 0; i < 36; ++i)
    table.values[i] = static_cast<double>(i);
  auto results = program.run({HostTensor({2, 2, 2, 1}, ElementKind::F32),
                              HostTensor({2, 2, 3, 1}, ElementKind::F32),
                              HostTensor({2, 2, 3, 1}, ElementKind::F32), table});
  // Each row sees its own position only, 1 and 2 (offset 3 - 2): the table's diagonal.
  expectValues(results[1], {4, 8, 13, 17, 22, 26, 31, 35});
}

TEST(Attention, LookupByHead) {
  Program program(R"(
func.func @f(%q: tensor<1x2x1x1xf32>, %k: tensor<1x2x1x1xf32>) -> tensor<1x2x1xf32> {
  %o, %l = attn.attention %q, %k, %k scale(1.0) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %x = attn.lookup %h in [0.25, 4.0]
    %y = arith.addf %s, %x : f32
    attn.yield %y : f32
  } : tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<1x2x1x1xf32>, tensor<1x2x1xf32>
  return %l : tensor<1x2x1xf32>
})");
  HostTensor zero({1, 2, 1, 1}, ElementKind::F32);
  expectValues(program.run({zero, zero})[0], {0.25, 4.0});
}

TEST(Attention, SoftcapComesBeforeTheMask) {
  // A capped score of a masked key would be -cap, and its key would take part.
  Program program(R"(
func.func @f(%q: tensor<1x1x2x1xf32>, %k: tensor<1x1x2x1xf32>) -> tensor<1x1x2xf32> {
  %o, %l = attn.attention %q, %k, %k scale(1.0) mask(<causal>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 2.0 : f32
    %d = arith.divf %s, %c : f32
    %t = math.tanh %d : f32
    %r = arith.mulf %t, %c : f32
    attn.yield %r : f32
  } : tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32> -> tensor<1x1x2x1xf32>, tensor<1x1x2xf32>
  return %l : tensor<1x1x2xf32>
})");
  auto results = program.run({of({1, 1, 2, 1}, {1, 1}), of({1, 1, 2, 1}, {1, 3})});
  double a = 2 * std::tanh(0.5), b = 2 * std::tanh(1.5);
  expectValues(results[0], {a, std::log(std::exp(a) + std::exp(b))});
}

TEST(Attention, OffsetPlacesTheQueries) {
  Program program(R"(
func.func @f(%q: tensor<1x1x1x1xf32>, %k: tensor<1x1x4x1xf32>, %p: index) -> tensor<1x1x1x1xf32> {
  %o = attn.attention %q, %k, %k scale(1.0) mask(<causal>) offset(%p)
    : tensor<1x1x1x1xf32>, tensor<1x1x4x1xf32>, tensor<1x1x4x1xf32> -> tensor<1x1x1x1xf32>
  return %o : tensor<1x1x1x1xf32>
})");
  HostTensor q({1, 1, 1, 1}, ElementKind::F32), k = of({1, 1, 4, 1}, {4, 8, 0, 100});
  expectValues(program.run({q, k, HostTensor::scalar(0)})[0], {4});
  expectValues(program.run({q, k, HostTensor::scalar(1)})[0], {6});
  expectValues(program.run({q, k, HostTensor::scalar(2)})[0], {4});
}

TEST(Attention, PlainRoundsWeightsAndOutputToTheElementType) {
  Program program(R"(
func.func @f(%q: tensor<1x1x1x1xbf16>, %k: tensor<1x1x6x1xbf16>, %v: tensor<1x1x6x1xbf16>) -> tensor<1x1x1x1xbf16> {
  %o = attn.attention %q, %k, %v scale(1.0)
    : tensor<1x1x1x1xbf16>, tensor<1x1x6x1xbf16>, tensor<1x1x6x1xbf16> -> tensor<1x1x1x1xbf16>
  return %o : tensor<1x1x1x1xbf16>
})");
  SmallVector<HostTensor> args = {of({1, 1, 1, 1}, {0}, ElementKind::BF16),
                                  of({1, 1, 6, 1}, {0, 0, 0, 0, 0, 0}, ElementKind::BF16),
                                  of({1, 1, 6, 1}, {7, 0, 0, 0, 0, 0}, ElementKind::BF16)};
  expectValues(program.run(args)[0], {7.0 / 6.0});
  // 1/6 becomes 0.1669921875; seven of it are 1.1689453125, which rounds to 150/128, whereas
  // 7/6 itself would round to 149/128.
  expectValues(program.run(args, Precision::Plain)[0], {1.171875}, 0);
}

TEST(Attention, PlainIsCloseToExactInFloat32) {
  Program program(oneHead);
  HostTensor q = arbitrary({1, 1, 40, 1}, 1), k = arbitrary({1, 1, 60, 1}, 2),
             v = arbitrary({1, 1, 60, 1}, 3);
  auto exact = program.run({q, k, v}), plain = program.run({q, k, v}, Precision::Plain);
  double difference = 0;
  for (size_t i = 0; i < 40; ++i)
    difference = std::max(difference, std::fabs(exact[0].values[i] - plain[0].values[i]));
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, 1e-5);
}
