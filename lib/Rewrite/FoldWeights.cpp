//===- FoldWeights.cpp - two linear maps in a row become one weight ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "mlir/IR/Dominance.h"

namespace mlir::attn {

#define GEN_PASS_DEF_FOLDWEIGHTSPASS
#include "attn/Rewrite/Passes.h.inc"

static RankedTensorType weightType(Value weight) {
  return cast<RankedTensorType>(weight.getType());
}

/// Whether a token costs no more multiplications through the product of the weights than through
/// both: a chain that is narrow in the middle is a low-rank map and stays one.
static bool pays(ExpandOp first, Value second) {
  int64_t in = sizeOf(first.getInput()), middle = sizeOf(first.getResult());
  int64_t out = weightType(second).getDimSize(2);
  int64_t heads = std::max(headsOf(first.getResult()), weightType(second).getDimSize(0));
  return in * out * heads <= in * middle * headsOf(first.getResult()) + middle * out * heads;
}

/// The expansion that makes `input`, if it can be multiplied into `weight` at `op`.
static ExpandOp foldableBelow(Operation *op, Value input, Value weight) {
  auto first = input.getDefiningOp<ExpandOp>();
  if (!first || first.getTransposed() || !input.hasOneUse() || !pays(first, weight))
    return {};
  return first;
}

static Value composed(RewriterBase &rewriter, Location loc, Value first, Value second) {
  int64_t heads = std::max(weightType(first).getDimSize(0), weightType(second).getDimSize(0));
  auto type = RankedTensorType::get(
      {heads, weightType(first).getDimSize(1), weightType(second).getDimSize(2)},
      weightType(first).getElementType());
  return ComposeOp::create(rewriter, loc, type, first, second);
}

LogicalResult foldExpandOfExpand(RewriterBase &rewriter, ExpandOp op) {
  ExpandOp first =
      op.getTransposed() ? ExpandOp() : foldableBelow(op, op.getInput(), op.getWeight());
  if (!first)
    return failure();
  Value weight = composed(rewriter, op.getLoc(), first.getWeight(), op.getWeight());
  rewriter.replaceOpWithNewOp<ExpandOp>(op, op.getType(), first.getInput(), weight, false);
  rewriter.eraseOp(first);
  return success();
}

LogicalResult foldProjectOfExpand(RewriterBase &rewriter, ProjectOp op) {
  ExpandOp first = foldableBelow(op, op.getInput(), op.getWeight());
  if (!first)
    return failure();
  if (headsOf(first.getInput()) != headsOf(first.getResult()))
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected the expansion to keep " << headsOf(first.getResult())
             << " heads, found it makes them of one; the output projection stays apart";
    });
  Value weight = composed(rewriter, op.getLoc(), first.getWeight(), op.getWeight());
  rewriter.replaceOpWithNewOp<ProjectOp>(op, op.getType(), first.getInput(), weight);
  rewriter.eraseOp(first);
  return success();
}

namespace {
struct FoldWeightsPass : impl::FoldWeightsPassBase<FoldWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    DeclineReporter reporter(strict);
    IRRewriter rewriter(&getContext(), &reporter);
    // In order, so that a chain of three is folded from its beginning.
    SmallVector<Operation *> maps;
    getOperation()->walk([&](Operation *op) {
      if (isa<ExpandOp, ProjectOp>(op))
        maps.push_back(op);
    });
    for (Operation *op : maps) {
      rewriter.setInsertionPoint(op);
      auto expand = dyn_cast<ExpandOp>(op);
      LogicalResult folded = expand ? foldExpandOfExpand(rewriter, expand)
                                    : foldProjectOfExpand(rewriter, cast<ProjectOp>(op));
      numFolds += succeeded(folded);
    }
    if (reporter.failed)
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
