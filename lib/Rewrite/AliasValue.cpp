//===- AliasValue.cpp - values become a column range of the keys ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"

namespace mlir::attn {

#define GEN_PASS_DEF_ALIASVALUEPASS
#include "attn/Rewrite/Passes.h.inc"

/// Where the columns of `value` begin in the concatenation `key`; none where no part has them.
static std::optional<int64_t> findColumns(ConcatOp key, Value value) {
  int64_t at = 0;
  for (Value part : key.getParts()) {
    if (part == value)
      return at;
    auto inner = value.getDefiningOp<ColumnsOp>();
    if (inner && inner.getInput() == part)
      return at + static_cast<int64_t>(inner.getFirst());
    at += sizeOf(part);
  }
  return std::nullopt;
}

LogicalResult aliasValue(RewriterBase &rewriter, AttentionOp op) {
  if (op.valueColumnOfKey())
    return failure();
  auto key = op.getKey().getDefiningOp<ConcatOp>();
  std::optional<int64_t> first = key ? findColumns(key, op.getValue()) : std::nullopt;
  if (!first)
    return failure();
  HeadMap map = op.headMap();
  if (op.keyHeads() != op.valueHeads() || map.key != map.value)
    return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
      reason << "expected each score head to read its key and its value from one head, found "
             << op.keyHeads() << " key heads and " << op.valueHeads()
             << " value heads; the values stay a load of their own";
    });
  if (failed(checkUnscheduled(rewriter, op)))
    return failure();
  Value columns = ColumnsOp::create(rewriter, op.getLoc(), op.getValue().getType(), op.getKey(),
                                    static_cast<uint64_t>(*first));
  rewriter.modifyOpInPlace(op, [&] { op.getValueMutable().assign(columns); });
  eraseUnreadTransforms(rewriter, op);
  return success();
}

namespace {
struct AliasValuePass : impl::AliasValuePassBase<AliasValuePass> {
  using Base::Base;

  void runOnOperation() override {
    CountedRewrite rewrites[] = {{aliasValue, &numValues}};
    if (failed(rewriteAttentions(getOperation(), rewrites, strict)))
      signalPassFailure();
  }
};
} // namespace

} // namespace mlir::attn
