//===- StreamTiles.h - products of the stream form on the matrix unit --------===//
#ifndef ATTN_LIB_TARGET_CPU_STREAMTILES_H
#define ATTN_LIB_TARGET_CPU_STREAMTILES_H

#include "ValueRows.h"

namespace mlir::attn {

/// Products of the stream form with AMX.
///
/// Scores: keys are left operands as they lie in memory, 16 rows of 32 elements each. Query rows
/// are right operands, a column of words of two elements each. The sums of 16 keys by four rows are
/// packed scores as they are stored (StreamKernels); those of more rows are packed later.
///
/// Values: weights are left operands, a row of 32 keys for each row of queries. Two rows of values
/// are woven to a row of words, in the order of `pairRows`, and 16 of those are right operands; the
/// accumulator is their sum as it lies.
class StreamTiles {
public:
  /// Keys of a product with keys, and with values.
  static constexpr int64_t scoreKeys = 16, valueKeys = 32;

  StreamTiles(CpuBuilder &b, WorkPlan &plan) : b(b), plan(plan) {}

  /// Sizes of the tile registers, once before the products.
  void configure();
  /// Operands, in `plan.tileQuery`, from the query rows of block `block`.
  void packQueries(Value query, Value tiles, Value block);
  /// Where the scores of a product go: from key number `n` on, by the rows from
  /// `number * plan.scoreColumns()` on.
  struct Scores {
    Value memref;
    Value number, n;
  };
  /// Scores, without their factor, of the keys from row `first` of `source` on. `between(step)`
  /// stands behind each product of `steps()`.
  void score(Value source, const RowIndex &first, Value tiles, const Scores &scores,
             function_ref<void(int64_t step)> between);
  /// The scores of four keys from `n` on by the four rows of a block, packed.
  Value packScores(Value scores, Value block, Value n);
  int64_t steps() const { return plan.queryChunks().chunks; }
  /// Weights of eight keys and the four rows from `row` on, packed, to their rows, from key number
  /// `n` on.
  void storeWeights(Value first, Value second, Value weights, Value row, Value n);
  /// Weaves `scoreKeys` rows of values from row `first` on to rows of words from `row` on.
  void weaveValues(const ValueRows &values, Value first, Value words, Value row);
  /// accumulator += weight * value for `rows` rows, and `valueKeys` keys from key number `n` on;
  /// `between(row, product)` stands behind each product of `columnTiles()`.
  void addValues(Value weights, Value words, Value accumulator, Value rows, Value n,
                 function_ref<void(Value row, int64_t product)> between);
  int64_t columnTiles() const;

private:
  void storeColumns(Value words, Value tiles, Value block, int64_t step);
  Value rowOf(Value number, int64_t step);
  void load(int64_t tile, Value memref, ArrayRef<Value> at);
  void store(int64_t tile, Value memref, ArrayRef<Value> at);
  void move(StringRef name, int64_t tile, Value address, Value stride);
  struct Columns {
    Value weights, words, accumulator;
    Value row, n;
    int64_t first, tiles;
  };
  void addColumns(const Columns &columns, function_ref<void(int64_t tile)> between);

  CpuBuilder &b;
  WorkPlan &plan;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMTILES_H
