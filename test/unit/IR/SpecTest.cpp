//===- SpecTest.cpp - defaults of attn.spec, and records as values ------------===//
#include "IRTest.h"
#include "mlir/IR/BuiltinOps.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

namespace {

class SpecTest : public IRTest {
protected:
  SpecOp spec(const std::string &fields) {
    module = parseSourceString<ModuleOp>("attn.spec @s {" + fields + "}", &context);
    EXPECT_TRUE(module) << fields;
    return *module->getOps<SpecOp>().begin();
  }
  OwningOpRef<ModuleOp> module;
};

TEST_F(SpecTest, AbsentCountsFollowTheOnesBefore) {
  SpecOp mha = spec("query_heads = 12, qk_size = 64");
  EXPECT_EQ(mha.keyHeads(), 12);
  EXPECT_EQ(mha.valueHeads(), 12);
  EXPECT_EQ(mha.vSize(), 64);
  SpecOp gqa = spec("query_heads = 12, key_heads = 4, qk_size = 64, v_size = 32");
  EXPECT_EQ(gqa.valueHeads(), 4);
  EXPECT_EQ(gqa.vSize(), 32);
}

TEST_F(SpecTest, ScoreHeadsAreTheLargestCountOrTheTable) {
  EXPECT_EQ(spec("query_heads = 4, key_heads = 8, value_heads = 2, qk_size = 8").scoreHeads(), 8);
  EXPECT_EQ(spec("query_heads = 2, qk_size = 8, query_map = array<i64: 0, 1, 0>, "
                 "key_map = array<i64: 0, 1, 1>, value_map = array<i64: 0, 1, 1>")
                .scoreHeads(),
            3);
}

TEST_F(SpecTest, ScaleMaskAndTypeHaveDefaults) {
  SpecOp op = spec("query_heads = 4, qk_size = 64");
  EXPECT_DOUBLE_EQ(op.scoreScale(), 0.125);
  EXPECT_EQ(op.maskOrDefault(), parse<MaskAttr>("#attn.mask<causal>"));
  EXPECT_EQ(op.normalizerOrDefault(), Normalizer::Softmax);
  EXPECT_TRUE(op.elementType().isF32());
}

TEST_F(SpecTest, LatentGivesSizesAndCache) {
  SpecOp op = spec("query_heads = 16, v_size = 96, "
                   "latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64>");
  EXPECT_EQ(op.qkSize(), 192);
  EXPECT_EQ(op.vSize(), 96);
  EXPECT_DOUBLE_EQ(op.scoreScale(), 1 / std::sqrt(192.0));
  EXPECT_EQ(op.cachedElementsPerToken(true), 576);
}

TEST_F(SpecTest, CacheCountsKeysAndValuesOnce) {
  EXPECT_EQ(spec("query_heads = 32, key_heads = 8, qk_size = 128").cachedElementsPerToken(false),
            2 * 8 * 128);
  EXPECT_EQ(spec("query_heads = 8, key_heads = 4, value_heads = 2, qk_size = 64, v_size = 128")
                .cachedElementsPerToken(false),
            4 * 64 + 2 * 128);
  EXPECT_EQ(spec("query_heads = 8, qk_size = 64, kv_from = 0").cachedElementsPerToken(false), 0);
}

// The parser's list of fields and the declared ones are two lists; they must stay one.
TEST_F(SpecTest, EveryDeclaredFieldCanBeWritten) {
  ScopedDiagnosticHandler handler(&context, [](Diagnostic &diagnostic) {
    EXPECT_EQ(diagnostic.str().find("has no field"), std::string::npos) << diagnostic.str();
    return success();
  });
  for (StringRef name : SpecOp::getAttributeNames())
    if (name != "sym_name")
      parseSourceString<ModuleOp>("attn.spec @s {query_heads = 1, qk_size = 8, " + name.str() +
                                      " = !attn.rows<1>}",
                                  &context);
}

TEST_F(SpecTest, RecordsReadDefaultsForAbsentFields) {
  auto rope = RopeAttr::get(
      &context,
      builder.getDictionaryAttr({builder.getNamedAttr("dims", builder.getI64IntegerAttr(64))}));
  EXPECT_EQ(rope.getDims(), 64);
  EXPECT_EQ(rope.getStart(), 0);
  EXPECT_EQ(rope.getReal("base"), 10000);
  EXPECT_EQ(rope.getWord("scaling"), "none");
  EXPECT_TRUE(rope.getFlag("truncate"));
  EXPECT_TRUE(rope.getReals("bases").empty());
  EXPECT_FALSE(rope.has("base"));
  EXPECT_FALSE(rope.isInterleaved());
}

TEST_F(SpecTest, RecordsRefuseValuesOfTheWrongKind) {
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  auto emitError = [&] { return mlir::emitError(builder.getUnknownLoc()); };
  auto dims = builder.getNamedAttr("dims", builder.getI64IntegerAttr(64));
  auto make = [&](StringRef name, Attribute value) {
    auto fields = builder.getDictionaryAttr({dims, builder.getNamedAttr(name, value)});
    return static_cast<bool>(RopeAttr::getChecked(emitError, &context, fields));
  };
  EXPECT_TRUE(make("start", builder.getI64IntegerAttr(8)));
  EXPECT_FALSE(make("start", builder.getI32IntegerAttr(8)));
  EXPECT_FALSE(make("start", builder.getF64FloatAttr(8)));
  EXPECT_FALSE(make("base", builder.getF32FloatAttr(1)));
  EXPECT_FALSE(make("base", builder.getI64IntegerAttr(1)));
  EXPECT_FALSE(make("layout", builder.getI64IntegerAttr(0)));
  EXPECT_FALSE(make("layout", builder.getStringAttr("quarters")));
  EXPECT_FALSE(make("bases", builder.getF64ArrayAttr({1.0})));
  EXPECT_FALSE(make("colour", builder.getStringAttr("red")));
  EXPECT_FALSE(RopeAttr::getChecked(emitError, &context, builder.getDictionaryAttr({})));
}

TEST_F(SpecTest, NearestWordFindsTyposAndNothingElse) {
  StringRef words[] = {"causal", "window", "sink"};
  EXPECT_EQ(nearestWord("cuasal", words), "causal");
  EXPECT_EQ(nearestWord("windows", words), "window");
  EXPECT_EQ(nearestWord("zebra", words), "");
  EXPECT_EQ(nearestWord("", ArrayRef<StringRef>()), "");
}

} // namespace
