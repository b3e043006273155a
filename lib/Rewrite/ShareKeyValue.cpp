//===- ShareKeyValue.cpp - layers that read one cache read one operand ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "mlir/IR/OperationSupport.h"

namespace mlir::attn {

#define GEN_PASS_DEF_SHAREKEYVALUEPASS
#include "attn/Rewrite/Passes.h.inc"

static constexpr StringRef cacheAttr = "attn.cache";

/// Arguments that name one cache become the first of them; counts those that went.
static FailureOr<int64_t> shareArguments(func::FuncOp function) {
  llvm::SmallDenseMap<Attribute, BlockArgument> first;
  SmallVector<BlockArgument> repeated;
  for (BlockArgument argument : function.getArguments()) {
    Attribute cache = function.getArgAttr(argument.getArgNumber(), cacheAttr);
    if (!cache)
      continue;
    auto [known, isNew] = first.try_emplace(cache, argument);
    if (isNew)
      continue;
    if (known->second.getType() != argument.getType())
      return emitError(argument.getLoc())
             << "expected argument " << argument.getArgNumber() << ", which names the cache "
             << cache << ", to be " << known->second.getType() << " like argument "
             << known->second.getArgNumber() << ", found " << argument.getType()
             << "; one cache has one shape";
    argument.replaceAllUsesWith(known->second);
    repeated.push_back(argument);
  }
  for (BlockArgument argument : llvm::reverse(repeated))
    if (failed(function.eraseArgument(argument.getArgNumber())))
      return function.emitError("expected arguments that can be removed");
  return static_cast<int64_t>(repeated.size());
}

/// The operations that make `value` of arguments, as far as they are token transforms.
static void collectMakers(Value value, llvm::SetVector<Operation *> &makers) {
  Operation *op = value.getDefiningOp();
  if (!op || !isTokenTransform(op) || makers.contains(op))
    return;
  for (Value operand : op->getOperands())
    collectMakers(operand, makers);
  makers.insert(op);
}

static bool computesTheSame(Operation *a, Operation *b) {
  return OperationEquivalence::isEquivalentTo(a, b, OperationEquivalence::exactValueMatch, nullptr,
                                              OperationEquivalence::IgnoreLocations);
}

/// Key and value transforms that several attentions repeat are done once.
static int64_t shareTransforms(func::FuncOp function) {
  llvm::SetVector<Operation *> makers;
  function.walk([&](AttentionOp op) {
    collectMakers(op.getKey(), makers);
    collectMakers(op.getValue(), makers);
  });
  SmallVector<Operation *> kept;
  int64_t shared = 0;
  for (Operation *op : makers) {
    auto same = llvm::find_if(kept, [&](Operation *other) {
      return other->getBlock() == op->getBlock() && other->isBeforeInBlock(op) &&
             computesTheSame(other, op);
    });
    if (same == kept.end()) {
      kept.push_back(op);
      continue;
    }
    op->replaceAllUsesWith(*same);
    op->erase();
    ++shared;
  }
  return shared;
}

FailureOr<int64_t> shareKeysAndValues(func::FuncOp function) {
  if (function.isExternal())
    return 0;
  FailureOr<int64_t> arguments = shareArguments(function);
  if (failed(arguments))
    return failure();
  return *arguments + shareTransforms(function);
}

namespace {
struct ShareKeyValuePass : impl::ShareKeyValuePassBase<ShareKeyValuePass> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      FailureOr<int64_t> shared = shareKeysAndValues(function);
      if (failed(shared))
        return signalPassFailure();
      numShared += *shared;
    }
  }
};
} // namespace

} // namespace mlir::attn
