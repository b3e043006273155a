//===- CheckAllocations.cpp - kernels that return when there is no memory ----===//
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {
#define GEN_PASS_DEF_CHECKALLOCATIONS
#include "attn/Target/CPU/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

/// ATTN_ERROR_OUT_OF_MEMORY of attn_runtime.h.
static constexpr int64_t outOfMemory = 999002;

namespace {
/// An allocation, and the memory that is held when it is made.
struct Allocation {
  memref::AllocOp op;
  SmallVector<Value> held;
};
} // namespace

/// Memory that is allocated before `op`, and freed behind it.
static SmallVector<Value> heldAt(memref::AllocOp op, ArrayRef<memref::AllocOp> all,
                                 DominanceInfo &dominance) {
  SmallVector<Value> held;
  for (memref::AllocOp before : all) {
    bool isFreed = llvm::any_of(before->getUsers(), [&](Operation *user) {
      return isa<memref::DeallocOp>(user) && dominance.properlyDominates(user, op.getOperation());
    });
    if (dominance.properlyDominates(before.getOperation(), op.getOperation()) && !isFreed)
      held.push_back(before);
  }
  return held;
}

/// Where nothing was allocated, frees what is held and returns the code.
static void check(const Allocation &allocation) {
  memref::AllocOp op = allocation.op;
  Block *block = op->getBlock(), *rest = block->splitBlock(op->getNextNode());
  auto *none = new Block;
  block->getParent()->getBlocks().insertAfter(block->getIterator(), none);
  ImplicitLocOpBuilder b(op.getLoc(), op.getContext());
  b.setInsertionPointToEnd(block);
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, op.getResult());
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value failed = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, address, zero);
  cf::CondBranchOp::create(b, failed, none, rest);
  b.setInsertionPointToEnd(none);
  for (Value memory : allocation.held)
    memref::DeallocOp::create(b, memory);
  Value code = arith::ConstantOp::create(b, b.getI32IntegerAttr(outOfMemory));
  func::ReturnOp::create(b, code);
}

static LogicalResult checkFunction(func::FuncOp function) {
  SmallVector<memref::AllocOp> all;
  function.walk([&](memref::AllocOp op) { all.push_back(op); });
  ArrayRef<Type> results = function.getResultTypes();
  DominanceInfo dominance(function);
  SmallVector<Allocation> allocations;
  for (memref::AllocOp op : all) {
    bool canReturn =
        op->getParentOp() == function && results.size() == 1 && results.front().isInteger(32);
    if (!canReturn)
      return op.emitOpError(
          "expected to stand outside of parallel regions and loops, in a function "
          "whose result is a code, so that a failure can be returned");
    allocations.push_back({op, heldAt(op, all, dominance)});
  }
  llvm::for_each(allocations, check);
  return success();
}

namespace {
struct CheckAllocationsPass : attn::impl::CheckAllocationsBase<CheckAllocationsPass> {
  using CheckAllocationsBase::CheckAllocationsBase;

  void runOnOperation() override {
    if (failed(checkFunction(getOperation())))
      signalPassFailure();
  }
};
} // namespace
