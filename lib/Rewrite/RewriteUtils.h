//===- RewriteUtils.h - what the rewrites of attention share ----*- C++ -*-===//
//
// Private to this room.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REWRITE_REWRITEUTILS_H
#define ATTN_LIB_REWRITE_REWRITEUTILS_H

#include "attn/IR/AttnOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace mlir::attn {

/// Largest head sizes that planning takes.
inline constexpr int64_t mostKeySize = 576, mostValueSize = 512;

/// Head count and head size of a [batch][head][sequence][size] value.
int64_t headsOf(Value value);
int64_t sizeOf(Value value);
/// The type of `like` with other heads and another size.
RankedTensorType headsType(Value like, int64_t heads, int64_t size);

/// The operands of the concatenation that makes `value`, or `value` alone.
SmallVector<Value> partsOf(Value value);
/// Columns `[first, first + size)`, without a new operation where one of `value`'s makers has them.
/// The result may have one head where `value` has several: a part that all heads share.
Value columnsOf(OpBuilder &builder, Location loc, Value value, int64_t first, int64_t size);
/// The parts end to end. Neighbouring column ranges of one tensor become one range again.
Value joinParts(OpBuilder &builder, Location loc, ArrayRef<Value> parts);

/// Writes `map` on `op`, whose operands are final, with tables only where they differ from the even
/// default. An axis left with one head gets zeros, whatever `map` says.
void setHeadMap(AttentionOp op, HeadMap map);

/// Erases the token transforms in front of `op`, in its block, that nothing reads any more.
void eraseUnreadTransforms(RewriterBase &rewriter, AttentionOp op);

/// Declines an attention that planning has been at: its schedule would no longer fit.
LogicalResult checkUnscheduled(RewriterBase &rewriter, AttentionOp op);

/// Whether `op` maps tokens to tokens, one by one or along the sequence.
bool isTokenTransform(Operation *op);

/// The first operation of kind `OpT` below token transforms of other kinds that make `value`, if
/// at least one such transform stands between; `between` names the uppermost.
template <typename OpT> OpT findBelowTransforms(Value value, Operation *&between) {
  between = value.getDefiningOp();
  for (Operation *at = between; at && !isa<OpT>(at) && isTokenTransform(at);
       at = at->getOperand(0).getDefiningOp())
    for (Value operand : at->getOperands())
      if (auto found = operand.getDefiningOp<OpT>())
        return found;
  return {};
}

/// Emits the sentences of rewrites that decline: remarks, or errors when strict.
struct DeclineReporter : RewriterBase::Listener {
  explicit DeclineReporter(bool strict) : strict(strict) {}
  void notifyMatchFailure(Location loc, function_ref<void(Diagnostic &)> reason) override;

  bool strict;
  /// Whether an error was emitted.
  bool failed = false;
};

/// A rewrite of one attention, and the statistic that counts how often it applied.
struct CountedRewrite {
  LogicalResult (*apply)(RewriterBase &, AttentionOp);
  Pass::Statistic *count;
};

/// Applies each rewrite to every attention under `root` until it changes nothing more. Sentences of
/// rewrites that decline become remarks, or errors when `strict`; fails when there was an error.
LogicalResult rewriteAttentions(Operation *root, ArrayRef<CountedRewrite> rewrites, bool strict);

} // namespace mlir::attn

#endif // ATTN_LIB_REWRITE_REWRITEUTILS_H
