//===- LatentKernel.cpp - memory, roles and producer of the latent kernel ----===//
#include "LatentKernel.h"

using namespace mlir;
using namespace mlir::attn;

/// Threads of the producer warpgroup that load queries: all but the warp of the copy engine.
static constexpr int64_t queryLoaders = 96;

void LatentEmitter::initBarriers() {
  int64_t stages = l.stages, at0 = l.barrierOffset();
  auto take = [&](int64_t count) {
    int64_t here = at0;
    at0 += 8 * count;
    return here;
  };
  chunkFull = take(stages * l.chunks()), weightsFull = take(stages);
  partEmpty[0] = take(stages), partEmpty[1] = take(stages);
  queryFull = take(1), queryEmpty = take(1), flagOffset = take(1);
  // One arrival per warp: of the consumer that is done, or of both; of each thread that loads
  // queries, and of each lane that leaves row maxima.
  WarpgroupStreamEmitter::initBarriers({{chunkFull, stages * l.chunks(), 1},
                                        {weightsFull, stages, 32},
                                        {partEmpty[0], stages, 4},
                                        {partEmpty[1], stages, 4},
                                        {queryFull, 1, queryLoaders},
                                        {queryEmpty, 1, 8}});
}

/// Weights of the tile `count`: 64 rows of 64 keys, swizzled like a chunk.
Val LatentEmitter::weightsAddress(Val count) {
  int64_t chunk = l.weightsChunk();
  if (chunk >= 0)
    return tileAddress(count) + chunk * LatentTile::chunkBytes;
  return shared(l.weightsOffset()) + slotOf(count) * LatentTile::chunkBytes;
}

/// Each role in one branch of a single condition: else ptxas ignores setmaxnreg.
void LatentEmitter::emitRoles() {
  Val warpgroup = b.uniform(thread >> 7);
  b.ifThen(
      warpgroup.eq(0),
      [&] {
        b.intrinsicNoResult("llvm.nvvm.setmaxnreg.dec.sync.aligned.u32",
                            {b.i32(t.producerRegisters())});
        b.ifThen(
            thread.lt(b.i32(32)), [&] { b.ifThen(thread.eq(0), [&] { emitTiles(); }); },
            [&] { emitQueryLoader(thread - 32, queryLoaders); });
      },
      [&] {
        b.intrinsicNoResult("llvm.nvvm.setmaxnreg.inc.sync.aligned.u32",
                            {b.i32(t.consumerRegisters())});
        quad = lane & 3;
        rowInTile = (((thread >> 5) & 3) << 4) + (lane >> 2);
        consumer = warpgroup - 1;
        emitConsumers();
      });
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
void LatentEmitter::loadTile(const StreamUnit &unit, Val keyTile, Val count) {
  Val parity = parityOf(count) ^ 1, target = tileAddress(count), barriers = chunkBarrier(count);
  Val row = keyTile * LatentTile::keys;
  auto perPart = static_cast<size_t>(l.chunksPerPart());
  for (auto [i, chunk] : llvm::enumerate(chunkOrder())) {
    if (i == 0 || i == perPart)
      wait(stageBarrier(partEmpty[i / perPart], count), parity);
    Val barrier = barriers + 8 * chunk, to = target + chunk * LatentTile::chunkBytes;
    int64_t column = chunk * LatentTile::chunkColumns;
    expect(barrier, LatentTile::chunkBytes);
    loadBox(to, a.keyMap, barrier, column, row, unit.keyHead, unit.batch);
  }
}

/// One thread: the next unit's first tiles are in flight while this one's last are computed. A
/// step is a pair of tiles; what lies past the last key arrives as zeros.
void LatentEmitter::emitTiles() {
  walk({b.i32(0)}, [&](const StreamUnit &unit, Vals it) -> Vals {
    Val first = unit.from << 1, tiles = (unit.to << 1) - first;
    beginUnit(it[0]);
    b.loop(b.i32(0), tiles, {}, [&](Val i, Vals) -> Vals {
      loadTile(unit, first + i, it[0] + i);
      return {};
    });
    return {it[0] + tiles};
  });
}
