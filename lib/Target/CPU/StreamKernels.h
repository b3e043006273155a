//===- StreamKernels.h - products with rows straight from memory -------------===//
#ifndef ATTN_LIB_TARGET_CPU_STREAMKERNELS_H
#define ATTN_LIB_TARGET_CPU_STREAMKERNELS_H

#include "PanelKernels.h"

namespace mlir::attn {

/// A row of a rank-4 memref: batch entry, head, row.
using RowIndex = SmallVector<Value>;

/// Chunk `chunk` (index) of a row as vectors of `lanes`: float32, or words of two bf16 where `c`
/// leaves them so. `isTail`: the row may end inside it; what is beyond reads as zero, and its
/// memory is not touched.
SmallVector<Value> loadChunk(CpuBuilder &b, const WorkPlan::RowChunks &c, Value source,
                             const RowIndex &row, Value chunk, bool isTail);
/// The inverse for float32 vectors: writes the elements of a chunk in the target's element type.
void storeChunk(CpuBuilder &b, const WorkPlan::RowChunks &c, ArrayRef<Value> vectors, Value target,
                const RowIndex &row, Value chunk, bool isTail);
/// Calls `body(chunk, isTail)` in loops of `step` chunks at most, each body emitted `step` times.
void forChunks(CpuBuilder &b, const WorkPlan::RowChunks &c,
               function_ref<void(Value chunk, bool isTail)> body);

/// Products of the stream form: lanes run along the head size, so that each row of keys and values
/// is read once, in address order, without a copy. Four query rows share a read; more find the row
/// in the first-level cache.
class StreamKernels {
public:
  StreamKernels(CpuBuilder &b, WorkPlan &plan, std::string prefix)
      : b(b), plan(plan), prefix(std::move(prefix)) {}

  /// `scores(keys, query, scores, batch, head, first, count, rows)`: scores[n][r] = <key first + n,
  /// query r>.
  func::FuncOp emitScores();
  /// `values(values, weights, accumulator, rescale, batch, head, first, count, rows)`: accumulator
  /// = rescale * accumulator + sum_n weight * value. The strict form leaves out weights of -0.0.
  func::FuncOp emitValues(bool strict);

private:
  MemRefType typeOf(const Slice &slice) {
    return MemRefType::get({slice.rows, slice.columns}, b.getF32Type());
  }
  func::FuncOp createFunction(StringRef suffix, Value memref, ArrayRef<Type> slices);
  void scoreKeys(func::FuncOp function, Value n, int64_t count, Value firstRow);
  SmallVector<Value> addProducts(func::FuncOp function, const RowIndex &key, Value firstRow,
                                 Value chunk, bool isTail, ArrayRef<Value> sums);
  Value sumOfEach(ArrayRef<Value> vectors);
  void addValues(func::FuncOp function, Value first, Value end, Value row, int64_t rows,
                 Value chunk, int64_t chunks, bool isTail, bool strict);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMKERNELS_H
