//===- StreamAsks.h - rows asked for while the matrix unit works -------------===//
#ifndef ATTN_LIB_TARGET_CPU_STREAMASKS_H
#define ATTN_LIB_TARGET_CPU_STREAMASKS_H

#include "ValueRows.h"

namespace mlir::attn {

/// Requests for the rows of keys and values that come next, in the order of memory, line by line.
///
/// With the matrix unit the scores of a turn are a few long instructions, and a core has few misses
/// under way: requests that come all at once, or while values are visited alone, leave memory idle
/// for the rest of a tile's time. So each part of the work on a tile asks for its share: a quarter
/// of the lines while weights are made, a quarter between products with keys, and the rest while
/// values are visited, or half of it between the matrix unit's products with them.
class StreamAsks {
public:
  /// Rows of keys that follow `key`, where the next tile begins, and of values that follow `value`,
  /// where this one does. `block`: which four rows are at work; those behind the largest group's
  /// read the same keys again and ask for nothing.
  struct Rows {
    Value keys;
    RowIndex keyPlace; // batch entry and head
    Value key;
    Value values;
    RowIndex valuePlace;
    Value value;
    Value block;
  };
  StreamAsks(CpuBuilder &b, const WorkPlan &plan, Rows rows) : b(b), plan(plan), rows(rows) {}

  /// With vector number `i` of the block's scores of the tile, in pass 0 or 1 over them.
  void whileWeighing(int64_t pass, Value i);
  /// Before the first block's part `part` of `parts` of the turn that begins with key number `turn`
  /// of the tile.
  void whileVisiting(Value turn, Value part, int64_t parts);
  /// Behind part `part` of `parts` of a product with keys of that turn, of which `block` is the
  /// number.
  void whileScoring(Value turn, int64_t part, int64_t parts);
  /// Behind product `part` of `parts` with the values of the tile.
  void whileAdding(int64_t part, int64_t parts);

private:
  /// The lines of `length` rows from row `begin` on, in parts.
  struct Share {
    Value begin, part;
    int64_t length, parts;
  };
  void ask(Value condition, const Share &share);
  void askFor(Value memref, const RowIndex &place, Value first, int64_t size, const Share &share);
  int64_t turns() const;
  int64_t visitRows() const;
  Value turnBegin(Value turn, int64_t before);
  Value isAmong(int64_t blocks);
  int64_t blocks() const;

  CpuBuilder &b;
  const WorkPlan &plan;
  Rows rows;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMASKS_H
