//===- WarpTiles.cpp - key tiles of the warps' form --------------------------===//
//
// With one stage, values load under the scores' product and the next keys under the softmax and the
// second product. With more, tile i + stages - 1 loads while tile i is computed, and warps meet once
// per tile.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include "WarpKernel.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

/// Slot of key tile `number` in the ring, in bytes.
static Val slotOffset(Val number, int64_t stages, int64_t bytes) {
  if (stages == 1)
    return number.like(0);
  Val slot = llvm::isPowerOf2_64(static_cast<uint64_t>(stages))
                 ? number & (stages - 1)
                 : number - number.div(stages) * stages;
  return slot * bytes;
}

/// Key tile `number`; past the last key rows are zero if `bounded`.
void WarpEmitter::copyKeys(const QueryTile &tile, Val number, Val go, bool bounded) {
  copy(copyPlan(w.qkSize, w.keys), keySource, w.keyOffset(),
       slotOffset(number, w.stages, w.keyBytes()), (tile.last - number) * w.keys, go,
       bounded ? a.keys : Val());
}

void WarpEmitter::copyValues(const QueryTile &tile, Val number, Val go, bool bounded) {
  copy(copyPlan(w.vSize, w.keys), valueSource, w.valueOffset(),
       slotOffset(number, w.stages, w.valueBytes()), (tile.last - number) * w.keys, go,
       bounded ? a.keys : Val());
}

/// Queries and the first key tiles are on their way.
void WarpEmitter::startTile(const QueryTile &tile) {
  CopyPlan queryCopy = copyPlan(w.qkSize, w.rows());
  CopySource querySource = sourceOf(a.query, queryCopy, tile.batch, tile.queryHead);
  keySource = sourceOf(a.key, copyPlan(w.qkSize, w.keys), tile.batch, tile.keyHead);
  valueSource = sourceOf(a.value, copyPlan(w.vSize, w.keys), tile.batch, tile.valueHead);
  copy(queryCopy, querySource, 0, b.i32(0), tile.firstRow, Val(), a.queries);
  if (w.queriesInRegisters)
    commitCopies();
  copyKeys(tile, b.i32(0), Val(), true);
  if (w.stages > 1)
    copyValues(tile, b.i32(0), Val(), true);
  commitCopies();
  for (int64_t i = 1; i < w.stages - 1; ++i)
    prefetch(tile, b.i32(i));
  if (!w.queriesInRegisters)
    return;
  waitCopies(std::max<int64_t>(1, w.stages - 1));
  meet();
  queries = loadQueries();
}

/// Keys and values of a tile that is not the rightmost, if it is there.
void WarpEmitter::prefetch(const QueryTile &tile, Val number) {
  Val isThere = number.lt(tile.count);
  copyKeys(tile, number, isThere, false);
  copyValues(tile, number, isThere, false);
  commitCopies();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

WarpEmitter::RowState WarpEmitter::unpack(ArrayRef<Val> state) const {
  auto tiles = static_cast<size_t>(w.rowTiles), acc = tiles * static_cast<size_t>(w.vSize / 2);
  return {Vals(state.take_front(acc)), Vals(state.slice(acc, 2 * tiles)),
          Vals(state.take_back(2 * tiles))};
}

/// Values of row tile `m` of those of all.
static ArrayRef<Val> ofRowTile(ArrayRef<Val> all, int64_t m, int64_t tiles) {
  size_t count = all.size() / static_cast<size_t>(tiles);
  return all.slice(static_cast<size_t>(m) * count, count);
}

/// One key tile. State: accumulator, maximum, sum.
Vals WarpEmitter::step(QueryTile &tile, Val number, Vals state, bool masked, bool lazy) {
  RowState before = unpack(state);
  waitCopies(std::max<int64_t>(0, w.stages - 2));
  meet();
  if (w.stages == 1) {
    copyValues(tile, number, Val(), masked);
    commitCopies();
  } else {
    prefetch(tile, number + (w.stages - 1));
  }
  Vals scores = products(queries, keyLane + slotOffset(number, w.stages, w.keyBytes()));
  if (w.stages == 1) {
    waitCopies(0);
    meet();
    copyKeys(tile, number + 1, (number + 1).lt(tile.count), false);
    commitCopies();
  }
  Vals weights, acc, maximum, sum;
  for (int64_t m = 0; m < w.rowTiles; ++m) {
    QueryTile part = partOf(tile, m);
    Vals finished = finishScores(ofRowTile(scores, m, w.rowTiles), part, number, masked, masked);
    ArrayRef<Val> most = ofRowTile(before.maximum, m, w.rowTiles),
                  sums = ofRowTile(before.sum, m, w.rowTiles),
                  mine = ofRowTile(before.acc, m, w.rowTiles);
    Softmax s = lazy ? keepReference(finished, most, sums)
                     : softmax(finished, most, sums, masked || plan.hasRegion());
    llvm::append_range(weights, pack(s.weights));
    llvm::append_range(acc, lazy ? Vals(mine) : scaled(mine, s.rescale));
    llvm::append_range(maximum, s.maximum);
    llvm::append_range(sum, s.sum);
  }
  acc = weightedSum(weights, valueLane + slotOffset(number, w.stages, w.valueBytes()), acc);
  return concat({acc, maximum, sum});
}

/// All key tiles, from the right. The first one always has mask code, which also covers the end of
/// the sequence. With a lazy maximum those without mask code keep the reference. `early`: the sums
/// behind them, if exact ones follow.
Vals WarpEmitter::runTiles(QueryTile &tile, Vals state, Vals &early) {
  auto run = [&](Val from, Val to, bool masked, bool lazy) {
    state = b.loop(from, to, state,
                   [&](Val i, Vals s) { return step(tile, i, std::move(s), masked, lazy); });
  };
  auto tiles = static_cast<size_t>(w.rowTiles);
  run(b.i32(0), tile.edge, true, false);
  if (plan.lazy)
    settleReference(tile, MutableArrayRef<Val>(state).take_back(4 * tiles).take_front(2 * tiles));
  run(tile.edge, tile.edge2, false, plan.lazy);
  if (ends.left) {
    if (plan.lazy)
      early = Vals(ArrayRef<Val>(state).take_back(2 * tiles));
    run(tile.edge2, tile.count, true, false);
  }
  return state;
}
