//===- WarpgroupKernel.h - warp-specialised kernels of Hopper ----------------===//
//
// A block is one producer warpgroup, in which two threads drive the copy engine, and one to four
// consumer warpgroups of 64 query rows each. Blocks are persistent: they take tiles of query rows
// from a counter.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPGROUPKERNEL_H
#define ATTN_LIB_TARGET_NVGPU_WARPGROUPKERNEL_H

#include "Kernel.h"

namespace mlir::attn {

/// In the ring of tile numbers: a flagged tile, all of whose key tiles take the exact loop.
constexpr int64_t exactBit = int64_t(1) << 30;

class WarpgroupEmitter : public virtual KernelEmitter {
public:
  WarpgroupEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, plan.tile, name), t(plan.tile) {}
  LogicalResult emit() override;

protected:
  // WarpgroupKernel.cpp: frame, scheduling, producer.
  void createFunction();
  void initBarriers();
  void emitProducer();
  void emitQueryProducer();
  Val takeTile();
  void publishNext(Val number, Val next);
  void resetCounters();
  void loadBox(Val target, Value map, Val barrier, int64_t column, Val row, Val head, Val batch);
  void load(Val target, Value map, Val barrier, int64_t rows, int64_t size, Val row, Val head,
            Val batch);
  void loadRing(int64_t full, int64_t empty, int64_t base, Value map, int64_t size, Val keyTile,
                Val head, Val batch, Val count);
  Val nextTile(Val number);
  void wait(Val barrier, Val parity);
  void waitUnless(Val isKnown, Val barrier, Val parity);
  Val test(Val barrier, Val parity);
  void arrive(Val barrier);
  void expect(Val barrier, int64_t bytes);

  // Cards.cpp
  void writeCard(QueryTile &tile, int64_t consumer);
  void readCard(QueryTile &tile);
  void placeRows(QueryTile &tile);
  Val cardAddress(Val number, Val consumer);

  // Documents.cpp
  void prepareDocuments();
  void emitScout();
  void readDocuments(Val number);
  void forgetDocuments() { documentBounds.clear(); }
  int64_t documentBarriers() const { return t.documentOffset() + WarpgroupTile::cards * 16; }
  int64_t documentTable() const { return documentBarriers() + WarpgroupTile::cards * 8; }
  int64_t documentOperand = -1; // whose ids the scout reads
  Val documentEntry(Val entry);
  Val documentShift();
  void buildDocuments(Val warp, int64_t warps, function_ref<void()> meet);
  KeyBounds findDocuments(const QueryTile &tile);
  KeyBounds scanDocuments(Val least, Val most);

  // Redo.cpp
  Val tileNumber(Val word);
  Val isTile(Val word);
  void waitConsumed(Val number);
  Val takeFlagged(Val number);
  Val flaggedOr(Val number, function_ref<Val()> otherwise);
  Val lastFlagged(Val number);
  void report(const QueryTile &tile, Val isBad);

  // Consumer.cpp
  void emitConsumer();
  Vals consume(Vals state);
  void view(QueryTile &tile);
  Val ringBarrier(int64_t first, Val count);
  void waitRing(int64_t full, Val count, Val isKnown = Val());
  void release(int64_t empty, Val count);
  Vals products(const QueryTile &tile, Val count);
  Vals weightedSum(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum);
  Vals waitProducts(int64_t pending, ArrayRef<Val> values);
  Vals firstTile(QueryTile &tile);
  Vals startProducts(const QueryTile &tile, Val count, ArrayRef<Val> weights, Vals &acc,
                     ArrayRef<Val> isKnown);
  void finishProducts(Val count, Vals &scores, Vals &acc);
  void finishValues(Val count, Vals &acc);
  Vals step(QueryTile &tile, Val number, Vals state, bool masked);
  Vals runTiles(QueryTile &tile, Vals state, Vals &early);
  void passOn();
  void takeTurn();

  // QueryFragments.cpp
  Vals loadQueries(Val buffer);

  // LazyLoop.cpp
  Vals runLazy(QueryTile &tile, ArrayRef<Val> state);
  Vals lazyStep(QueryTile &tile, Val number, ArrayRef<Val> shift, ArrayRef<Val> state);
  Vals askForTiles(Val count);

  const WarpgroupTile &t;
  Val group; // the consumer's number
  Val queryBase, keyBase, valueBase, nextGroup;
  struct Barriers {
    int64_t keyFull, keyEmpty, valueFull, valueEmpty, queryFull, queryEmpty, tileFull, tileEmpty,
        tileNumber, tileDone, flagged, cards;
  } at;
};

/// Slot of number `count` in a ring, and the parity of the slot's phase then.
Val ringSlot(Val count, int64_t stages);
Val ringParity(Val count, int64_t stages);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPGROUPKERNEL_H
