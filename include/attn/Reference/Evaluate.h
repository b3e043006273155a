//===- Evaluate.h - the definition of a function, computed by plain loops ----===//
#ifndef ATTN_REFERENCE_EVALUATE_H
#define ATTN_REFERENCE_EVALUATE_H

#include "attn/Reference/HostTensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::attn::reference {

/// How the definition is evaluated.
enum class Precision {
  /// Every number a double, nothing rounded: the judge.
  Exact,
  /// The same formulas as an ordinary implementation evaluates them in the kernel's own types:
  /// float32 arithmetic and sums in index order, each tensor operation's result and the
  /// attention weights rounded to the element type. Its distance from `Exact` is the yardstick
  /// for a kernel's error.
  Plain
};

/// Evaluates `function` on `args` (one per argument; an `index` argument takes a rank-0 tensor)
/// and returns its results. The work is shared by all processors; every result is the same for
/// any number of them.
/// Errors are emitted at the operation: one that has no definition here, sizes that contradict
/// each other, an index outside of its tensor or table.
FailureOr<SmallVector<HostTensor>> evaluate(func::FuncOp function, ArrayRef<HostTensor> args,
                                            Precision precision);

/// The processors that `evaluate` uses; 0 (the default) means all.
void setEvaluationThreads(unsigned threads);

} // namespace mlir::attn::reference

#endif // ATTN_REFERENCE_EVALUATE_H
