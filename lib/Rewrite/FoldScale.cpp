//===- FoldScale.cpp - constant factors move into the attention ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include <cmath>

namespace mlir::attn {

#define GEN_PASS_DEF_FOLDSCALEPASS
#include "attn/Rewrite/Passes.h.inc"

//===----------------------------------------------------------------------===//
// Where a factor may be taken out
//===----------------------------------------------------------------------===//

/// Whether `op` is linear in each token of its first operand: a factor on it is one on the result.
static bool isLinear(Operation *op) {
  if (auto convolution = dyn_cast<ShortConvOp>(op))
    return !convolution.getBefore();
  return isa<RopeOp, ExpandOp, ColumnsOp, HeadsOp>(op);
}

/// The use through which `operand` is scaled: the operand itself, or that of an operation linear
/// in each token below it which nobody else reads. Null where there is none.
static OpOperand *scaledUse(OpOperand &operand) {
  OpOperand *use = &operand;
  while (Operation *maker = use->get().getDefiningOp()) {
    if (isa<ScaleOp>(maker))
      return use;
    if (!isLinear(maker) || !maker->hasOneUse())
      return nullptr;
    use = &maker->getOpOperand(0);
  }
  return nullptr;
}

/// Says what keeps a factor below `operand` from moving, when something does; silent otherwise.
static LogicalResult explainBlocked(RewriterBase &rewriter, AttentionOp op, Value operand) {
  Operation *between = nullptr;
  if (!findBelowTransforms<ScaleOp>(operand, between))
    return failure();
  return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
    reason << "expected only operations linear in a whole token, each with one reader, between the "
              "factor "
              "and the attention, found "
           << between->getName() << "; scale its result instead";
  });
}

/// Reads past the scale at `use`.
static void bypassScale(RewriterBase &rewriter, AttentionOp op, OpOperand &use) {
  auto scale = use.get().getDefiningOp<ScaleOp>();
  rewriter.modifyOpInPlace(use.getOwner(), [&] { use.set(scale.getInput()); });
  eraseUnreadTransforms(rewriter, op);
}

static double factorAt(OpOperand &use) {
  return use.get().getDefiningOp<ScaleOp>().getFactor().convertToDouble();
}

/// Multiplies the scale of `op` by `factor`; declines where the product is no finite number, or a
/// factor other than zero would vanish.
static LogicalResult multiplyScale(RewriterBase &rewriter, AttentionOp op, double factor) {
  double scale = op.getScale().convertToDouble(), product = scale * factor;
  if (!std::isfinite(product) || (product == 0.0 && scale != 0.0 && factor != 0.0))
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected the product of scale " << scale << " and factor " << factor
             << " within double precision's range, found " << product << "; bring both nearer to 1";
    });
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.setScaleAttr(rewriter.getF64FloatAttr(product)); });
  return success();
}

//===----------------------------------------------------------------------===//
// Queries and keys
//===----------------------------------------------------------------------===//

LogicalResult foldScaleOfProduct(RewriterBase &rewriter, AttentionOp op) {
  for (OpOperand *operand : {&op.getQueryMutable(), &op.getKeyMutable()}) {
    OpOperand *use = scaledUse(*operand);
    if (!use || failed(multiplyScale(rewriter, op, factorAt(*use))))
      continue;
    bypassScale(rewriter, op, *use);
    return success();
  }
  (void)explainBlocked(rewriter, op, op.getQuery());
  return explainBlocked(rewriter, op, op.getKey());
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

/// The scale that alone reads the output; null if others read it or none does.
static ScaleOp outputScale(AttentionOp op) {
  return op.getOut().hasOneUse() ? dyn_cast<ScaleOp>(*op.getOut().user_begin()) : ScaleOp();
}

LogicalResult foldScaleOfOutput(RewriterBase &rewriter, AttentionOp op) {
  ScaleOp scale = outputScale(op);
  if (!scale)
    return failure();
  double factor = scale.getFactor().convertToDouble();
  // max(f s, 0) = f max(s, 0) needs f > 0; a score region may do anything to a scaled product.
  bool homogeneous = op.getNormalizer() == Normalizer::Relu && !op.hasScoreRegion() && factor > 0.0;
  if (!homogeneous)
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected relu without a score region and a positive factor, under which a factor "
                "on the "
                "output is one on the scores; found normalizer "
             << stringifyNormalizer(op.getNormalizer())
             << (op.hasScoreRegion() ? " with a score region" : "") << " and factor " << factor
             << "; the factor stays on the output";
    });
  if (failed(multiplyScale(rewriter, op, factor)))
    return failure();
  rewriter.replaceOp(scale, op.getOut());
  return success();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

LogicalResult foldScaleOfValue(RewriterBase &rewriter, AttentionOp op) {
  OpOperand *use = scaledUse(op.getValueMutable());
  if (!use)
    return explainBlocked(rewriter, op, op.getValue());
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();
  double factor = factorAt(*use);
  bypassScale(rewriter, op, *use);
  Value out = op.getOut();
  rewriter.setInsertionPointAfter(op);
  auto scaled =
      ScaleOp::create(rewriter, op.getLoc(), out.getType(), out, rewriter.getF64FloatAttr(factor));
  rewriter.replaceAllUsesExcept(out, scaled.getResult(), scaled);
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct FoldScalePass : impl::FoldScalePassBase<FoldScalePass> {
  using Base::Base;

  void runOnOperation() override {
    // Outputs first: a factor that comes from the values is no refusal of theirs.
    CountedRewrite rewrites[] = {{foldScaleOfOutput, &numFactors},
                                 {foldScaleOfProduct, &numFactors},
                                 {foldScaleOfValue, &numFactors}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
