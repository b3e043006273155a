//===- MaskTest.cpp - the mask algebra as values ------------------------------===//
#include "IRTest.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

class MaskTest : public IRTest {
protected:
  MaskAttr mask(const std::string &text) { return parse<MaskAttr>("#attn.mask<" + text + ">"); }
};

TEST_F(MaskTest, WordsBuiltInCodeEqualTheirText) {
  EXPECT_EQ(MaskAttr::getAll(&context), mask("all"));
  EXPECT_EQ(MaskAttr::getWord(&context, MaskKind::Causal), mask("causal"));
  EXPECT_EQ(MaskAttr::getWord(&context, MaskKind::Window, {4096}), mask("window<4096>"));
  EXPECT_EQ(MaskAttr::getWord(&context, MaskKind::Blocks, {64, 128, 0}),
            mask("blocks<64, 128, 0>"));
}

TEST_F(MaskTest, JoiningAbsorbsTheNeutralWord) {
  MaskAttr causal = mask("causal"), all = mask("all"), none = mask("none");
  EXPECT_EQ(MaskAttr::getAnd(all, causal), causal);
  EXPECT_EQ(MaskAttr::getAnd(causal, all), causal);
  EXPECT_EQ(MaskAttr::getOr(none, causal), causal);
  EXPECT_EQ(MaskAttr::getOr(causal, none), causal);
  EXPECT_EQ(MaskAttr::getAnd(causal, causal), causal);
}

TEST_F(MaskTest, JoiningFlattensItsOwnKindOnly) {
  MaskAttr both = MaskAttr::getAnd(mask("causal"), mask("window<8>"));
  EXPECT_EQ(MaskAttr::getAnd(both, mask("sink<4>")), mask("causal and window<8> and sink<4>"));
  EXPECT_EQ(MaskAttr::getOr(both, mask("sink<4>")), mask("causal and window<8> or sink<4>"));
  EXPECT_EQ(MaskAttr::getAnd(MaskAttr::getOr(mask("causal"), mask("sink<4>")), mask("window<8>")),
            mask("(causal or sink<4>) and window<8>"));
}

TEST_F(MaskTest, TextReadsBackAsTheSameTree) {
  for (const char *text :
       {"causal and window<4096> or sink<4>", "not (causal or not sink<4>) and prefix<3>",
        "(causal or sink<1>) and (window<2> or chunk<64>)", "causal and (window<8> and sink<4>)",
        "per_head<[not causal, all and (none or stride<4>)], [0, 1, 0]>"}) {
    MaskAttr first = mask(text);
    ASSERT_TRUE(first);
    EXPECT_EQ(first.str(), text);
    EXPECT_EQ(mask(first.str()), first);
  }
}

TEST_F(MaskTest, OperandCountIsTheHighestNumberPlusOne) {
  EXPECT_EQ(mask("causal").getNumOperands(), 0);
  EXPECT_EQ(mask("prefix_length<0>").getNumOperands(), 1);
  EXPECT_EQ(mask("blocks<64, 128, 4>").getNumOperands(), 5);
  EXPECT_EQ(mask("document<0> and not dense<2>").getNumOperands(), 3);
  EXPECT_EQ(mask("per_head<[causal, prefix_length<1>], [0, 0]>").getNumOperands(), 2);
}

TEST_F(MaskTest, HeadDependenceIsFoundAtAnyDepth) {
  EXPECT_FALSE(mask("causal or document<0>").dependsOnHead());
  EXPECT_TRUE(mask("causal and not (sink<4> or dense<0>)").dependsOnHead());
  EXPECT_TRUE(mask("blocks<1, 1, 0>").dependsOnHead());
  EXPECT_TRUE(mask("per_head<[causal], [0]>").dependsOnHead());
}

TEST_F(MaskTest, ForHeadResolvesTablesAndKeepsTheRest) {
  MaskAttr perHead =
      mask("causal and not per_head<[window<8>, per_head<[sink<1>, sink<2>], [1, 0]>], [0, 1]>");
  EXPECT_EQ(perHead.forHead(0), mask("causal and not window<8>"));
  EXPECT_EQ(perHead.forHead(1), mask("causal and not sink<1>"));
  EXPECT_EQ(mask("dense<0>").forHead(5), mask("dense<0>"));
}

TEST_F(MaskTest, ContainsLooksAtEveryPart) {
  MaskAttr some = mask("causal and (window<8> or not per_head<[sink<4>], [0]>)");
  EXPECT_TRUE(some.contains(MaskKind::Causal));
  EXPECT_TRUE(some.contains(MaskKind::Sink));
  EXPECT_TRUE(some.contains(MaskKind::Not));
  EXPECT_FALSE(some.contains(MaskKind::Dense));
}

TEST_F(MaskTest, CheckedConstructionRefusesForeignParts) {
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  auto emitError = [&] { return mlir::emitError(builder.getUnknownLoc()); };
  Attribute foreign = builder.getI64IntegerAttr(1);
  ArrayRef<int64_t> none;
  EXPECT_FALSE(MaskAttr::getChecked(emitError, &context, MaskKind::Not, none, ArrayRef(foreign)));
  EXPECT_FALSE(MaskAttr::getChecked(emitError, &context, MaskKind::Not, none,
                                    ArrayRef<Attribute>(Attribute())));
  Attribute one = mask("causal");
  EXPECT_FALSE(MaskAttr::getChecked(emitError, &context, MaskKind::And, none, ArrayRef(one)));
  EXPECT_FALSE(
      MaskAttr::getChecked(emitError, &context, MaskKind::Or, none, ArrayRef<Attribute>()));
  EXPECT_FALSE(MaskAttr::getChecked(emitError, &context, MaskKind::Causal, none, ArrayRef(one)));
  EXPECT_FALSE(MaskAttr::getChecked(emitError, &context, static_cast<MaskKind>(99), none,
                                    ArrayRef<Attribute>()));
  EXPECT_TRUE(MaskAttr::getChecked(emitError, &context, MaskKind::Not, none, ArrayRef(one)));
}

} // namespace
