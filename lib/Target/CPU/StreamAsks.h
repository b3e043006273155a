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
/// of the lines while weights are made, half while values are visited, a quarter between products
/// with keys.
class StreamAsks {
public:
  /// Rows of keys that follow `key`, where the next tile begins, and of values that follow `value`,
  /// where this one does. `isFirst` (i1, or null): only where it holds, as others read the same
  /// rows.
  struct Rows {
    Value keys;
    RowIndex keyPlace; // batch entry and head
    Value key;
    Value values;
    RowIndex valuePlace;
    Value value;
    Value isFirst;
  };
  StreamAsks(CpuBuilder &b, const WorkPlan &plan, Rows rows) : b(b), plan(plan), rows(rows) {}

  /// With vector number `i` of the scores of the tile, in pass 0 or 1 over them.
  void whileWeighing(int64_t pass, Value i);
  /// With part `part` of `parts` of the turn that begins with key number `turn` of the tile.
  void whileVisiting(Value turn, Value part, int64_t parts);
  void whileScoring(Value turn, int64_t part, int64_t parts);

private:
  /// The lines of `length` rows from row `begin` on, in parts.
  struct Share {
    Value begin, part;
    int64_t length, parts;
  };
  void ask(const Share &share);
  void askFor(Value memref, const RowIndex &place, Value first, int64_t size, const Share &share);
  Value turnBegin(Value turn, int64_t before);

  CpuBuilder &b;
  const WorkPlan &plan;
  Rows rows;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_STREAMASKS_H
