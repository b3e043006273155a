//===- WarpgroupStream.h - decode kernels of Hopper --------------------------===//
//
// Packed rows (Stream.h) are those of one warpgroup. Blocks are persistent and take units from a
// counter; the copy engine runs ahead into the next unit.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPGROUPSTREAM_H
#define ATTN_LIB_TARGET_NVGPU_WARPGROUPSTREAM_H

#include "Stream.h"
#include "WarpgroupKernel.h"
#include "attn/Planning/StreamTile.h"

namespace mlir::attn {

class WarpgroupStreamEmitter : public StreamEmitter, public WarpgroupEmitter {
public:
  WarpgroupStreamEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, plan.tile, name), StreamEmitter(plan),
        WarpgroupEmitter(b, plan, name) {}
  LogicalResult emit() override;

protected:
  // WarpgroupStream.cpp: frame, producer.
  void createFunction();
  virtual int64_t threadsOfBlock() const { return StreamTile::threadsOfBlock(); }
  void prefetchMaps();
  virtual void initBarriers();
  void initBarriers(ArrayRef<std::tuple<int64_t, int64_t, int64_t>> all);
  virtual void emitRoles();
  void emitProducer();
  void beginUnit(Val number);

  // StreamQueries.cpp
  /// Where the queries of the block's unit `number` lie, and their phase.
  struct QuerySlot {
    Val buffer, parity;
  };
  virtual bool hasTwoQueryBuffers() const { return true; }
  QuerySlot querySlot(Val number);
  Val queryBarrier(int64_t first, const QuerySlot &slot) {
    return shared(first) + (slot.buffer << 3);
  }
  Val queryAddress(const QuerySlot &slot);
  void emitQueryLoader(Val number, int64_t threads);
  void gatherRow(const StreamUnit &unit, Val target, Val inTile, Val sub);

  // StreamConsumer.cpp
  void emitConsumer();
  Vals consumeUnit(const StreamUnit &unit, Vals state);
  /// A key tile: its number, and its count in the rings.
  struct Tile {
    const QueryTile &rows;
    Val number, count;
  };
  Vals streamUnit(const StreamUnit &unit, const QueryTile &rows);
  Vals visitAll(const StreamUnit &unit, const QueryTile &rows, Val start, Vals state);
  Vals visit(const Tile &tile, Vals state, bool masked);
  Vals visitOverlapped(const Tile &tile, Vals state, bool masked);
  Vals startScores(const QueryTile &rows, Val count);
  Vals startValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> acc);
  Softmax weigh(const Tile &tile, ArrayRef<Val> scores, bool masked, ArrayRef<Val> maximum,
                ArrayRef<Val> sum);

  int64_t queryFull = 0, queryEmpty = 0;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPGROUPSTREAM_H
