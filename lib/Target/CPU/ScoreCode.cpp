//===- ScoreCode.cpp - score regions as vector code --------------------------===//
#include "ScoreCode.h"
#include "MaskCode.h"
#include "attn/IR/AttnOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::attn;

static bool isTableRead(Operation &op) { return isa<LookupOp, memref::LoadOp>(op); }

LogicalResult ScoreCode::check(Block &region) {
  for (Operation &op : region.without_terminator()) {
    if (isTableRead(op) || OpTrait::hasElementwiseMappableTraits(&op) ||
        op.hasTrait<OpTrait::ConstantLike>())
      continue;
    return op.emitError() << "'" << op.getName()
                          << "' cannot stand in a score region on a CPU; use scalar arith and math "
                             "operations, attn.lookup or "
                             "tensor.extract";
  }
  return success();
}

bool ScoreCode::dependsOnKey(Operation &op) {
  return llvm::any_of(op.getOperands(),
                      [&](Value operand) { return keyDependent.contains(operand); });
}

void ScoreCode::prepare(Value batch, Value heads, Value positions) {
  keyDependent.insert(region.getArgument(0));
  keyDependent.insert(region.getArgument(4));
  rowValues.map(region.getArgument(1), batch);
  rowValues.map(region.getArgument(2),
                Value(arith::IndexCastOp::create(b, b.indexVector(), heads)));
  rowValues.map(region.getArgument(3),
                Value(arith::IndexCastOp::create(b, b.indexVector(), positions)));
  for (Operation &op : region.without_terminator()) {
    if (!dependsOnKey(op))
      emit(op, rowValues);
    else
      keyDependent.insert(op.result_begin(), op.result_end());
  }
}

Value ScoreCode::apply(Value score, Value key) {
  IRMapping values = rowValues;
  values.map(region.getArgument(0), score);
  values.map(region.getArgument(4), key);
  for (Operation &op : region.without_terminator())
    if (dependsOnKey(op))
      emit(op, values);
  Value result = lookup(region.getTerminator()->getOperand(0), values);
  return isa<VectorType>(result.getType()) ? result : b.broadcast(result);
}

Value ScoreCode::lookup(Value value, const IRMapping &values) {
  if (Value found = values.lookupOrNull(value))
    return found;
  return captured.lookupOrDefault(value);
}

void ScoreCode::emit(Operation &op, IRMapping &values) {
  SmallVector<Value> operands =
      llvm::map_to_vector(op.getOperands(), [&](Value v) { return lookup(v, values); });
  Value result = isTableRead(op) ? emitTableRead(op, operands) : emitElementwise(op, operands);
  values.map(op.getResult(0), result);
}

/// The same operation on vectors as soon as one operand is one.
Value ScoreCode::emitElementwise(Operation &op, ArrayRef<Value> operands) {
  bool isVector = llvm::any_of(operands, [](Value v) { return isa<VectorType>(v.getType()); });
  SmallVector<Value> wide(operands);
  Type type = op.getResult(0).getType();
  if (isVector) {
    for (Value &operand : wide)
      if (!isa<VectorType>(operand.getType()))
        operand = b.broadcast(operand);
    type = VectorType::get(b.lanes(), type);
  }
  OperationState state(b.getLoc(), op.getName(), wide, type, op.getAttrs());
  return b.create(state)->getResult(0);
}

Value ScoreCode::emitTableRead(Operation &op, ArrayRef<Value> operands) {
  auto table = dyn_cast<LookupOp>(op);
  Value memref = table ? constantTable(b, table.getTable()) : operands.front();
  SmallVector<Value> indices(operands.drop_front(table ? 0 : 1));
  auto wide = llvm::find_if(indices, [](Value v) { return isa<VectorType>(v.getType()); });
  if (wide == indices.end())
    return memref::LoadOp::create(b, memref, indices);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value lanes = *wide;
  int64_t lane = 0;
  return emitByLane(b, lanes, element, [&](Value) -> Value {
    SmallVector<Value> at = llvm::map_to_vector(indices, [&](Value v) -> Value {
      return isa<VectorType>(v.getType()) ? Value(extractLane(b, v, lane)) : v;
    });
    ++lane;
    return memref::LoadOp::create(b, memref, at);
  });
}
