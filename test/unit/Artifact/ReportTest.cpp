//===- ReportTest.cpp - costs and facts of entries ------------------------===//

#include "attn/Artifact/Report.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

class ReportTest : public ::testing::Test {
protected:
  ReportTest() { context.loadDialect<AttnDialect, func::FuncDialect>(); }

  func::FuncOp parse(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return *module->getOps<func::FuncOp>().begin();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

constexpr const char *plain = R"(
func.func @f(%q: tensor<?x6x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x3x?x8xf32>)
    -> tensor<?x6x?x8xf32> {
  %o = attn.attention %q, %k, %v scale(0.25) mask(<causal>)
    : tensor<?x6x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x3x?x8xf32> -> tensor<?x6x?x8xf32>
  return %o : tensor<?x6x?x8xf32>
})";

/// Keys and values expanded from a latent of 32, with a weight per head.
constexpr const char *latent = R"(
func.func @f(%q: tensor<?x4x?x16xbf16>, %c: tensor<?x1x?x32xbf16>, %w: tensor<4x32x16xbf16>)
    -> tensor<?x4x?x16xbf16> {
  %k = attn.expand %c, %w : tensor<?x1x?x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x4x?x16xbf16>
  %o = attn.attention %q, %k, %k scale(0.25)
    : tensor<?x4x?x16xbf16>, tensor<?x4x?x16xbf16>, tensor<?x4x?x16xbf16> -> tensor<?x4x?x16xbf16>
  return %o : tensor<?x4x?x16xbf16>
})";

ReportSizes sizes(int64_t batch, int64_t rows, int64_t keys) {
  ReportSizes sizes;
  sizes.batch = batch;
  sizes.queryLength = rows;
  sizes.keyLength = keys;
  return sizes;
}

} // namespace

TEST_F(ReportTest, CountsVisiblePairsAndBytesOnce) {
  Cost cost = costOf(parse(plain), sizes(2, 3, 10));
  // Rows at positions 7, 8 and 9 see 8, 9 and 10 keys.
  EXPECT_EQ(cost.flops, 2.0 * 6 * 27 * 2 * (16 + 8));
  EXPECT_EQ(cost.bytes, 4.0 * 2 * (6 * 3 * 16 + 2 * 10 * 16 + 3 * 10 * 8 + 6 * 3 * 8));
  EXPECT_FALSE(cost.isUpperBound);
}

TEST_F(ReportTest, EmptyCallsCostNothing) {
  Cost cost = costOf(parse(plain), sizes(0, 3, 10));
  EXPECT_EQ(cost.flops, 0);
  EXPECT_EQ(cost.bytes, 0);
  EXPECT_EQ(cost.intensity(), 0);
}

TEST_F(ReportTest, ExpansionsOfKeysRunAlongTheKeys) {
  Cost cost = costOf(parse(latent), sizes(1, 3, 10));
  double expansion = 2.0 * 10 * 4 * 32 * 16, attention = 4 * 3 * 10 * 2.0 * 32;
  EXPECT_EQ(cost.flops, expansion + attention);
  EXPECT_EQ(cost.bytes, 2.0 * (4 * 3 * 16 + 10 * 32 + 4 * 32 * 16 + 4 * 3 * 16));
}

TEST_F(ReportTest, KnowsHeadsFormAndCache) {
  HeadFacts facts = headFactsOf(parse(plain));
  EXPECT_EQ(facts.queryHeads, 6);
  EXPECT_EQ(facts.keyHeads, 2);
  EXPECT_EQ(facts.valueHeads, 3);
  EXPECT_EQ(facts.qkSize, 16);
  EXPECT_EQ(facts.vSize, 8);
  EXPECT_EQ(facts.mask, "causal");
  EXPECT_EQ(facts.form, "plain");
  EXPECT_EQ(facts.cacheBytesPerToken, 4 * (2 * 16 + 3 * 8));
  facts = headFactsOf(parse(latent));
  EXPECT_EQ(facts.form, "expanded");
  EXPECT_EQ(facts.cacheBytesPerToken, 2 * 32);
}

