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

/// Keys and values of a tile, if it is there. Only the rightmost may need to be `bounded`.
void WarpEmitter::prefetch(const QueryTile &tile, Val number, bool bounded) {
  Val isThere = number.lt(tile.count);
  copyKeys(tile, number, isThere, bounded);
  copyValues(tile, number, isThere, bounded);
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

/// Waits for the tile's keys (with several stages its values, too), and starts what comes next.
void WarpEmitter::startLoads(QueryTile &tile, Val number, bool masked) {
  waitCopies(std::max<int64_t>(0, w.stages - 2));
  meet();
  if (w.stages > 1)
    return prefetch(tile, number + (w.stages - 1));
  copyValues(tile, number, Val(), masked);
  commitCopies();
}

/// With one stage, behind the scores of part `part`: values must be there before the first weighted
/// sum, and the next keys load when the last scores are made.
void WarpEmitter::betweenProducts(QueryTile &tile, Val number, int64_t part) {
  bool isFirst = part == std::min<int64_t>(1, w.parts() - 1), isLast = part == w.parts() - 1;
  if (w.stages > 1 || !(isFirst || isLast))
    return;
  if (isFirst)
    waitCopies(0);
  meet();
  if (!isLast)
    return;
  copyKeys(tile, number + 1, (number + 1).lt(tile.count), false);
  commitCopies();
}

/// Scores of a part -> packed weights; the state goes on.
Vals WarpEmitter::weigh(QueryTile &tile, Val number, int64_t firstKey, ArrayRef<Val> scores,
                        RowState &state, bool masked, bool lazy) {
  RowState next;
  Vals weights;
  for (int64_t m = 0; m < w.rowTiles; ++m) {
    QueryTile part = partOf(tile, m);
    part.firstKey = firstKey;
    auto mine = [&](ArrayRef<Val> all) { return ofRowTile(all, m, w.rowTiles); };
    Vals finished = finishScores(mine(scores), part, number, masked, masked);
    Softmax s = lazy ? keepReference(finished, mine(state.maximum), mine(state.sum))
                     : softmax(finished, mine(state.maximum), mine(state.sum),
                               masked || plan.hasRegion());
    llvm::append_range(weights, pack(s.weights));
    llvm::append_range(next.acc, lazy ? Vals(mine(state.acc)) : scaled(mine(state.acc), s.rescale));
    llvm::append_range(next.maximum, s.maximum);
    llvm::append_range(next.sum, s.sum);
  }
  state = next;
  return weights;
}

/// One key tile.
Vals WarpEmitter::step(QueryTile &tile, Val number, Vals state, bool masked, bool lazy) {
  startLoads(tile, number, masked);
  if (!isLive)
    return compute(tile, number, std::move(state), masked, lazy);
  return b.choose(isLive, [&] { return compute(tile, number, state, masked, lazy); },
                  [&] { return state; });
}

/// Products and softmax of a key tile. The scores of the next part stand before the weighted values of this one, so that
/// they can multiply under its softmax. State: accumulator, maximum, sum.
Vals WarpEmitter::compute(QueryTile &tile, Val number, Vals packed, bool masked, bool lazy) {
  RowState state = unpack(packed);
  Val keySlot = slotOffset(number, w.stages, w.keyBytes()),
      valueSlot = slotOffset(number, w.stages, w.valueBytes());
  Vals scores = products(keySlot, 0);
  if (w.parts() == 1)
    betweenProducts(tile, number, 0);
  for (int64_t part = 0; part < w.parts(); ++part) {
    int64_t firstKey = part * w.partKeys;
    Vals weights = weigh(tile, number, firstKey, scores, state, masked, lazy);
    if (part + 1 < w.parts()) {
      scores = products(keySlot, firstKey + w.partKeys);
      betweenProducts(tile, number, part + 1);
    }
    state.acc = weightedSum(weights, valueSlot, firstKey, state.acc);
  }
  return concat({state.acc, state.maximum, state.sum});
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
