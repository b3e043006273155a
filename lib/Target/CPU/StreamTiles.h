//===- StreamTiles.h - scores of the stream form on the matrix unit ----------===//
#ifndef ATTN_LIB_TARGET_CPU_STREAMTILES_H
#define ATTN_LIB_TARGET_CPU_STREAMTILES_H

#include "ValueRows.h"

namespace mlir::attn {

/// Scores of the stream form with AMX. Keys are left operands as they lie in memory, 16 rows of 32
/// elements each. Four query rows are right operands of four columns, words of two elements one
/// below the other, so that the 16 x 4 sums are packed scores as they are stored (StreamKernels).
class StreamTiles {
public:
  /// Keys of a product: the rows of a tile.
  static constexpr int64_t keys = 16;

  StreamTiles(CpuBuilder &b, WorkPlan &plan) : b(b), plan(plan) {}

  /// Sizes of the tile registers, once before scores are made.
  static void configure(CpuBuilder &b);
  /// Operands, in `plan.tileQuery`, from the query rows of block `block`.
  void packQueries(Value query, Value tiles, Value block);
  /// Stores the scores, without their factor, of the keys from row `first` of `source` on with
  /// block `block` of the queries `tiles` to `scores`, packed, from key number `n` on.
  void score(Value source, const RowIndex &first, Value tiles, Value scores, Value block, Value n);

private:
  int64_t steps() const { return plan.queryChunks().chunks; }
  Value rowOf(Value block, int64_t step);

  CpuBuilder &b;
  WorkPlan &plan;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMTILES_H
