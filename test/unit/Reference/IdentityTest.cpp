//===- IdentityTest.cpp - two ways to write the same attention ---------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

/// Runs @f and @g of a module on the same arguments and compares all results.
static void expectSame(StringRef text, ArrayRef<HostTensor> args) {
  Program program(text);
  auto f = program.run(args), g = program.run(args, Precision::Exact, "g");
  ASSERT_EQ(f.size(), g.size());
  for (auto [a, b] : llvm::zip_equal(f, g)) {
    expectNear(a, b, 1e-12);
    // Equal because both are empty or zero would prove nothing.
    EXPECT_TRUE(llvm::any_of(a.values, [](double v) { return v != 0 && std::isfinite(v); }));
  }
}

TEST(Identity, LatentExpandedEqualsAbsorbed) {
  // DeepSeek-V2: 3 heads, latent 6, nope 4, rope 2, value size 5; V is a column range of K when
  // absorbed.
  expectSame(R"(
func.func @f(%q: tensor<2x3x?x6xf32>, %c: tensor<2x1x?x8xf32>, %wk: tensor<3x6x4xf32>, %wv: tensor<3x6x5xf32>)
    -> (tensor<2x3x?x5xf32>, tensor<2x3x?xf32>) {
  %latent = attn.columns %c from 0 : tensor<2x1x?x8xf32> -> tensor<2x1x?x6xf32>
  %rope = attn.columns %c from 6 : tensor<2x1x?x8xf32> -> tensor<2x1x?x2xf32>
  %kn = attn.expand %latent, %wk : tensor<2x1x?x6xf32>, tensor<3x6x4xf32> -> tensor<2x3x?x4xf32>
  %k = attn.concat %kn, %rope : tensor<2x3x?x4xf32>, tensor<2x1x?x2xf32> -> tensor<2x3x?x6xf32>
  %v = attn.expand %latent, %wv : tensor<2x1x?x6xf32>, tensor<3x6x5xf32> -> tensor<2x3x?x5xf32>
  %o, %l = attn.attention %q, %k, %v scale(0.4) mask(<causal>)
    : tensor<2x3x?x6xf32>, tensor<2x3x?x6xf32>, tensor<2x3x?x5xf32> -> tensor<2x3x?x5xf32>, tensor<2x3x?xf32>
  return %o, %l : tensor<2x3x?x5xf32>, tensor<2x3x?xf32>
}
func.func @g(%q: tensor<2x3x?x6xf32>, %c: tensor<2x1x?x8xf32>, %wk: tensor<3x6x4xf32>, %wv: tensor<3x6x5xf32>)
    -> (tensor<2x3x?x5xf32>, tensor<2x3x?xf32>) {
  %qn = attn.columns %q from 0 : tensor<2x3x?x6xf32> -> tensor<2x3x?x4xf32>
  %qr = attn.columns %q from 4 : tensor<2x3x?x6xf32> -> tensor<2x3x?x2xf32>
  %qa = attn.expand %qn, %wk transposed : tensor<2x3x?x4xf32>, tensor<3x6x4xf32> -> tensor<2x3x?x6xf32>
  %qq = attn.concat %qa, %qr : tensor<2x3x?x6xf32>, tensor<2x3x?x2xf32> -> tensor<2x3x?x8xf32>
  %v = attn.columns %c from 0 : tensor<2x1x?x8xf32> -> tensor<2x1x?x6xf32>
  %o, %l = attn.attention %qq, %c, %v scale(0.4) mask(<causal>)
    : tensor<2x3x?x8xf32>, tensor<2x1x?x8xf32>, tensor<2x1x?x6xf32> -> tensor<2x3x?x6xf32>, tensor<2x3x?xf32>
  %r = attn.expand %o, %wv : tensor<2x3x?x6xf32>, tensor<3x6x5xf32> -> tensor<2x3x?x5xf32>
  return %r, %l : tensor<2x3x?x5xf32>, tensor<2x3x?xf32>
})",
             {arbitrary({2, 3, 4, 6}, 1), arbitrary({2, 1, 9, 8}, 2), arbitrary({3, 6, 4}, 3),
              arbitrary({3, 6, 5}, 4)});
}

