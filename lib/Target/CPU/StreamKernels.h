//===- StreamKernels.h - products with rows straight from memory -------------===//
#ifndef ATTN_LIB_TARGET_CPU_STREAMKERNELS_H
#define ATTN_LIB_TARGET_CPU_STREAMKERNELS_H

#include "PanelKernels.h"
#include "StreamAsks.h"
#include "ValueRows.h"

namespace mlir::attn {

/// Products of the stream form: lanes run along the head size, so that each row of keys and values
/// is read once, in address order, without a copy. Four query rows share a read; more find the row
/// in the first-level cache.
///
/// Scores and weights are packed: row r of block i of four rows and key n are element (i, 4 n + r),
/// so that a vector holds lanes / 4 keys of four rows, and no lane is idle.
class StreamKernels {
public:
  StreamKernels(CpuBuilder &b, WorkPlan &plan, std::string prefix)
      : b(b), plan(plan), prefix(std::move(prefix)) {}

  /// `step(keys, values, query, scores, weights, accumulator, rescale, batch, key head, value head,
  /// next, next count, first, count, rows)`: scores of `next count` keys from `next`, and
  /// accumulator = rescale * accumulator + sum_n weight * value over `count` keys from `first`, a
  /// few keys of each in turn, so that two sequences of addresses are under way, or where a tile
  /// has many keys, all values and then all scores. Either count may be 0.
  func::FuncOp emitStep();
  /// As `step` without scores; leaves out weights of -0.0.
  func::FuncOp emitStrict();

private:
  /// Arguments of the functions by name.
  struct Arguments {
    Value keys, values, query, scores, weights, accumulator, rescale;
    Value batch, keyHead, valueHead, next, nextCount, first, count, rows;
    Value scratch;                                         // folded sums of a turn
    Value tileQueries, tileScores, weightRows, valueWords; // of the matrix unit
  };
  MemRefType typeOf(const Slice &slice) {
    return MemRefType::get({slice.rows, slice.columns}, b.getF32Type());
  }
  func::FuncOp createFunction(StringRef suffix);
  void readArguments(func::FuncOp function);
  int64_t turnKeys() const;
  void scoreKeys(Value first, Value end);
  void scoreByTiles(Value first);
  void scoreByVectors(Value first, Value end);
  void prefetchAhead(Value n);
  void sumRows(Value first, Value end, Value firstRow);
  void packScores(Value n, Value block, Value scores);
  SmallVector<Value> sumsOfKey(const RowIndex &key, Value firstRow);
  SmallVector<Value> addProducts(const RowIndex &key, Value firstRow, Value chunk,
                                 std::optional<int64_t> number, bool isTail, ArrayRef<Value> sums);
  Value loadQuery(Value row, Value chunk, int64_t i);
  bool isUnrolled();
  void keepQueries(Value firstRow);
  void visitValues(const ValueRows &values, Value row, int64_t rows, Value first, Value end);
  void addValueKeys(Value first, Value end, bool strict);
  bool canWeave();
  void weaveBlock(const ValueRows &values, Value row, Value count);
  void addValueStretch(Value count);
  void emitTurns();
  void emitStretches();
  ValueRows valueRows(bool strict);
  void rescaleRows();
  StreamAsks asks(Value block);
  std::function<void(Value n)> askWhileVisiting(Value row, Value first, Value chunk,
                                                int64_t chunks);
  void weaveTurn(Value first);
  void emitTileTurns();

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
  Arguments at;
  SmallVector<Value> kept; // queries of the block in registers, row after row
};

/// Column of vector `i` of a chunk in a row of the query panel, whose vectors lie in reverse order:
/// what a key reads again and again at rising addresses, hardware takes for a sequence to fetch
/// ahead, and gives up that of the keys.
Value queryColumn(CpuBuilder &b, const WorkPlan &plan, Value chunk, int64_t i);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMKERNELS_H
