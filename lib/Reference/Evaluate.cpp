//===- Evaluate.cpp - the definition of a function, by plain loops -----------===//
#include "attn/Reference/Evaluate.h"
#include "OpEvaluation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Shared by the operations
//===----------------------------------------------------------------------===//

static std::string describe(ArrayRef<int64_t> sizes) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(sizes, os, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      os << '?';
    else
      os << size;
  });
  return text + "]";
}

LogicalResult reference::expectSizes(Operation *op, StringRef what, const HostTensor &tensor,
                                     ArrayRef<int64_t> sizes) {
  if (ArrayRef<int64_t>(tensor.sizes) == sizes)
    return success();
  return op->emitError() << what << " must have the sizes " << describe(sizes) << ", found "
                         << describe(tensor.sizes);
}

HostTensor reference::makeResult(Value result, ArrayRef<int64_t> sizes) {
  return HostTensor(sizes,
                    *elementKindOf(cast<RankedTensorType>(result.getType()).getElementType()));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {
using SharedTensor = std::shared_ptr<const HostTensor>;

/// Values of one call of a function.
class Call {
public:
  Call(func::FuncOp function, Precision precision, const RowSample &rows, int depth)
      : function(function), precision(precision), rows(rows), depth(depth) {
    scope.scalar = [this](Value v) -> std::optional<Scalar> {
      auto it = scalars.find(v);
      return it == scalars.end() ? std::nullopt : std::optional<Scalar>(it->second);
    };
    scope.tensor = [this](Value v) -> const HostTensor * { return tensors.lookup(v).get(); };
  }

  /// `args` must outlive the call.
  TensorResults run(ArrayRef<HostTensor> args);

private:
  LogicalResult bindArguments(ArrayRef<HostTensor> args);
  LogicalResult checkArgument(unsigned index, const HostTensor &arg);
  LogicalResult visit(Operation *op);
  LogicalResult visitScalar(Operation *op);
  RowSample sampleFor(Operation *op);
  TensorResults evaluateTensors(Operation *op);
  TensorResults evaluateCall(func::CallOp op);
  TensorResults evaluateConstant(arith::ConstantOp op);
  FailureOr<HostTensor> valueOf(Value value);

  func::FuncOp function;
  Precision precision;
  RowSample rows;
  int depth;
  ScalarScope scope;
  llvm::DenseMap<Value, SharedTensor> tensors;
  llvm::DenseMap<Value, Scalar> scalars;
};
} // namespace

static bool fits(RankedTensorType type, const HostTensor &tensor) {
  if (elementKindOf(type.getElementType()) != tensor.kind || type.getRank() != tensor.rank())
    return false;
  return llvm::all_of(llvm::zip(type.getShape(), tensor.sizes), [](auto sizes) {
    auto [expected, found] = sizes;
    return ShapedType::isDynamic(expected) || expected == found;
  });
}

LogicalResult Call::checkArgument(unsigned index, const HostTensor &arg) {
  Type type = function.getArgumentTypes()[index];
  if (auto tensor = dyn_cast<RankedTensorType>(type);
      tensor ? fits(tensor, arg) : arg.rank() == 0 && elementKindOf(type) == arg.kind)
    return success();
  return function.emitError() << "argument " << index << " must be " << type << ", found "
                              << describe(arg.sizes) << " of " << spelling(arg.kind);
}

LogicalResult Call::bindArguments(ArrayRef<HostTensor> args) {
  if (args.size() != function.getNumArguments())
    return function.emitError() << "takes " << function.getNumArguments() << " arguments, found "
                                << args.size();
  for (auto [i, arg] : llvm::enumerate(args)) {
    if (failed(checkArgument(i, arg)))
      return failure();
    Value value = function.getArgument(i);
    // The caller keeps the tensor, so it is shared without owning it.
    if (isa<RankedTensorType>(value.getType()))
      tensors[value] = SharedTensor(SharedTensor(), &arg);
    else
      scalars[value] = {arg.values[0], static_cast<int64_t>(arg.values[0])};
  }
  return success();
}

TensorResults Call::evaluateConstant(arith::ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!dense || !type || !elementKindOf(type.getElementType()))
    return op.emitError("expected a dense constant of a float or integer tensor");
  HostTensor result = makeResult(op.getResult(), type.getShape());
  if (isFloat(result.kind))
    for (auto [to, from] : llvm::zip_equal(result.values, dense.getValues<FloatAttr>()))
      to = from.getValueAsDouble();
  else
    for (auto [to, from] : llvm::zip_equal(result.values, dense.getValues<IntegerAttr>()))
      to = static_cast<double>(from.getValue().getSExtValue());
  return SmallVector<HostTensor>{std::move(result)};
}

