//===- LatentKernel.h - decode kernel whose values are columns of the keys ---===//
//
// A stream kernel (packed rows, ranges of key steps) whose block is one producer warpgroup, of
// which one thread drives the copy engine and three warps load queries, and two consumer
// warpgroups. Both consumers sum the same 64 rows, each over half of the output's columns, and each
// latent tile is loaded once for scores and values. The weights of tile i are made by consumer i
// mod 2 and given to the other through shared memory: while one is in its softmax the other
// multiplies, though there is but one set of rows (after the alternation of FlashMLA, DeepSeek-AI
// 2025).
//
// Per pair of tiles, in the order of a warpgroup's instructions:
//
//   consumer 0                            consumer 1
//   scores(0), softmax -> weights(0)      scores(1), issued
//   sum += weights(0) values(0)           sum += weights(0) values(0), under its softmax
//   sum += weights(1) values(1)           softmax -> weights(1)
//                                         sum += weights(1) values(1)
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_LATENTKERNEL_H
#define ATTN_LIB_TARGET_NVGPU_LATENTKERNEL_H

#include "WarpgroupStream.h"
#include "attn/Planning/LatentTile.h"

namespace mlir::attn {

class LatentEmitter final : public WarpgroupStreamEmitter {
public:
  LatentEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, plan.tile, name), WarpgroupStreamEmitter(b, plan, name),
        l(*plan.latent) {}

private:
  /// What a consumer carries from tile to tile; rows are the thread's two.
  struct State {
    Vals sum, maximum, rowSum;
  };

  // LatentKernel.cpp: frame and producer.
  int64_t threadsOfBlock() const override { return t.threads(); }
  int64_t keysOfStep() const override { return 2 * LatentTile::keys; }
  void initBarriers() override;
  void emitRoles() override;
  bool hasTwoQueryBuffers() const override { return false; }
  void emitTiles();
  void loadTile(const StreamUnit &unit, Val keyTile, Val count);
  SmallVector<int64_t> chunkOrder() const;
  Val slotOf(Val count) { return ringSlot(count, l.stages); }
  Val parityOf(Val count) { return ringParity(count, l.stages); }
  Val chunkBarrier(Val count) { return shared(chunkFull) + slotOf(count) * (8 * l.chunks()); }
  Val stageBarrier(int64_t first, Val count) { return shared(first) + (slotOf(count) << 3); }
  Val tileAddress(Val count) { return shared(l.tileOffset()) + slotOf(count) * l.tileBytes(); }
  Val weightsAddress(Val count);

  // LatentConsumer.cpp
  void emitConsumers();
  Vals consume(const StreamUnit &unit, Vals it);
  void releaseQueries(Val isLast);
  State pair(const StreamUnit &unit, const QueryTile &rows, Val step, Val count, State state);
  Vals latentScores(Val count);
  Vals finishScores(ArrayRef<Val> scores, const StreamUnit &unit, const QueryTile &rows, Val step);
  Vals weightedValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum);
  Vals publish(const Softmax &softmax, Val count);
  State receive(Val count, State state);
  /// This consumer needs its part of the tile no more.
  void release(Val count) { arrive(stageBarrier(partEmpty[part], count)); }
  Vals shareSums(ArrayRef<Val> rowSum, Val unitCount);
  void storeUnit(const StreamUnit &unit, ArrayRef<Row> rows, const State &state, Val unitCount);

  const LatentTile &l;
  int64_t part = 0; // the consumer whose loop over keys is being written
  Val consumer;     // the thread's, 0 or 1
  Val rowInTile;    // first of the thread's two rows
  int64_t chunkFull = 0, weightsFull = 0, partEmpty[2];
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_LATENTKERNEL_H
