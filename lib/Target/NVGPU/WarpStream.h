//===- WarpStream.h - decode kernels of warps that load by themselves --------===//
//
// A block takes units: 64 packed rows of a tile (Stream.h), 16 for each of four warps, against a
// part of the keys. A warp whose rows are all past the end copies with the others and computes
// nothing. Or 16 packed rows that four warps share, each against its own keys of every tile.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPSTREAM_H
#define ATTN_LIB_TARGET_NVGPU_WARPSTREAM_H

#include "Stream.h"
#include "WarpKernel.h"

namespace mlir::attn {

class WarpStreamEmitter : public StreamEmitter, public WarpEmitter {
public:
  WarpStreamEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, *plan.warp, name), StreamEmitter(plan), WarpEmitter(b, plan, name) {}

protected:
  void createFunction() override;
  void emitBlock() override;
  QueryTile tileOfUnit(const StreamUnit &unit, ArrayRef<Row> both);
  void gatherQueries(const StreamUnit &unit);
  void startUnit(const StreamUnit &unit, const QueryTile &tile);
  int64_t rowsOfTile() const override { return w.rows(); }
  virtual void computeUnit(const StreamUnit &unit);
  RowState gatherWarps(const RowState &mine);
  void storeUnit(const StreamUnit &unit, ArrayRef<Row> both, ArrayRef<Val> state);
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPSTREAM_H
