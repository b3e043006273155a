//===- ElementType.cpp - functions in another element type ----------------===//

#include "ElementType.h"

#include "attn/IR/AttnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::attn;

/// Values that keep their type.
static DenseSet<Value> keptValues(func::FuncOp function) {
  DenseSet<Value> kept;
  function.walk([&](Operation *op) {
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      for (Value value : {Value(attention.getLse()), Value(attention.getSinks())})
        if (value)
          kept.insert(value);
      kept.insert(attention.getMaskOperands().begin(), attention.getMaskOperands().end());
    } else if (auto merge = dyn_cast<MergeOp>(op)) {
      kept.insert(merge.getLses().begin(), merge.getLses().end());
      kept.insert(merge.getLse());
    } else if (auto sum = dyn_cast<GatedSumOp>(op)) {
      kept.insert(sum.getGates().begin(), sum.getGates().end());
    } else if (auto combine = dyn_cast<CombineOp>(op)) {
      kept.insert(combine.getCoefficients());
    } else if (auto read = dyn_cast<tensor::ExtractOp>(op)) {
      kept.insert(read.getTensor());
    }
  });
  return kept;
}

static DenseElementsAttr converted(DenseElementsAttr elements, FloatType element) {
  return elements.mapValues(element, [&](const APFloat &value) {
    APFloat rounded = value;
    bool losesInfo = false;
    rounded.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return rounded.bitcastToAPInt();
  });
}

static void setType(Value value, Type element) {
  auto tensor = cast<RankedTensorType>(value.getType());
  value.setType(tensor.clone(element));
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (auto elements =
          constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr())
    constant.setValueAttr(converted(elements, cast<FloatType>(element)));
}

LogicalResult attn::setElementType(func::FuncOp function, Type element) {
  if (function.isExternal())
    return success();
  DenseSet<Value> kept = keptValues(function);
  auto convert = [&](Value value) {
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (tensor && isa<FloatType>(tensor.getElementType()) && !kept.contains(value))
      setType(value, element);
  };
  llvm::for_each(function.getArguments(), convert);
  function.walk([&](Operation *op) { llvm::for_each(op->getResults(), convert); });
  Operation *terminator = function.getBody().back().getTerminator();
  function.setFunctionType(FunctionType::get(
      function.getContext(), function.getBody().getArgumentTypes(), terminator->getOperandTypes()));
  return verify(function);
}
