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

/// Some of the rows (batch, head, position in this order) of an attention whose results are results
/// of the function itself; rows left out are not computed and hold zeros. Every other operation is
/// evaluated whole.
class RowSample {
public:
  /// Every row.
  RowSample() = default;
  /// About `wanted` of `rows`, evenly spread, at an odd distance.
  static RowSample spread(int64_t rows, int64_t wanted);

  bool isAll() const { return step == 1; }
  bool has(int64_t row) const { return row % step == 0; }
  /// How many rows that are.
  int64_t count() const { return (rows + step - 1) / step; }

private:
  int64_t rows = 0, step = 1;
};

/// Evaluates `function` on `args` (one per argument; an `index` argument takes a rank-0 tensor)
/// and returns its results. The work is shared by all processors; every result is the same for
/// any number of them.
/// Errors are emitted at the operation: one that has no definition here, sizes that contradict
/// each other, an index outside of its tensor or table.
FailureOr<SmallVector<HostTensor>> evaluate(func::FuncOp function, ArrayRef<HostTensor> args,
                                            Precision precision, const RowSample &rows = {});

/// The processors that `evaluate` uses; 0 (the default) means all.
void setEvaluationThreads(unsigned threads);

} // namespace mlir::attn::reference

#endif // ATTN_REFERENCE_EVALUATE_H
