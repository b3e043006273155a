//===- RewriteUtils.cpp - what the rewrites of attention share ---===//

#include "RewriteUtils.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Heads and columns
//===----------------------------------------------------------------------===//

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

int64_t headsOf(Value value) { return tensorType(value).getDimSize(1); }
int64_t sizeOf(Value value) { return tensorType(value).getDimSize(3); }

RankedTensorType headsType(Value like, int64_t heads, int64_t size) {
  RankedTensorType type = tensorType(like);
  return RankedTensorType::get({type.getDimSize(0), heads, type.getDimSize(2), size},
                               type.getElementType());
}

SmallVector<Value> partsOf(Value value) {
  if (auto concat = value.getDefiningOp<ConcatOp>())
    return SmallVector<Value>(concat.getParts());
  return {value};
}

/// The pieces of the parts of `concat` that lie in `[first, first + size)`.
static SmallVector<Value> piecesOf(OpBuilder &builder, Location loc, ConcatOp concat, int64_t first,
                                   int64_t size) {
  SmallVector<Value> pieces;
  int64_t at = 0;
  for (Value part : concat.getParts()) {
    int64_t from = std::max(first, at);
    int64_t to = std::min(first + size, at + sizeOf(part));
    if (from < to)
      pieces.push_back(columnsOf(builder, loc, part, from - at, to - from));
    at += sizeOf(part);
  }
  return pieces;
}

Value columnsOf(OpBuilder &builder, Location loc, Value value, int64_t first, int64_t size) {
  if (first == 0 && size == sizeOf(value))
    return value;
  if (auto columns = value.getDefiningOp<ColumnsOp>())
    return columnsOf(builder, loc, columns.getInput(), first + columns.getFirst(), size);
  if (auto concat = value.getDefiningOp<ConcatOp>())
    return joinParts(builder, loc, piecesOf(builder, loc, concat, first, size));
  return ColumnsOp::create(builder, loc, headsType(value, headsOf(value), size), value, first);
}

/// A part seen as the range `[first, first + size)` of the tensor it is a view of.
struct ColumnRange {
  Value part, source;
  int64_t first = 0, size = 0;
};

static ColumnRange rangeOf(Value part) {
  if (auto columns = part.getDefiningOp<ColumnsOp>())
    return {part, columns.getInput(), static_cast<int64_t>(columns.getFirst()), sizeOf(part)};
  return {part, part, 0, sizeOf(part)};
}

/// The parts with neighbouring ranges of one tensor made one.
static SmallVector<ColumnRange> mergeRanges(ArrayRef<Value> parts) {
  SmallVector<ColumnRange> ranges;
  for (Value part : parts) {
    ColumnRange next = rangeOf(part);
    bool adjoins = !ranges.empty() && ranges.back().source == next.source &&
                   ranges.back().first + ranges.back().size == next.first;
    if (!adjoins) {
      ranges.push_back(next);
      continue;
    }
    ranges.back().size += next.size;
    ranges.back().part = {};
  }
  return ranges;
}

Value joinParts(OpBuilder &builder, Location loc, ArrayRef<Value> parts) {
  SmallVector<Value> joined;
  int64_t heads = 1, size = 0;
  for (const ColumnRange &range : mergeRanges(parts)) {
    joined.push_back(range.part ? range.part
                                : columnsOf(builder, loc, range.source, range.first, range.size));
    heads = std::max(heads, headsOf(joined.back()));
    size += range.size;
  }
  if (joined.size() == 1)
    return joined.front();
  return ConcatOp::create(builder, loc, headsType(joined.front(), heads, size), joined);
}

//===----------------------------------------------------------------------===//
// Head maps
//===----------------------------------------------------------------------===//

void setHeadMap(AttentionOp op, HeadMap map) {
  int64_t scoreHeads = map.size();
  auto table = [&](SmallVector<int64_t> &entries, int64_t heads) -> DenseI64ArrayAttr {
    if (heads == 1)
      entries.assign(scoreHeads, 0);
    if (scoreHeads % heads == 0 && entries == evenHeadMap(scoreHeads, heads))
      return {};
    return DenseI64ArrayAttr::get(op.getContext(), entries);
  };
  DenseI64ArrayAttr query = table(map.query, op.queryHeads());
  DenseI64ArrayAttr key = table(map.key, op.keyHeads());
  DenseI64ArrayAttr value = table(map.value, op.valueHeads());
  // Without any table the longest axis counts the score heads; if none is as long, one table must.
  int64_t longest = std::max({op.queryHeads(), op.keyHeads(), op.valueHeads()});
  if (!query && !key && !value && longest != scoreHeads)
    key = DenseI64ArrayAttr::get(op.getContext(), map.key);
  op.setQueryMapAttr(query);
  op.setKeyMapAttr(key);
  op.setValueMapAttr(value);
}

//===----------------------------------------------------------------------===//
// Driving rewrites
//===----------------------------------------------------------------------===//

bool isTokenTransform(Operation *op) {
  return isa<RopeOp, NormOp, ScaleOp, ShortConvOp, HeadsOp, ColumnsOp, ExpandOp, ConcatOp, AddOp,
             BiasOp, ClampOp, GateOp, ShiftOp, CarryOp, NewestOp, JoinHeadsOp>(op);
}

void eraseUnreadTransforms(RewriterBase &rewriter, AttentionOp op) {
  // Backwards, so that what only an erased operation read goes as well.
  for (Operation *at = op->getPrevNode(); at;) {
    Operation *before = at->getPrevNode();
    if (isTokenTransform(at) && at->use_empty())
      rewriter.eraseOp(at);
    at = before;
  }
}

LogicalResult checkUnscheduled(RewriterBase &rewriter, AttentionOp op) {
  if (!op.getSchedule())
    return success();
  return rewriter.notifyMatchFailure(
      op, "expected an attention without a schedule, which a rewrite would make invalid; rewrite "
          "before planning");
}

void DeclineReporter::notifyMatchFailure(Location loc, function_ref<void(Diagnostic &)> reason) {
  InFlightDiagnostic diagnostic = strict ? emitError(loc) : emitRemark(loc);
  reason(*diagnostic.getUnderlyingDiagnostic());
  failed |= strict;
}

LogicalResult rewriteAttentions(Operation *root, ArrayRef<CountedRewrite> rewrites, bool strict) {
  SmallVector<AttentionOp> attentions;
  root->walk([&](AttentionOp op) { attentions.push_back(op); });
  DeclineReporter reporter(strict);
  IRRewriter rewriter(root->getContext(), &reporter);
  for (const CountedRewrite &rewrite : rewrites)
    for (AttentionOp op : attentions)
      for (rewriter.setInsertionPoint(op); succeeded(rewrite.apply(rewriter, op));
           rewriter.setInsertionPoint(op))
        ++*rewrite.count;
  return failure(reporter.failed);
}

} // namespace mlir::attn
