//===- VerifyTiled.cpp - checks the state `tiled` ---===//
#include "attn/Tiling/Transforms.h"

using namespace mlir;
using namespace mlir::attn;

static bool isWish(Operation *op) {
  return isa<AttentionOp, RopeOp, NormOp, ExpandOp, ConcatOp, ColumnsOp, HeadsOp, ScaleOp,
             ShortConvOp, MergeOp, GatedSumOp, TokensOp, ProjectOp, AppendOp, AddOp, GateOp,
             ShiftOp, JoinHeadsOp, ComposeOp, CombineOp, SelectionOp, BiasOp, ClampOp, CarryOp,
             NewestOp>(op);
}

static Type findTensor(TypeRange types) {
  for (Type type : types)
    if (isa<TensorType>(type))
      return type;
  return {};
}

static Type findTensor(Operation *op) {
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    if (Type type = findTensor(function.getArgumentTypes()))
      return type;
    return findTensor(function.getResultTypes());
  }
  if (Type type = findTensor(op->getOperandTypes()))
    return type;
  return findTensor(op->getResultTypes());
}

static LogicalResult verifyWork(WorkOp work) {
  for (StringRef field : {"rows", "panels", "keys"})
    if (work.getSchedule().getInt(field) <= 0)
      return work.emitOpError("expected a schedule with positive ")
             << field << ", found " << work.getSchedule().getInt(field)
             << "; let --attn-plan write it";
  return success();
}

static LogicalResult verifyOne(Operation *op) {
  if (isWish(op))
    return op->emitError("expected the tiled form only, found '")
           << op->getName() << "'; run --attn-tile first";
  if (Type type = findTensor(op))
    return op->emitError("expected memrefs only, found a tensor (")
           << type << "); run --attn-tile first";
  if (auto work = dyn_cast<WorkOp>(op))
    return verifyWork(work);
  return success();
}

LogicalResult attn::verifyTiled(ModuleOp module) {
  bool failed = false;
  module.walk([&](Operation *op) { failed |= verifyOne(op).failed(); });
  return failure(failed);
}
