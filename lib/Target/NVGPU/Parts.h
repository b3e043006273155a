//===- Parts.h - results of parts of a key range, and their merge ------------===//
//
// Where a range of key steps ends inside an item (what one accumulator holds: a tile of rows of a
// group), each of the item's parts leaves, per row, its maximum m, its sum l and its unnormalised
// accumulator in the launch's workspace. They are merged in their order, so the same lengths give
// the same bits whoever comes last:
//   (m, l, acc) + (m', l', acc') = (M, e^(m-M) l + e^(m'-M) l', e^(m-M) acc + e^(m'-M) acc')
// with M = max(m, m'). A part without keys has m = -infinity, l = 0, acc = 0.
//
// The block that stores the last part merges. Blocks that have nothing else to do wait a while for
// that moment and then take rounds of the merge, too. Nobody needs them, so it does not matter
// whether they run at the same time.
//
// Workspace (attn_gpu_parts.c reserves it and clears the counters once): numPartCounters each of
// u32 arrivals (zero between launches), rounds taken, and merges begun, one per item; then rows of
// records, `columns` f32 of the accumulator, m, l and two words of padding.
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

/// Records of an item's parts: number `first + i * stride` for part i.
struct PartRange {
  Val first, stride, count;
};

/// Four neighbouring columns of one row.
struct PartPiece {
  Val row, column, isThere;
};

/// A block that has stored a part, and the threads that did so (whole warps, `threads` of them,
/// that meet at named barrier `barrier`; this one is number `thread`).
struct PartMeeting {
  Val item, parts;  // number of the item, and of its parts
  Val rounds;       // of the merge
  Val mayWait;      // the block has nothing else to do
  Val thread, flag; // flag: a word of shared memory that nothing else uses
  int64_t threads, barrier;
};

/// Writes code that stores and merges parts. Rows are those that have a record, `rows` per unit.
class PartMemory {
public:
  /// `factor`: exponent of 2 per unit of score. `columns`: of the accumulator, a multiple of 4.
  PartMemory(KernelBuilder &b, Value workspace, Val rows, int64_t columns, double factor)
      : b(b), workspace(workspace), rows(rows), columns(columns), factor(factor) {}

  /// Leaves maximum and sum of a row of a unit.
  void storeStats(Val unit, Val row, Val maximum, Val sum);
  /// Address of the accumulator's row: `columns` float32.
  Val rowAddress(Val unit, Val row);
  /// Counts the block's part, and runs the rounds of the merge that fall to the block, if any.
  void meet(const PartMeeting &meeting, function_ref<void(Val)> mergeRound);
  /// Merges pieces side by side. In a round of a merge only.
  SmallVector<MergedRow> merge(const PartRange &parts, ArrayRef<PartPiece> pieces);

private:
  struct Part {
    Val maximum, sum;
    Vals columns;
  };
  /// Addresses of the first part's records, and from each part to the next.
  struct Walk {
    Val stats, columns, step;
  };
  enum Counter { Arrivals, RoundsTaken, MergesBegun };
  Val counterAddress(Counter which, Val item);
  Val count(const PartMeeting &meeting);
  void lead(const PartMeeting &meeting, Val isLong, Val begun);
  Val waitForMerge(const PartMeeting &meeting, Val begun);
  Val share(const PartMeeting &meeting, function_ref<Val()> make);
  Val takeRound(const PartMeeting &meeting);
  Part loadPart(const Walk &walk, Val number, Val isThere);
  Vals mergeSome(ArrayRef<Val> state, ArrayRef<Part> some);

  KernelBuilder &b;
  Value workspace;
  Val rows;
  int64_t columns;
  double factor;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_PARTS_H
