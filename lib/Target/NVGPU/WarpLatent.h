//===- WarpLatent.h - warps whose values are columns of the keys -------------===//
//
// A decode kernel of the portable form whose block has one tile of packed rows and one ring of
// key tiles, which serve both products. More columns of values than a warp can sum: all warps have
// the same rows and each its own columns. Scores of 16 rows are the work of a team of warps, each
// for its own part of the columns of queries and keys. The team adds the parts in shared memory,
// every warp of it makes the same weights, and they leave them in shared memory for all.
//
// Per key tile, between meetings of the block: scores of a part, meeting of the team, weights;
// then weighted values. With `overlap` there is one meeting: scores of a part, the weighted values
// of the tile before, meeting of the team, weights.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPLATENT_H
#define ATTN_LIB_TARGET_NVGPU_WARPLATENT_H

#include "WarpStream.h"
#include "attn/Planning/LatentWarpTile.h"

namespace mlir::attn {

class WarpLatentEmitter final : public WarpStreamEmitter {
public:
  WarpLatentEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, *plan.warp, name), WarpStreamEmitter(b, plan, name),
        l(*plan.warp, plan.overlap) {}

private:
  /// What a warp carries from tile to tile: its columns of all rows' sums; references and sums of
  /// weights of the thread's two rows in its team's tile of 16.
  struct State {
    Vals acc, maximum, rowSum;
  };

  // WarpLatent.cpp: places, units.
  int64_t rowsOfTile() const override { return l.rows(); }
  int64_t tilesAhead() const override { return l.tilesAhead(); }
  void placeLane() override;
  Val warpNumber() { return thread >> 5; }
  /// The warp's team, which has 16 of the rows, and its number there.
  Val team() { return warpNumber().div(l.sharers()); }
  Val member() { return warpNumber() - team() * l.sharers(); }
  Val rowInTeam() { return (team() << 4) + (lane >> 2); }
  void computeUnit(const StreamUnit &unit) override;
  Vals pack(const State &state) const;
  State unpack(ArrayRef<Val> all) const;
  void leaveRows(const State &state);
  Vals readRows(int64_t offset, int64_t m);
  void storeRows(const StreamUnit &unit, ArrayRef<Val> acc, bool isWhole);
  void storeUnit(const StreamUnit &unit, const State &state);

  // WarpLatentTiles.cpp: products, weights.
  State step(const QueryTile &tile, Val number, const State &state);
  Vals partialScores(Val number);
  void leavePart(ArrayRef<Val> scores);
  Vals completeScores(ArrayRef<Val> mine);
  Vals finishScores(ArrayRef<Val> scores, const QueryTile &tile, Val number);
  Val placeOf(Val number, int64_t bytes);
  void meetTeam();
  void publish(const Softmax &softmax, Val number);
  Vals rescale(ArrayRef<Val> acc, Val number);
  Vals addValues(Val number, ArrayRef<Val> acc);

  LatentWarpTile l;
  Val weightLane; // what the lane reads weights at
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPLATENT_H
