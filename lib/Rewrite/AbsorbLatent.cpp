//===- AbsorbLatent.cpp - moves key and value expansions off the cache ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"

namespace mlir::attn {

#define GEN_PASS_DEF_ABSORBLATENTPASS
#include "attn/Rewrite/Passes.h.inc"

/// What keeps an operation from commuting with a matrix that is applied to each token.
static StringRef natureOf(Operation *op) {
  if (isa<RopeOp>(op))
    return "which turns by a token's position";
  if (isa<NormOp>(op))
    return "which divides by the length of the whole vector";
  if (isa<GateOp, ClampOp>(op))
    return "which is not linear";
  if (isa<BiasOp>(op))
    return "which adds a constant, so that it is not linear";
  if (isa<ShortConvOp>(op))
    return "which weighs each channel of a token by itself";
  return "which makes other vectors of it";
}

/// Why an expansion below `between` cannot move past it.
static std::string reasonAgainst(Operation *between) {
  if (isa<ScaleOp, HeadsOp>(between))
    return "which attn-fold-scale or attn-fold-heads removes; run it first";
  if (isa<ConcatOp>(between))
    return "so that only a part of each vector is an expansion; concatenate before expanding";
  if (isa<ShiftOp, CarryOp, NewestOp>(between))
    return "which can come before the expansion; write it there";
  return (natureOf(between) + " and does not commute with an expansion; keep them expanded").str();
}

/// Says what stands between an expansion and `value`, when something does; silent otherwise.
static LogicalResult explainBlocked(RewriterBase &rewriter, AttentionOp op, Value value,
                                    StringRef side) {
  for (Value part : partsOf(value)) {
    Operation *between = value.getDefiningOp();
    if (!part.getDefiningOp<ExpandOp>() && !findBelowTransforms<ExpandOp>(part, between))
      continue;
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected the expansion to make the " << side << " itself, found "
             << between->getName() << " in between, " << reasonAgainst(between);
    });
  }
  return failure();
}

//===----------------------------------------------------------------------===//
// Key side
//===----------------------------------------------------------------------===//

/// Whether every score head's query head and the weight of its key head have one number.
static bool weightsFollowQueries(AttentionOp op, ExpandOp expand) {
  int64_t weights = expand.getWeight().getType().getDimSize(0);
  if (weights == 1)
    return true;
  HeadMap map = op.headMap();
  return weights == op.queryHeads() && map.query == map.key;
}

static LogicalResult declineWeights(RewriterBase &rewriter, AttentionOp op, ExpandOp expand) {
  return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
    reason << "expected key weights of one head, or one per query head in the order of the score "
              "heads; "
              "found "
           << expand.getWeight().getType().getDimSize(0) << " weight heads for " << op.queryHeads()
           << " query heads; keep the keys expanded";
  });
}

/// The query columns that met `expand`'s part of the key, taken through the transposed weight.
static Value absorbIntoQuery(RewriterBase &rewriter, Location loc, Value columns, ExpandOp expand) {
  int64_t heads = std::max(headsOf(columns), expand.getWeight().getType().getDimSize(0));
  auto type = headsType(columns, heads, sizeOf(expand.getInput()));
  return ExpandOp::create(rewriter, loc, type, columns, expand.getWeight(),
                          !expand.getTransposed());
}

/// Key parts whose expansions move, at least one; fails where one cannot.
static LogicalResult checkKeyParts(RewriterBase &rewriter, AttentionOp op, ArrayRef<Value> parts) {
  bool any = false;
  for (Value part : parts) {
    auto expand = part.getDefiningOp<ExpandOp>();
    if (expand && !weightsFollowQueries(op, expand))
      return declineWeights(rewriter, op, expand);
    any |= static_cast<bool>(expand);
  }
  return any ? success() : explainBlocked(rewriter, op, op.getKey(), "keys");
}

LogicalResult absorbLatentKey(RewriterBase &rewriter, AttentionOp op) {
  SmallVector<Value> parts = partsOf(op.getKey());
  if (failed(checkKeyParts(rewriter, op, parts)) || failed(checkUnscheduled(rewriter, op)))
    return failure();

  SmallVector<Value> queryParts, keyParts;
  int64_t first = 0;
  for (Value part : parts) {
    Value columns = columnsOf(rewriter, op.getLoc(), op.getQuery(), first, sizeOf(part));
    auto expand = part.getDefiningOp<ExpandOp>();
    queryParts.push_back(expand ? absorbIntoQuery(rewriter, op.getLoc(), columns, expand)
                                : columns);
    keyParts.push_back(expand ? expand.getInput() : part);
    first += sizeOf(part);
  }

  HeadMap map = op.headMap();
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

LogicalResult absorbLatentValue(RewriterBase &rewriter, AttentionOp op) {
  auto expand = op.getValue().getDefiningOp<ExpandOp>();
  if (!expand)
    return explainBlocked(rewriter, op, op.getValue(), "values");
  HeadMap map = op.headMap();
  int64_t weights = expand.getWeight().getType().getDimSize(0);
  if (weights != 1 && (weights != map.size() || map.value != evenHeadMap(weights, weights)))
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected value weights of one head, or one per score head in order; found "
             << weights << " weight heads for " << map.size()
             << " score heads; keep the values expanded";
    });
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();

  Value out = op.getOut();
  Type expandedType = out.getType();
  rewriter.modifyOpInPlace(op, [&] {
    out.setType(headsType(out, map.size(), sizeOf(expand.getInput())));
    op.getValueMutable().assign(expand.getInput());
    setHeadMap(op, map);
  });
  rewriter.setInsertionPointAfter(op);
  auto moved = ExpandOp::create(rewriter, op.getLoc(), expandedType, out, expand.getWeight(),
                                expand.getTransposed());
  rewriter.replaceAllUsesExcept(out, moved.getResult(), moved);
  eraseUnreadTransforms(rewriter, op);
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct AbsorbLatentPass : impl::AbsorbLatentPassBase<AbsorbLatentPass> {
  using Base::Base;

  void runOnOperation() override {
    CountedRewrite rewrites[] = {{absorbLatentKey, &numKeys}, {absorbLatentValue, &numValues}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
