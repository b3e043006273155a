//===- ScalarProgram.cpp - score regions and index arithmetic ----------------===//
#include "ScalarProgram.h"
#include "attn/IR/AttnOps.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

int ScalarProgram::newRegister(Value value) {
  initial.emplace_back();
  return registers[value] = static_cast<int>(initial.size()) - 1;
}

/// Tensor operands have no register: the rule reads them itself.
std::optional<int> ScalarProgram::registerOf(Value value, const ScalarScope &scope) {
  if (auto it = registers.find(value); it != registers.end())
    return it->second;
  if (isa<ShapedType>(value.getType()))
    return newRegister(value);
  std::optional<Scalar> outer = scope.scalar(value);
  if (!outer)
    return std::nullopt;
  int index = newRegister(value);
  initial[index] = *outer;
  return index;
}

LogicalResult ScalarProgram::add(Operation *op, const ScalarScope &scope, Precision precision) {
  ScalarRule rule = op->getNumResults() == 1 ? makeScalarRule(op, scope, precision) : ScalarRule();
  if (!rule)
    return op->emitError("the reference has no definition of '")
           << op->getName()
           << "' on these types; score regions and index arithmetic may use scalar "
           << "arith and math operations, attn.lookup and tensor.extract";
  Step step{op, std::move(rule), {}, 0};
  for (Value operand : op->getOperands()) {
    std::optional<int> index = registerOf(operand, scope);
    if (!index)
      return op->emitError("operand of type ") << operand.getType() << " has no value here";
    step.operands.push_back(*index);
  }
  step.result = newRegister(op->getResult(0));
  steps.push_back(std::move(step));
  return success();
}

FailureOr<ScalarProgram> ScalarProgram::compile(Block &block, const ScalarScope &scope,
                                                Precision precision) {
  ScalarProgram program;
  for (BlockArgument argument : block.getArguments())
    program.newRegister(argument);
  for (Operation &op : block.without_terminator())
    if (failed(program.add(&op, scope, precision)))
      return failure();
  std::optional<int> result = program.registerOf(block.getTerminator()->getOperand(0), scope);
  if (!result)
    return block.getTerminator()->emitError("the yielded score has no value here");
  program.result = *result;
  return program;
}

FailureOr<ScalarProgram> ScalarProgram::compile(Operation *op, const ScalarScope &scope,
                                                Precision precision) {
  ScalarProgram program;
  if (failed(program.add(op, scope, precision)))
    return failure();
  program.result = program.steps.back().result;
  return program;
}

Scalar ScalarProgram::run(ArrayRef<Scalar> arguments, std::vector<Scalar> &registers,
                          Fault &fault) const {
  std::copy(arguments.begin(), arguments.end(), registers.begin());
  Scalar operands[8];
  for (const Step &step : steps) {
    for (auto [i, index] : llvm::enumerate(step.operands))
      operands[i] = registers[index];
    registers[step.result] = step.rule(operands, fault);
    if (!fault.message.empty()) {
      fault.op = step.op;
      return {};
    }
  }
  return registers[result];
}
