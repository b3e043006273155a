//===- ExpandLatent.cpp - moves query and output expansions onto the cache ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "mlir/IR/Dominance.h"

namespace mlir::attn {

#define GEN_PASS_DEF_EXPANDLATENTPASS
#include "attn/Rewrite/Passes.h.inc"

//===----------------------------------------------------------------------===//
// Key side
//===----------------------------------------------------------------------===//

/// The expansion that makes a part of the query, when it is the mark of an absorbed key.
static ExpandOp absorbedExpansion(Value part) {
  auto expand = part.getDefiningOp<ExpandOp>();
  return expand && expand.getTransposed() ? expand : ExpandOp();
}

static int64_t weightHeads(ExpandOp expand) { return expand.getWeight().getType().getDimSize(0); }

/// Key heads after the expansion: as before for a shared weight, else one per query head. The
/// second needs keys that all heads share, or one key head per query head already.
static LogicalResult expandKeyMap(RewriterBase &rewriter, AttentionOp op, ArrayRef<Value> parts,
                                  HeadMap &map) {
  for (Value part : parts) {
    ExpandOp expand = absorbedExpansion(part);
    if (!expand || weightHeads(expand) == 1)
      continue;
    if (op.keyHeads() != 1 && (op.keyHeads() != op.queryHeads() || map.key != map.query))
      return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
        reason << "expected one key head, or one per query head in the order of the score heads; "
                  "found "
               << op.keyHeads() << " key heads for " << op.queryHeads()
               << " query heads; keep the keys absorbed";
      });
    map.key = map.query;
    return success();
  }
  return success();
}

/// Says what stands between an absorbed expansion and the query, when something does.
static LogicalResult explainQuery(RewriterBase &rewriter, AttentionOp op) {
  Operation *between = nullptr;
  ExpandOp expand = findBelowTransforms<ExpandOp>(op.getQuery(), between);
  if (!expand || !expand.getTransposed())
    return failure();
  return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
    reason << "expected the transposed expansion to make the queries itself, found "
           << between->getName() << " in between; keep the keys absorbed";
  });
}

LogicalResult expandLatentKey(RewriterBase &rewriter, AttentionOp op) {
  SmallVector<Value> parts = partsOf(op.getQuery());
  if (llvm::none_of(parts, absorbedExpansion))
    return explainQuery(rewriter, op);
  HeadMap map = op.headMap();
  if (failed(expandKeyMap(rewriter, op, parts, map)) || failed(checkUnscheduled(rewriter, op)))
    return failure();

  SmallVector<Value> queryParts, keyParts;
  int64_t first = 0;
  for (Value part : parts) {
    Value key = columnsOf(rewriter, op.getLoc(), op.getKey(), first, sizeOf(part));
    first += sizeOf(part);
    ExpandOp expand = absorbedExpansion(part);
    queryParts.push_back(expand ? expand.getInput() : part);
    if (expand) {
      auto type =
          headsType(key, std::max(headsOf(key), weightHeads(expand)), sizeOf(expand.getInput()));
      key = ExpandOp::create(rewriter, op.getLoc(), type, key, expand.getWeight(), false);
    }
    keyParts.push_back(key);
  }

  Value query = joinParts(rewriter, op.getLoc(), queryParts);
  Value key = joinParts(rewriter, op.getLoc(), keyParts);
  rewriter.modifyOpInPlace(op, [&] {
    op.getQueryMutable().assign(query);
    op.getKeyMutable().assign(key);
    setHeadMap(op, map);
  });
  eraseUnreadTransforms(rewriter, op);
  return success();
}

//===----------------------------------------------------------------------===//
// Value side
//===----------------------------------------------------------------------===//

/// Checks that the weights line up with the heads of values and scores.
static LogicalResult checkValueHeads(RewriterBase &rewriter, AttentionOp op, ExpandOp expand,
                                     const HeadMap &map) {
  int64_t weights = weightHeads(expand);
  bool ownHeads = op.valueHeads() == map.size() && map.value == evenHeadMap(map.size(), map.size());
  if (weights == 1 || (weights == map.size() && (op.valueHeads() == 1 || ownHeads)))
    return success();
  return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
    reason << "expected one weight head, or one per score head over values that are shared or have "
              "heads "
              "in that order; found "
           << weights << " weight heads and " << op.valueHeads() << " value heads for "
           << map.size() << " score heads; keep the output's expansion";
  });
}

/// An expansion that reads the output of `op`, if any.
static ExpandOp outputExpansion(AttentionOp op) {
  for (Operation *user : op.getOut().getUsers())
    if (auto expand = dyn_cast<ExpandOp>(user); expand && expand.getInput() == op.getOut())
      return expand;
  return {};
}

/// Checks that the expansion can stand in front of the attention and take the output's place.
static LogicalResult checkOutput(RewriterBase &rewriter, AttentionOp op, ExpandOp expand) {
  if (!op.getOut().hasOneUse())
    return rewriter.notifyMatchFailure(
        op, "expected the expansion to be the only reader of the output, found others; keep the "
            "output's expansion");
  if (!DominanceInfo().properlyDominates(expand.getWeight(), op))
    return rewriter.notifyMatchFailure(
        op, "expected the weight of the output's expansion to exist before the attention, found it "
            "made later; move its maker up");
  return success();
}

LogicalResult expandLatentValue(RewriterBase &rewriter, AttentionOp op) {
  ExpandOp expand = outputExpansion(op);
  HeadMap map = op.headMap();
  if (!expand || failed(checkOutput(rewriter, op, expand)) ||
      failed(checkValueHeads(rewriter, op, expand, map)) || failed(checkUnscheduled(rewriter, op)))
    return failure();

  int64_t heads = std::max(op.valueHeads(), weightHeads(expand));
  if (weightHeads(expand) > 1)
    map.value = evenHeadMap(heads, heads);
  auto type = headsType(op.getValue(), heads, sizeOf(expand.getResult()));
  auto value = ExpandOp::create(rewriter, op.getLoc(), type, op.getValue(), expand.getWeight(),
                                expand.getTransposed());
  rewriter.modifyOpInPlace(op, [&] {
    op.getOut().setType(expand.getType());
    op.getValueMutable().assign(value.getResult());
    setHeadMap(op, map);
  });
  rewriter.replaceOp(expand, op.getOut());
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct ExpandLatentPass : impl::ExpandLatentPassBase<ExpandLatentPass> {
  using Base::Base;

  void runOnOperation() override {
    CountedRewrite rewrites[] = {{expandLatentKey, &numKeys}, {expandLatentValue, &numValues}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
