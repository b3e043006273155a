//===- GroupKernels.h - decode products of many rows -------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_GROUPKERNELS_H
#define ATTN_LIB_TARGET_CPU_GROUPKERNELS_H

#include "PanelKernels.h"
#include "ValueRows.h"

namespace mlir::attn {

/// Products of the group form: the rows of a large group are lanes while scores are made, as in a
/// panel, and the values are vectors of columns, as in the stream form. Keys and values are read
/// where they lie; only keys that must be widened to float32 are copied to a tile. A key tile stays
/// in the second-level cache between the two products, so values that are columns of the keys cost
/// no read of their own.
class GroupKernels {
public:
  GroupKernels(CpuBuilder &b, WorkPlan &plan, std::string prefix)
      : b(b), plan(plan), prefix(std::move(prefix)) {}

  /// `scores(keys, query, scores, wanted, batch, head, first, live, count, wanted head, next)`:
  /// scores[n][r] = <key first + n, query r> for n in [0, count), of which those from `live` on
  /// repeat the last. Asks for the rows of `wanted` from `next` on, which are needed next.
  func::FuncOp emitScores();
  /// `values(values, weights, accumulator, rescale, wanted, batch, head, first, count, rows,
  /// wanted head, next)`: accumulator = rescale * accumulator + sum_n weight * value. Asks for rows
  /// as the scores do, unless the values are columns of keys. The strict form leaves out weights of
  /// -0.0.
  func::FuncOp emitValues(bool strict);

private:
  func::FuncOp createFunction(StringRef suffix, ArrayRef<Type> memrefs, int64_t numbers);
  /// A memref of rows, and where in it the product stands.
  struct Rows {
    Value source;
    RowIndex place;
    RowIndex at(Value row) const;
  };
  Rows rowsOf(func::FuncOp function, int64_t firstNumber, bool isCopy);
  void askWhileScoring(func::FuncOp function, Value n, Value word, int64_t i);
  void askForLine(const Rows &wanted, Value next, Value line, int64_t size);
  std::function<void(Value n)> askWhileAdding(func::FuncOp function, int64_t chunks, Value chunk);
  Value loadWord(const Rows &keys, Value row, Value word);
  void scoreBlock(func::FuncOp function, const Rows &keys, Value n);
  ValueRows valueRows(func::FuncOp function, bool strict);
  Value loadWeight(Value weights, Value n, Value row, bool strict);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_GROUPKERNELS_H
