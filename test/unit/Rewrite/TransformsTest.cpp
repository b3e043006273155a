//===- TransformsTest.cpp - rewrites as functions ----------------------------===//

#include "attn/Rewrite/Transforms.h"
#include "Equivalence.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::attn;

/// Expands keys below a rotation, which no law moves, and values, which one does.
static const char *const source = R"(
func.func @f(%q: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x4xf32>, %w: tensor<2x4x8xf32>) -> tensor<?x2x?x8xf32> {
  %e = attn.expand %c, %w : tensor<?x1x?x4xf32>, tensor<2x4x8xf32> -> tensor<?x2x?x8xf32>
  %k = attn.rope %e <dims = 8> : tensor<?x2x?x8xf32>
  %o = attn.attention %q, %k, %e scale(1.0)
      : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
})";

namespace {
/// Collects the sentences of rewrites that decline.
struct Sentences : RewriterBase::Listener {
  void notifyMatchFailure(Location loc, function_ref<void(Diagnostic &)> reason) override {
    Diagnostic diagnostic(loc, DiagnosticSeverity::Remark);
    reason(diagnostic);
    all.push_back(diagnostic.str());
  }
  std::vector<std::string> all;
};
} // namespace

static AttentionOp onlyAttention(Program &program) {
  AttentionOp found;
  program.module->walk([&](AttentionOp op) { found = op; });
  return found;
}

TEST(Transforms, DeclinedRewriteChangesNothingAndSaysWhy) {
  Program program(source);
  std::string before = program.text();
  Sentences sentences;
  IRRewriter rewriter(&program.context, &sentences);
  AttentionOp op = onlyAttention(program);
  rewriter.setInsertionPoint(op);
  EXPECT_TRUE(failed(absorbLatentKey(rewriter, op)));
  EXPECT_EQ(program.text(), before);
  ASSERT_EQ(sentences.all.size(), 1u);
  EXPECT_NE(sentences.all[0].find("found attn.rope in between"), std::string::npos)
      << sentences.all[0];
}

TEST(Transforms, NothingToDoIsSilent) {
  Program program(source);
  Sentences sentences;
  IRRewriter rewriter(&program.context, &sentences);
  AttentionOp op = onlyAttention(program);
  rewriter.setInsertionPoint(op);
  for (auto rewrite : {expandLatentKey, expandLatentValue, foldScaleOfProduct, foldScaleOfOutput,
                       foldScaleOfValue, foldHeads})
    EXPECT_TRUE(failed(rewrite(rewriter, op)));
  EXPECT_TRUE(sentences.all.empty());
}

// One law may apply where the other declines; the shared expansion stays for the keys.
TEST(Transforms, LawsApplyIndependently) {
  Program program(source);
  Sentences sentences;
  IRRewriter rewriter(&program.context, &sentences);
  AttentionOp op = onlyAttention(program);
  rewriter.setInsertionPoint(op);
  EXPECT_TRUE(succeeded(absorbLatentValue(rewriter, op)));
  EXPECT_EQ(op.vSize(), 4);
  EXPECT_TRUE(op.getKey().getDefiningOp<RopeOp>());
  EXPECT_TRUE(succeeded(verify(*program.module))) << program.messages;
}