/// A function of the spec `@x`; what it computes does not matter to the cache.
static std::string withSpec(StringRef fields) {
  return ("attn.spec @x {" + fields + R"(}
func.func @f(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> attributes {attn.spec = @x} {
  %o = attn.attention %q, %k, %k scale(0.25)
    : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
})")
      .str();
}

// The papers' own counts of cached numbers per token and layer, of numbers if every head's keys and
// values were cached, and of MHA's in a model of that width.
TEST_F(ReportTest, CachesAreThePapersFormulas) {
  struct Case {
    const char *what, *spec;
    int64_t cached, expanded, mha;
  };
  constexpr int64_t r = 512, rope = 64;
  const Case cases[] = {
      {"MHA: 2 d", "width = 1024, query_heads = 16, qk_size = 64", 2 * 1024, 2 * 1024, 2 * 1024},
      {"GQA: 2 G d_h", "width = 4096, query_heads = 32, key_heads = 8, qk_size = 128", 2 * 8 * 128,
       2 * 8 * 128, 2 * 4096},
      {"MQA: 2 d_h", "width = 1024, query_heads = 16, key_heads = 1, qk_size = 64", 2 * 64, 2 * 64,
       2 * 1024},
      {"DiffQKV: nk d + nv d",
       "width = 2048, query_heads = 32, key_heads = 4, value_heads = 16, qk_size = 64",
       4 * 64 + 16 * 64, 4 * 64 + 16 * 64, 2 * 2048},
      {"MLA V2-Lite: r + rope",
       "width = 2048, query_heads = 16, v_size = 128, latent = #attn.latent<kv_rank = 512, nope = "
       "128, rope = 64>",
       r + rope, 16 * (192 + 128), 2 * 2048},
      {"MLA V3: 576",
       "width = 7168, query_heads = 128, v_size = 128, latent = #attn.latent<kv_rank = 512, nope = "
       "128, rope = "
       "64, q_rank = 1536>",
       576, 128 * (192 + 128), 2 * 7168},
      {"MiniCPM3: 288",
       "width = 2560, query_heads = 40, v_size = 64, latent = #attn.latent<kv_rank = 256, nope = "
       "64, rope = 32>",
       288, 40 * (96 + 64), 2 * 2560},
      {"X-EcoMLA: 160, 15.6 % of the teacher's 1024",
       "width = 2048, query_heads = 32, v_size = 64, latent = #attn.latent<kv_rank = 128, nope = "
       "32, rope = 32>",
       160, 32 * (64 + 64), 2 * 2048},
      {"a layer that reads another's: nothing",
       "width = 2048, query_heads = 16, key_heads = 1, qk_size = 128, layers = array<i64: 1>, "
       "kv_from = 0",
       0, 0, 2 * 2048},
  };
  for (const Case &one : cases) {
    SCOPED_TRACE(one.what);
    HeadFacts facts = headFactsOf(parse(withSpec(one.spec)));
    EXPECT_EQ(facts.cacheBytesPerToken, 4 * one.cached);
    EXPECT_EQ(facts.expandedBytesPerToken, 4 * one.expanded);
    EXPECT_EQ(facts.mhaBytesPerToken, 4 * one.mha);
    EXPECT_DOUBLE_EQ(facts.cacheRatio(), static_cast<double>(one.cached) / one.mha);
  }
}

TEST_F(ReportTest, DefaultLengthsFollowTheRole) {
  ReportSizes sizes;
  EXPECT_EQ(sizes.queryLengthFor("decode"), 1);
  EXPECT_EQ(sizes.queryLengthFor("layer-decode"), 1);
  EXPECT_EQ(sizes.queryLengthFor("prefill"), sizes.keyLength);
  sizes.queryLength = 5;
  EXPECT_EQ(sizes.queryLengthFor("decode"), 5);
}
