//===- ScalarProgram.h - score regions and index arithmetic ------------------===//
#ifndef ATTN_LIB_REFERENCE_SCALARPROGRAM_H
#define ATTN_LIB_REFERENCE_SCALARPROGRAM_H

#include "attn/Reference/Evaluate.h"

#include <functional>
#include <vector>

namespace mlir::attn::reference {

/// A scalar value: `real` for floating-point types, `integer` (sign-extended; i1 as 0 or 1) else.
struct Scalar {
  double real = 0;
  int64_t integer = 0;

  static Scalar ofReal(double value) { return {value, 0}; }
  static Scalar ofInteger(int64_t value) { return {0, value}; }
};

/// What went wrong while running, if anything.
struct Fault {
  std::string message;
  Operation *op = nullptr;
};

/// One operation's effect: operands in, result out.
using ScalarRule = std::function<Scalar(const Scalar *operands, Fault &fault)>;

/// The values that a scalar operation may read from around it.
struct ScalarScope {
  std::function<std::optional<Scalar>(Value)> scalar;
  /// Valid as long as the program runs.
  std::function<const HostTensor *(Value)> tensor;
};

/// The rule of an `arith`, `math`, `tensor` or `attn` operation on scalars; under `Plain` real
/// results are rounded to their type. An empty rule when the operation has no definition here.
ScalarRule makeScalarRule(Operation *op, const ScalarScope &scope, Precision precision);

/// A straight-line list of scalar operations, ready to be run many times.
class ScalarProgram {
public:
  /// The operations of a score region. Emits an error at an operation that has no definition.
  static FailureOr<ScalarProgram> compile(Block &block, const ScalarScope &scope,
                                          Precision precision);
  /// A single operation of a function body.
  static FailureOr<ScalarProgram> compile(Operation *op, const ScalarScope &scope,
                                          Precision precision);

  /// Registers of one run; give each thread its own copy and keep it between runs.
  std::vector<Scalar> makeRegisters() const { return initial; }
  /// Value of the program for these block arguments.
  Scalar run(ArrayRef<Scalar> arguments, std::vector<Scalar> &registers, Fault &fault) const;

private:
  struct Step {
    Operation *op;
    ScalarRule rule;
    SmallVector<int, 3> operands;
    int result;
  };
  LogicalResult add(Operation *op, const ScalarScope &scope, Precision precision);
  std::optional<int> registerOf(Value value, const ScalarScope &scope);
  int newRegister(Value value);

  std::vector<Step> steps;
  std::vector<Scalar> initial;
  llvm::DenseMap<Value, int> registers;
  int result = 0;
};

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_SCALARPROGRAM_H