TEST(Identity, MergeOfSplitsEqualsTheWhole) {
  // Three parts, of which some rows see nothing in the last: those parts must be skipped.
  expectSame(
      R"(
!q = tensor<1x2x?x4xf32>
!l = tensor<1x2x?xf32>
func.func @f(%q: !q, %k: !q, %v: !q) -> (!q, !l) {
  %o, %l = attn.attention %q, %k, %v scale(0.5) mask(<causal>) : !q, !q, !q -> !q, !l
  return %o, %l : !q, !l
}
func.func @g(%q: !q, %k: !q, %v: !q) -> (!q, !l) {
  %a, %la = attn.attention %q, %k, %v scale(0.5) mask(<causal and prefix<3>>) : !q, !q, !q -> !q, !l
  %b, %lb = attn.attention %q, %k, %v scale(0.5) mask(<causal and prefix<9> and not prefix<3>>) : !q, !q, !q -> !q, !l
  %c, %lc = attn.attention %q, %k, %v scale(0.5) mask(<causal and not prefix<9>>) : !q, !q, !q -> !q, !l
  %x, %lx = attn.merge %a, %b lse %la, %lb : !q, !l
  %o, %l = attn.merge %c, %x lse %lc, %lx : !q, !l
  return %o, %l : !q, !l
})",
      {arbitrary({1, 2, 12, 4}, 1), arbitrary({1, 2, 12, 4}, 2), arbitrary({1, 2, 12, 4}, 3)});
}

TEST(Identity, SinkEqualsAKeyWithoutValue) {
  expectSame(R"(
!q = tensor<1x1x3x4xf32>
!k = tensor<1x1x6x4xf32>
func.func @f(%q: !q, %k: !k, %v: !k, %s: tensor<1xf32>) -> (!q, tensor<1x1x3xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(0.5) mask(<not prefix<1>>) sinks(%s : tensor<1xf32>)
    : !q, !k, !k -> !q, tensor<1x1x3xf32>
  return %o, %l : !q, tensor<1x1x3xf32>
}
func.func @g(%q: !q, %k: !k, %v: !k, %t: tensor<1xf32>) -> (!q, tensor<1x1x3xf32>) {
  %o, %l = attn.attention %q, %k, %v scale(0.5) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %zero = arith.constant 0 : index
    %first = arith.cmpi eq, %j, %zero : index
    %sink = tensor.extract %t[%zero] : tensor<1xf32>
    %r = arith.select %first, %sink, %s : f32
    attn.yield %r : f32
  } : !q, !k, !k -> !q, tensor<1x1x3xf32>
  return %o, %l : !q, tensor<1x1x3xf32>
})",
             [] {
               HostTensor v = arbitrary({1, 1, 6, 4}, 3);
               std::fill_n(v.values.begin(), 4, 0.0);
               return SmallVector<HostTensor>{arbitrary({1, 1, 3, 4}, 1),
                                              arbitrary({1, 1, 6, 4}, 2), v, of({1}, {0.7})};
             }());
}

TEST(Identity, CountWeightedEntryEqualsItsCopies) {
  // RazorAttention's compensation: one mean entry standing for five dropped ones.
  Program program(R"(
!q = tensor<1x1x2x4xf32>
!k = tensor<1x1x?x4xf32>
func.func @f(%q: !q, %k: !k, %v: !k) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %zero = arith.constant 0 : index
    %first = arith.cmpi eq, %j, %zero : index
    %n = arith.constant 5.0 : f32
    %c = math.log %n : f32
    %t = arith.addf %s, %c : f32
    %r = arith.select %first, %t, %s : f32
    attn.yield %r : f32
  } : !q, !k, !k -> !q
  return %o : !q
}
func.func @g(%q: !q, %k: !k, %v: !k) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) : !q, !k, !k -> !q
  return %o : !q
})");
  HostTensor q = arbitrary({1, 1, 2, 4}, 1), k = arbitrary({1, 1, 4, 4}, 2),
             v = arbitrary({1, 1, 4, 4}, 3);
  auto copied = [](const HostTensor &t) {
    HostTensor result({1, 1, 8, 4}, ElementKind::F32);
    for (int64_t row = 0; row < 8; ++row)
      std::copy_n(t.values.begin() + 4 * std::max<int64_t>(0, row - 4), 4,
                  result.values.begin() + 4 * row);
    return result;
  };
  expectNear(program.run({q, k, v})[0],
             program.run({q, copied(k), copied(v)}, Precision::Exact, "g")[0]);
}

TEST(Identity, HeadMapEqualsReplicatedHeads) {
  expectSame(R"(
!q = tensor<1x5x2x4xf32>
!k = tensor<1x3x6x4xf32>
!r = tensor<1x5x6x4xf32>
func.func @f(%q: !q, %k: !k, %v: !k) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) heads(key = [0, 0, 0, 2, 2], value = [2, 1, 1, 0, 0]) : !q, !k, !k -> !q
  return %o : !q
}
func.func @g(%q: !q, %k: !k, %v: !k) -> !q {
  %kr = attn.select_heads %k [0, 0, 0, 2, 2] : !k -> !r
  %vr = attn.select_heads %v [2, 1, 1, 0, 0] : !k -> !r
  %o = attn.attention %q, %kr, %vr scale(0.5) : !q, !r, !r -> !q
  return %o : !q
})",
             {arbitrary({1, 5, 2, 4}, 1), arbitrary({1, 3, 6, 4}, 2), arbitrary({1, 3, 6, 4}, 3)});
}

