//===- LatentKernel.cpp - items, memory and producer of the latent kernel ----===//
#include "LatentKernel.h"

using namespace mlir;
using namespace mlir::attn;

void LatentEmitter::initBarriers() {
  int64_t s = l.stages;
  at0.chunkFull = l.barrierOffset();
  at0.partEmpty[0] = at0.chunkFull + 8 * s * l.chunks();
  at0.partEmpty[1] = at0.partEmpty[0] + 8 * s;
  at0.weightsFull = at0.partEmpty[1] + 8 * s;
  // One arrival per warp of the warpgroup that is done.
  KernelEmitter::initBarriers({{at0.chunkFull, s * l.chunks(), 1},
                               {at0.partEmpty[0], s, 4},
                               {at0.partEmpty[1], s, 4},
                               {at0.weightsFull, s, 4}});
}

/// Weights of the tile `count`: 64 rows of 64 keys, swizzled like a chunk.
Val LatentEmitter::weightsAddress(Val count) {
  int64_t chunk = l.weightsChunk();
  if (chunk >= 0)
    return tileAddress(count) + chunk * LatentTile::chunkBytes;
  return shared(l.weightsOffset()) + slotOf(count) * LatentTile::chunkBytes;
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

/// Item number -> batch entry, key head, rows and key range. Row tiles of one key head are
/// neighbours, so that blocks that run side by side read one latent. Both consumers take equally
/// many key tiles: a last one without keys is all masked.
QueryTile LatentEmitter::itemOf(Val number) {
  QueryTile item;
  int64_t keyHeads = static_cast<int64_t>(plan.heads.query.size()) / group_;
  Val batchHead = number.div(a.rowTiles);
  item.rowTile = number - batchHead * a.rowTiles;
  item.batch = batchHead.div(keyHeads);
  item.keyHead = batchHead - item.batch * keyHeads;
  item.head = item.keyHead * group_;
  item.firstRow = item.rowTile * LatentTile::rows;
  Val lastRow = (item.firstRow + LatentTile::rows).min(a.queries * group_) - 1;
  Val first = item.firstRow.div(group_) + a.offset, last = lastRow.div(group_) + a.offset;
  KeyBounds bounds = boundsOf(plan.mask, first, last, item.head);
  auto tileAfter = [&](Val key) { return (key + (LatentTile::keys - 1)).div(LatentTile::keys); };
  Val high = (bounds.high ? bounds.high.min(a.keys) : a.keys).max(1);
  Val low = bounds.low ? bounds.low.max(0).min(high - 1).div(LatentTile::keys) : b.i32(0);
  item.count = (tileAfter(high) - low + 1) & -2;
  item.last = low + item.count - 1;
  // Key tiles in [edge2, edge) need no mask code.
  item.edge = (bounds.fullHigh ? bounds.fullHigh.max(0).min(a.keys) : a.keys).div(LatentTile::keys);
  if (bounds.fullLow)
    item.edge2 = tileAfter(bounds.fullLow.max(0));
  return item;
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

/// The half of the values that is free first comes first; then what only scores read, whose place
/// the weights take until both consumers have used them.
SmallVector<int64_t> LatentEmitter::chunkOrder() const {
  SmallVector<int64_t> order, rest;
  for (int64_t chunk = 0; chunk < l.chunks(); ++chunk)
    (l.isValueChunk(chunk) ? order : rest).push_back(chunk);
  order.append(rest);
  return order;
}

/// Each chunk has its own barrier: scores start with the first.
void LatentEmitter::loadTile(const QueryTile &item, Val keyTile, Val count) {
  Val parity = parityOf(count) ^ 1, target = tileAddress(count), full = chunkBarrier(count);
  for (auto [i, chunk] : llvm::enumerate(chunkOrder())) {
    if (i % static_cast<size_t>(l.chunksPerPart()) == 0 &&
        i / static_cast<size_t>(l.chunksPerPart()) < 2)
      wait(stageBarrier(at0.partEmpty[i / static_cast<size_t>(l.chunksPerPart())], count), parity);
    Val barrier = full + 8 * chunk;
    expect(barrier, LatentTile::chunkBytes);
    loadBox(target + chunk * LatentTile::chunkBytes, a.keyMap, barrier,
            chunk * LatentTile::chunkColumns, keyTile * LatentTile::keys, item.keyHead, item.batch);
  }
}

void LatentEmitter::emitProducer() {
  auto isLeft = [&](ArrayRef<Val> it) { return it[0].lt(a.tiles); };
  b.loopWhile({block, b.i32(0)}, isLeft, [&](Vals it) -> Vals {
    QueryTile item = itemOf(it[0]);
    b.loop(b.i32(0), item.count, {}, [&](Val i, Vals) -> Vals {
      loadTile(item, item.last - i, it[1] + i);
      return {};
    });
    return {it[0] + grid, it[1] + item.count};
  });
}
