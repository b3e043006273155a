//===- AttnFolds.cpp - folds and canonicalisation ----------------------------===//
#include "attn/IR/AttnOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::attn;

Operation *AttnDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                            Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

/// A constant index inside the table, or a table of one number.
OpFoldResult LookupOp::fold(FoldAdaptor adaptor) {
  ArrayRef<double> table = getTable();
  auto index = dyn_cast_or_null<IntegerAttr>(adaptor.getIndex());
  if (index && index.getInt() >= 0 && index.getInt() < static_cast<int64_t>(table.size()))
    return FloatAttr::get(Float32Type::get(getContext()), table[index.getInt()]);
  if (llvm::all_equal(table))
    return FloatAttr::get(Float32Type::get(getContext()), table.front());
  return {};
}

/// The whole range is the input itself; a range of a range is one range.
OpFoldResult ColumnsOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ColumnsOp>()) {
    setFirst(getFirst() + inner.getFirst());
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult HeadsOp::fold(FoldAdaptor) {
  bool identity = getInput().getType() == getResult().getType() &&
                  llvm::all_of(llvm::enumerate(getTable()),
                               [](auto e) { return static_cast<int64_t>(e.index()) == e.value(); });
  return identity ? getInput() : Value();
}

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  return getFactor().convertToDouble() == 1.0 ? getInput() : Value();
}

namespace {
/// concat(columns(x, 0, a), columns(x, a, b), ...) covering x in order is x.
struct JoinColumns : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    Value whole;
    int64_t next = 0;
    for (Value part : op.getParts()) {
      auto columns = part.getDefiningOp<ColumnsOp>();
      if (!columns || (whole && columns.getInput() != whole) ||
          static_cast<int64_t>(columns.getFirst()) != next)
        return rewriter.notifyMatchFailure(op, "parts are not consecutive columns of one tensor");
      whole = columns.getInput();
      next += cast<ShapedType>(part.getType()).getDimSize(3);
    }
    if (!whole || whole.getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "parts do not cover the tensor");
    rewriter.replaceOp(op, whole);
    return success();
  }
};

/// A single part is the result; a nested concat of equal heads is flattened.
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    if (op.getParts().size() == 1 && op.getParts().front().getType() == op.getResult().getType()) {
      rewriter.replaceOp(op, op.getParts().front());
      return success();
    }
    SmallVector<Value> flat;
    for (Value part : op.getParts()) {
      if (auto inner = part.getDefiningOp<ConcatOp>())
        llvm::append_range(flat, inner.getParts());
      else
        flat.push_back(part);
    }
    if (flat.size() == op.getParts().size())
      return rewriter.notifyMatchFailure(op, "nothing to flatten");
    rewriter.replaceOpWithNewOp<ConcatOp>(op, op.getResult().getType(), flat);
    return success();
  }
};

/// A mask that hides nothing is no mask.
struct DropFullMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.getMask() || !op.getMask()->isAll() || !op.getMaskOperands().empty())
      return rewriter.notifyMatchFailure(op, "the mask hides something, or is absent");
    rewriter.modifyOpInPlace(op, [&] { op.removeMaskAttr(); });
    return success();
  }
};

/// A region that yields its first argument is no region.
struct DropIdentityScore : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.hasScoreRegion())
      return rewriter.notifyMatchFailure(op, "no score region");
    Block &block = op.getScore().front();
    if (block.getTerminator()->getOperand(0) != block.getArgument(0))
      return rewriter.notifyMatchFailure(op, "the score region changes the score");
    rewriter.eraseBlock(&block);
    return success();
  }
};

/// Tables that say what even groups would say are dropped.
struct DropEvenTables : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.getQueryMap() && !op.getKeyMap() && !op.getValueMap())
      return rewriter.notifyMatchFailure(op, "no tables");
    int64_t heads = op.scoreHeads();
    if (heads != std::max({op.queryHeads(), op.keyHeads(), op.valueHeads()}))
      return rewriter.notifyMatchFailure(op, "the tables define the number of score heads");
    HeadMap map = op.headMap();
    bool query = op.getQueryMap() && map.query == evenHeadMap(heads, op.queryHeads()) &&
                 heads % op.queryHeads() == 0;
    bool key = op.getKeyMap() && map.key == evenHeadMap(heads, op.keyHeads()) &&
               heads % op.keyHeads() == 0;
    bool value = op.getValueMap() && map.value == evenHeadMap(heads, op.valueHeads()) &&
                 heads % op.valueHeads() == 0;
    if (!query && !key && !value)
      return rewriter.notifyMatchFailure(op, "the tables are not even groups");
    rewriter.modifyOpInPlace(op, [&] {
      if (query)
        op.removeQueryMapAttr();
      if (key)
        op.removeKeyMapAttr();
      if (value)
        op.removeValueMapAttr();
    });
    return success();
  }
};

/// The merge of one part is the part.
struct DropSingleMerge : OpRewritePattern<MergeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MergeOp op, PatternRewriter &rewriter) const override {
    if (op.getOuts().size() != 1)
      return rewriter.notifyMatchFailure(op, "more than one part");
    rewriter.replaceOp(op, {op.getOuts().front(), op.getLses().front()});
    return success();
  }
};
} // namespace

void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<JoinColumns, FlattenConcat>(context);
}

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropFullMask, DropIdentityScore, DropEvenTables>(context);
}

void MergeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropSingleMerge>(context);
}
