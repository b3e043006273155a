//===- GroupsToLatent.cpp - grouped keys and values become a latent ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"

namespace mlir::attn {

#define GEN_PASS_DEF_GROUPSTOLATENTPASS
#include "attn/Rewrite/Passes.h.inc"

/// The heads of `grouped` joined, and picked again by `table`, one per score head.
static Value throughLatent(RewriterBase &rewriter, Location loc, Value grouped,
                           ArrayRef<int64_t> table) {
  int64_t heads = headsOf(grouped), size = sizeOf(grouped);
  auto count = static_cast<int64_t>(table.size());
  Value latent = grouped;
  if (heads > 1)
    latent = JoinHeadsOp::create(rewriter, loc, headsType(grouped, 1, heads * size), grouped);
  auto weight = RankedTensorType::get({count, heads * size, size},
                                      cast<RankedTensorType>(grouped.getType()).getElementType());
  Value pick = SelectionOp::create(rewriter, loc, weight, rewriter.getDenseI64ArrayAttr(table));
  return ExpandOp::create(rewriter, loc, headsType(grouped, count, size), latent, pick,
                          /*transposed=*/false);
}

static bool isExpanded(Value value) {
  return llvm::any_of(partsOf(value),
                      [](Value part) { return part.getDefiningOp<ExpandOp>() != nullptr; });
}

LogicalResult groupsToLatent(RewriterBase &rewriter, AttentionOp op) {
  // One head is a latent already, and so is what is expanded.
  if ((op.keyHeads() == 1 && op.valueHeads() == 1) || isExpanded(op.getKey()) ||
      isExpanded(op.getValue()))
    return failure();
  HeadMap map = op.headMap();
  SmallVector<int64_t> own = evenHeadMap(map.size(), map.size());
  if (map.query != own)
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected one query head per score head, in order, found " << op.queryHeads()
             << " query heads for " << map.size()
             << " score heads; the weights of a latent are counted by query heads";
    });
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();
  Value key = throughLatent(rewriter, op.getLoc(), op.getKey(), map.key);
  Value value = throughLatent(rewriter, op.getLoc(), op.getValue(), map.value);
  map.key = map.value = own;
  rewriter.modifyOpInPlace(op, [&] {
    op.getKeyMutable().assign(key);
    op.getValueMutable().assign(value);
    setHeadMap(op, map);
  });
  return success();
}

namespace {
struct GroupsToLatentPass : impl::GroupsToLatentPassBase<GroupsToLatentPass> {
  using Base::Base;

  void runOnOperation() override {
    CountedRewrite rewrites[] = {{groupsToLatent, &numAttentions}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