FailureOr<HostTensor> Call::valueOf(Value value) {
  if (const HostTensor *tensor = scope.tensor(value))
    return *tensor;
  std::optional<ElementKind> kind = elementKindOf(value.getType());
  std::optional<Scalar> scalar = scope.scalar(value);
  if (!scalar || !kind)
    return function.emitError("a value of type ") << value.getType() << " cannot be passed on";
  return HostTensor::scalar(isFloat(*kind) ? scalar->real : static_cast<double>(scalar->integer),
                            *kind);
}

TensorResults Call::evaluateCall(func::CallOp op) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  // Nothing recursive ever ends here: there are no branches.
  if (!callee || callee.isExternal() || depth > 64)
    return op.emitError("the reference can only call functions with a body, 64 deep at most");
  SmallVector<HostTensor> args;
  for (Value operand : op.getOperands()) {
    FailureOr<HostTensor> value = valueOf(operand);
    if (failed(value))
      return failure();
    args.push_back(std::move(*value));
  }
  return Call(callee, precision, RowSample(), depth + 1).run(args);
}

/// Rows may only be missing where nothing but the caller reads them.
RowSample Call::sampleFor(Operation *op) {
  bool isLast = llvm::all_of(
      op->getUsers(), [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); });
  return isLast ? rows : RowSample();
}

TensorResults Call::evaluateTensors(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return evaluateAttention(attention, scope, precision, sampleFor(op));
  if (auto merge = dyn_cast<MergeOp>(op))
    return evaluateMerge(merge, scope, precision);
  if (auto sum = dyn_cast<GatedSumOp>(op))
    return evaluateGatedSum(sum, scope, precision);
  if (isToken(op))
    return evaluateToken(op, scope, precision);
  if (isLayerOp(op))
    return evaluateLayerOp(op, scope, precision);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return evaluateConstant(constant);
  if (auto call = dyn_cast<func::CallOp>(op))
    return evaluateCall(call);
  if (auto cast = dyn_cast<tensor::CastOp>(op); cast && scope.tensor(cast.getSource()))
    return SmallVector<HostTensor>{*scope.tensor(cast.getSource())};
  return op->emitError("the reference has no definition of '") << op->getName() << "'";
}

LogicalResult Call::visitScalar(Operation *op) {
  FailureOr<ScalarProgram> program = ScalarProgram::compile(op, scope, precision);
  if (failed(program))
    return failure();
  std::vector<Scalar> registers = program->makeRegisters();
  Fault fault;
  Scalar value = program->run({}, registers, fault);
  if (fault.op)
    return op->emitError(fault.message);
  scalars[op->getResult(0)] = value;
  return success();
}

LogicalResult Call::visit(Operation *op) {
  bool isScalar = op->getNumResults() == 1 && !isa<ShapedType>(op->getResult(0).getType());
  if (isScalar && !isa<func::CallOp>(op))
    return visitScalar(op);
  TensorResults results = evaluateTensors(op);
  if (failed(results))
    return failure();
  // An optional result that nobody asked for has no value to bind.
  for (auto [value, tensor] : llvm::zip(op->getResults(), *results)) {
    if (isa<RankedTensorType>(value.getType()))
      tensors[value] = std::make_shared<const HostTensor>(std::move(tensor));
    else
      scalars[value] = {tensor.values[0], static_cast<int64_t>(tensor.values[0])};
  }
  return success();
}

TensorResults Call::run(ArrayRef<HostTensor> args) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("the reference evaluates functions whose body is one block");
  if (failed(bindArguments(args)))
    return failure();
  for (Operation &op : function.front().without_terminator())
    if (failed(visit(&op)))
      return failure();
  SmallVector<HostTensor> results;
  for (Value value : function.front().getTerminator()->getOperands()) {
    FailureOr<HostTensor> result = valueOf(value);
    if (failed(result))
      return failure();
    results.push_back(std::move(*result));
  }
  return results;
}

FailureOr<SmallVector<HostTensor>> reference::evaluate(func::FuncOp function,
                                                       ArrayRef<HostTensor> args,
                                                       Precision precision, const RowSample &rows) {
  return Call(function, precision, rows, 0).run(args);
}

RowSample RowSample::spread(int64_t rows, int64_t wanted) {
  RowSample sample;
  sample.rows = rows;
  if (wanted < rows)
    sample.step = rows / std::max<int64_t>(wanted, 1) | 1;
  return sample;
}