TEST(Identity, FewerQueryHeadsEqualRepeatedQueries) {
  expectSame(R"(
!q = tensor<1x2x2x4xf32>
!k = tensor<1x4x6x4xf32>
!o = tensor<1x4x2x4xf32>
func.func @f(%q: !q, %k: !k, %v: !k) -> !o {
  %o = attn.attention %q, %k, %v scale(0.5) : !q, !k, !k -> !o
  return %o : !o
}
func.func @g(%q: !q, %k: !k, %v: !k) -> !o {
  %r = attn.select_heads %q [0, 0, 1, 1] : !q -> !o
  %o = attn.attention %r, %k, %v scale(0.5) : !o, !k, !k -> !o
  return %o : !o
})",
             {arbitrary({1, 2, 2, 4}, 1), arbitrary({1, 4, 6, 4}, 2), arbitrary({1, 4, 6, 4}, 3)});
}

TEST(Identity, ScaleMovesBetweenQueryKeyAndProduct) {
  expectSame(R"(
!q = tensor<1x2x3x4xf32>
func.func @f(%q: !q, %k: !q, %v: !q) -> !q {
  %s = attn.scale %q by 3.0 : !q
  %t = attn.scale %k by 0.25 : !q
  %o = attn.attention %s, %t, %v scale(0.5) mask(<causal>) : !q, !q, !q -> !q
  return %o : !q
}
func.func @g(%q: !q, %k: !q, %v: !q) -> !q {
  %o = attn.attention %q, %k, %v scale(0.375) mask(<causal>) : !q, !q, !q -> !q
  return %o : !q
})",
             {arbitrary({1, 2, 3, 4}, 1), arbitrary({1, 2, 3, 4}, 2), arbitrary({1, 2, 3, 4}, 3)});
}

TEST(Identity, AlibiInTheRegionEqualsItsBiasTable) {
  expectSame(R"(
!q = tensor<1x2x3x4xf32>
!k = tensor<1x2x5x4xf32>
func.func @f(%q: !q, %k: !k, %v: !k, %t: tensor<2x5x5xf32>) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) mask(<causal>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %m = attn.lookup %h in [0.0625, 0.00390625]
    %d = arith.subi %i, %j : index
    %n = arith.index_cast %d : index to i64
    %x = arith.sitofp %n : i64 to f32
    %y = arith.mulf %m, %x : f32
    %r = arith.subf %s, %y : f32
    attn.yield %r : f32
  } : !q, !k, !k -> !q
  return %o : !q
}
func.func @g(%q: !q, %k: !k, %v: !k, %t: tensor<2x5x5xf32>) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) mask(<causal>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %x = tensor.extract %t[%h, %i, %j] : tensor<2x5x5xf32>
    %r = arith.addf %s, %x : f32
    attn.yield %r : f32
  } : !q, !k, !k -> !q
  return %o : !q
})",
             [] {
               HostTensor bias({2, 5, 5}, ElementKind::F32);
               for (int64_t h = 0; h < 2; ++h)
                 for (int64_t i = 0; i < 5; ++i)
                   for (int64_t j = 0; j < 5; ++j)
                     bias.at({h, i, j}) = -static_cast<double>(i - j) *
                                          std::pow(2.0, -8.0 * static_cast<double>(h + 1) / 2.0);
               return SmallVector<HostTensor>{arbitrary({1, 2, 3, 4}, 1),
                                              arbitrary({1, 2, 5, 4}, 2),
                                              arbitrary({1, 2, 5, 4}, 3), bias};
             }());
}

TEST(Identity, ChunkedPrefillEqualsWholePrefill) {
  // The second half of the rows alone, at their offset, against all keys.
  Program program(R"(
!q = tensor<1x1x?x4xf32>
func.func @f(%q: !q, %k: !q, %v: !q, %p: index) -> !q {
  %o = attn.attention %q, %k, %v scale(0.5) mask(<causal and window<5> or sink<1>>) offset(%p) : !q, !q, !q -> !q
  return %o : !q
})");
  HostTensor q = arbitrary({1, 1, 10, 4}, 1), k = arbitrary({1, 1, 10, 4}, 2),
             v = arbitrary({1, 1, 10, 4}, 3);
  HostTensor late = of({1, 1, 4, 4}, {q.values.begin() + 24, q.values.end()});
  auto whole = program.run({q, k, v, HostTensor::scalar(0)})[0];
  auto part = program.run({late, k, v, HostTensor::scalar(6)})[0];
  expectValues(part, {whole.values.begin() + 24, whole.values.end()});
}
