//===- LatentKernel.h - decode kernel whose values are columns of the keys ---===//
//
// A block is one producer warpgroup, of which one thread drives the copy engine, and two consumer
// warpgroups. An item is 64 rows (query position, head) of one batch entry and key head. Both
// consumers sum the same rows, each over half of the output's columns, so each latent tile is
// loaded once for scores and values. The weights of tile i are made by consumer i mod 2 and given
// to the other through shared memory: while one is in its softmax the other multiplies, though
// there is but one set of rows (after the alternation of FlashMLA, DeepSeek-AI 2025).
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

#include "Kernel.h"
#include "attn/Planning/LatentTile.h"

namespace mlir::attn {

class LatentEmitter final : public KernelEmitter {
public:
  LatentEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, name), l(*plan.latent), group_(plan.group) {}

private:
  /// What a consumer carries from tile to tile; rows are the thread's two.
  struct State {
    Vals sum, maximum, rowSum;
  };

  // LatentKernel.cpp: frame, items, producer.
  void initBarriers() override;
  QueryTile itemOf(Val number);
  void emitProducer() override;
  void emitQueryProducer() override {}
  void loadTile(const QueryTile &item, Val keyTile, Val count);
  SmallVector<int64_t> chunkOrder() const;
  Val slotOf(Val count) { return count & (l.stages - 1); }
  Val parityOf(Val count) { return (count >> llvm::Log2_64(static_cast<uint64_t>(l.stages))) & 1; }
  Val chunkBarrier(Val count) { return shared(at0.chunkFull) + slotOf(count) * (8 * l.chunks()); }
  Val stageBarrier(int64_t first, Val count) { return shared(first) + (slotOf(count) << 3); }
  Val tileAddress(Val count) { return shared(l.tileOffset()) + slotOf(count) * l.tileBytes(); }
  Val weightsAddress(Val count);

  // LatentConsumer.cpp
  void emitConsumer() override;
  void emitPart(int64_t part);
  Vals consumeItem(Vals it);
  void view(QueryTile &item);
  void loadQueries(const QueryTile &item);
  State pair(const QueryTile &item, Val keyTile, Val count, State state);
  Vals latentScores(Val count);
  Vals finishLatentScores(ArrayRef<Val> scores, const QueryTile &item, Val keyTile);
  Vals weightedValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum);
  Vals publish(const Softmax &softmax, Val count);
  State receive(Val count, State state);
  void release(Val count);
  void finish(const QueryTile &item, State state);
  Vals shareSums(ArrayRef<Val> rowSum);
  void storeLatentRow(const QueryTile &item, ArrayRef<Val> words, unsigned row);
  void storeLatentLse(const QueryTile &item, Val maximum, Val sum, unsigned row);

  const LatentTile &l;
  int64_t group_;   // score heads of a key head
  int64_t part = 0; // the consumer that is being written
  Val rowInItem;    // first of the thread's two rows
  struct {
    int64_t chunkFull, partEmpty[2], weightsFull;
  } at0;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_LATENTKERNEL_H
