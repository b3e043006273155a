//===- FoldHeads.cpp - replicated heads become the head map ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"

namespace mlir::attn {

#define GEN_PASS_DEF_FOLDHEADSPASS
#include "attn/Rewrite/Passes.h.inc"

/// Composes one axis of the map with the selection that makes `operand`, and reads its input.
/// Whether there was one.
static bool foldAxis(OpOperand &operand, SmallVector<int64_t> &map) {
  auto select = operand.get().getDefiningOp<HeadsOp>();
  if (!select)
    return false;
  for (int64_t &head : map)
    head = select.getTable()[head];
  operand.set(select.getInput());
  return true;
}

/// Says what stands between a selection of heads and the attention, when something does.
static LogicalResult explainBlocked(RewriterBase &rewriter, AttentionOp op) {
  for (Value operand : {op.getQuery(), op.getKey(), op.getValue()}) {
    Operation *between = nullptr;
    if (findBelowTransforms<HeadsOp>(operand, between))
      return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
        reason << "expected the selection of heads next to the attention, found "
               << between->getName() << " in between; select the heads after it";
      });
  }
  return failure();
}

LogicalResult foldHeads(RewriterBase &rewriter, AttentionOp op) {
  Value operands[] = {op.getQuery(), op.getKey(), op.getValue()};
  bool any = llvm::any_of(operands, [](Value v) { return !!v.getDefiningOp<HeadsOp>(); });
  if (!any)
    return explainBlocked(rewriter, op);
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();
  HeadMap map = op.headMap();
  rewriter.modifyOpInPlace(op, [&] {
    foldAxis(op.getQueryMutable(), map.query);
    foldAxis(op.getKeyMutable(), map.key);
    foldAxis(op.getValueMutable(), map.value);
    setHeadMap(op, map);
  });
  eraseUnreadTransforms(rewriter, op);
  return success();
}

namespace {
struct FoldHeadsPass : impl::FoldHeadsPassBase<FoldHeadsPass> {
  using Base::Base;

  void runOnOperation() override {
    CountedRewrite rewrites[] = {{foldHeads, &numSelections}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
