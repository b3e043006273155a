//===- Parts.h - results of parts of a key range, and their merge ------------===//
//
// When one sequence has too few rows to keep all multiprocessors busy, its key range is cut into
// parts that different blocks compute. Each leaves, per row, its maximum m, its sum l and its
// unnormalised accumulator in the launch's workspace. The block that finishes last merges them in
// the order of the parts, so the same lengths give the same bits whoever comes last:
//   (m, l, acc) + (m', l', acc') = (M, e^(m-M) l + e^(m'-M) l', e^(m-M) acc + e^(m'-M) acc')
// with M = max(m, m'). A part without keys has m = -infinity, l = 0, acc = 0.
//
// Workspace (attn_gpu_parts.c reserves it and leaves the counters at zero):
//   counters [numPartCounters] u32, one per item; stats [units][rows][2] f32; acc [units][rows]
//   [columns] f32.
// A unit is one part of one item. An item is what one accumulator holds: a tile of rows of a group.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_PARTS_H
#define ATTN_LIB_TARGET_NVGPU_PARTS_H

#include "KernelBuilder.h"

namespace mlir::attn {

/// Items that one launch may cut into parts: as in attn_gpu_parts.c.
constexpr int64_t numPartCounters = 16384;

/// A row after all parts: four neighbouring columns of the accumulator, not normalised. `maximum`
/// is in units of scores, -infinity when no key was seen.
struct MergedRow {
  Vals columns;
  Val maximum, sum;
};

/// Writes code that stores and merges parts. Rows are those that have a record, `rows` per unit.
class PartMemory {
public:
  /// `factor`: exponent of 2 per unit of score. `columns`: of the accumulator, a multiple of 4.
  PartMemory(KernelBuilder &b, Value workspace, Val units, Val rows, int64_t columns,
             double factor);

  /// Leaves maximum and sum of a row of a unit.
  void storeStats(Val unit, Val row, Val maximum, Val sum);
  /// Address of the accumulator's row: `columns` float32.
  Value rowAddress(Val unit, Val row);
  /// To be called by `threads` threads, whole warps, after they have stored their share; they meet
  /// at named barrier `barrier`. True in all of them when the item's other parts are stored, too;
  /// `flag` is a word of shared memory that nothing else uses. Resets the item's counter then.
  Val isLast(Val item, Val parts, Val thread, Val flag, int64_t barrier, int64_t threads);
  /// Merges columns [column, column + 4) of a row over units first, first + stride, ... After
  /// isLast() only.
  MergedRow merge(Val first, Val stride, Val parts, Val row, Val column);

private:
  Val recordOf(Val unit, Val row);
  struct Part {
    Val maximum, sum;
    Vals columns;
  };
  /// Addresses of the first part's records, and from each part to the next.
  struct Walk {
    Val stats, columns, statsStep, columnsStep;
  };
  Part loadPart(const Walk &walk, Val number);
  Vals mergeSome(Vals state, ArrayRef<Part> some);
  Vals mergeRound(const Walk &walk, Val first, int64_t count, Val parts, Vals state);

  KernelBuilder &b;
  Value workspace;
  Val rows, units;
  int64_t columns;
  double factor;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_PARTS_H
