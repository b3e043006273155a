//===- StreamConsumer.cpp - products and softmax of a stream kernel ----------===//
#include "Products.h"
#include "WarpgroupStream.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Key tiles
//===----------------------------------------------------------------------===//

/// Weights of a tile's scores: region, mask, softmax.
KernelEmitter::Softmax WarpgroupStreamEmitter::weigh(const Tile &tile, ArrayRef<Val> scores,
                                                     bool masked, ArrayRef<Val> maximum,
                                                     ArrayRef<Val> sum) {
  Vals finished = applyScore(scores, tile.rows, tile.number);
  if (masked)
    finished = maskScores(finished, tile.rows, tile.number, /*atEnd=*/true);
  return softmaxOf(finished, maximum, sum);
}

/// Products in flight for the scores of a tile, whose keys are there.
Vals WarpgroupStreamEmitter::startScores(const QueryTile &rows, Val count) {
  waitRing(at.keyFull, count);
  return products(rows, count);
}

/// Products in flight that add weighted values.
Vals WarpgroupStreamEmitter::startValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> acc) {
  waitRing(at.valueFull, count);
  return weightedSum(weights, count, acc);
}

static void rescale(MutableArrayRef<Val> acc, ArrayRef<Val> byRow) {
  for (auto [i, x] : llvm::enumerate(acc))
    x = x * byRow[rowOf(i)];
}

/// One product after the other; other blocks and the copy engine fill the gaps. State:
/// accumulator, maximum, sum.
Vals WarpgroupStreamEmitter::visit(const Tile &tile, Vals state, bool masked) {
  auto nO = static_cast<size_t>(t.vSize / 2);
  ArrayRef<Val> all(state);
  Vals acc(all.take_front(nO));
  Vals scores = waitProducts(0, startScores(tile.rows, tile.count));
  release(at.keyEmpty, tile.count);
  Softmax next = weigh(tile, scores, masked, all.slice(nO, 2), all.slice(nO + 2, 2));
  rescale(acc, next.rescale);
  acc = waitProducts(0, startValues(pack(next.weights), tile.count, acc));
  release(at.valueEmpty, tile.count);
  return concat({acc, next.maximum, next.sum});
}

/// Scores of this tile and weighted values of the one before multiply together, and the values go
/// on under the softmax. State: weights, accumulator, maximum, sum.
Vals WarpgroupStreamEmitter::visitOverlapped(const Tile &tile, Vals state, bool masked) {
  auto nP = static_cast<size_t>(t.keys / 4), nO = static_cast<size_t>(t.vSize / 2);
  ArrayRef<Val> all(state);
  Val before = tile.count - 1;
  Vals scores = startScores(tile.rows, tile.count);
  Vals acc = startValues(all.take_front(nP), before, all.slice(nP, nO));
  scores = waitProducts(1, scores);
  release(at.keyEmpty, tile.count);
  Softmax next = weigh(tile, scores, masked, all.slice(nP + nO, 2), all.slice(nP + nO + 2, 2));
  acc = waitProducts(0, acc);
  release(at.valueEmpty, before);
  rescale(acc, next.rescale);
  return concat({pack(next.weights), acc, next.maximum, next.sum});
}

/// Up to three loops: tiles that some row does not see as a whole, on both sides of those without
/// mask code. The last, short tile is on the right.
Vals WarpgroupStreamEmitter::visitAll(const StreamUnit &unit, const QueryTile &rows, Val start,
                                      Vals state) {
  Val to = b.uniform(unit.to), from = b.uniform(unit.from);
  auto run = [&](Val first, Val last, bool masked) {
    state = b.loop(first, last, state, [&](Val number, Vals before) {
      Tile tile{rows, number, rows.started + (number - from)};
      return plan.overlap ? visitOverlapped(tile, std::move(before), masked)
                          : visit(tile, std::move(before), masked);
    });
  };
  Val full = start;
  if (unit.hasLow) {
    full = b.uniform(unit.fullFrom.max(start).min(to.max(start)));
    run(start, full, true);
  }
  Val end = b.uniform(unit.fullEnd.max(full).min(to.max(full)));
  run(full, end, false);
  run(end, to, true);
  arrive(rows.slot); // the queries are read for the last time
  return state;
}

/// All key tiles of a unit, none at all, too -> accumulator, maximum, sum.
Vals WarpgroupStreamEmitter::streamUnit(const StreamUnit &unit, const QueryTile &rows) {
  auto nP = static_cast<size_t>(t.keys / 4), nO = static_cast<size_t>(t.vSize / 2);
  Vals none(2, b.minusInfinity()), zeros(nO, b.f32(0)), noWeights(nP, b.i32(0)), noSum(2, b.f32(0));
  Val from = b.uniform(unit.from);
  if (!plan.overlap)
    return visitAll(unit, rows, from, concat({zeros, none, noSum}));
  Val isAny = unit.from.lt(unit.to);
  Vals state = b.choose(
      isAny,
      [&] {
        Vals scores = waitProducts(0, startScores(rows, rows.started));
        release(at.keyEmpty, rows.started);
        Softmax first = weigh({rows, from, rows.started}, scores, true, none, noSum);
        return concat({pack(first.weights), zeros, first.maximum, first.sum});
      },
      [&] { return concat({noWeights, zeros, none, noSum}); });
  state = visitAll(unit, rows, from + 1, state);
  ArrayRef<Val> all(state);
  Vals weights(all.take_front(nP)), acc(all.slice(nP, nO));
  Val last = rows.started + (unit.to - unit.from) - 1;
  acc = b.choose(
      isAny,
      [&] {
        Vals sum = waitProducts(0, startValues(weights, last, acc));
        release(at.valueEmpty, last);
        return sum;
      },
      [&] { return acc; });
  return concat({acc, all.drop_front(nP + nO)});
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

Vals WarpgroupStreamEmitter::consumeUnit(const StreamUnit &unit, Vals it) {
  Val inTile = ((thread >> 5) << 4) + (lane >> 2);
  Row both[] = {rowOfTile(unit, inTile), rowOfTile(unit, inTile + 8)};
  QueryTile rows = tileOfRows(unit, both);
  Merge merge = mergeOf(unit, 128);
  QuerySlot slot = querySlot(it[1]);
  beginUnit(it[1]);
  wait(queryBarrier(queryFull, slot), slot.parity);
  rows.started = it[0];
  rows.slot = queryBarrier(queryEmpty, slot);
  rows.queryLow =
      (queryAddress(slot) >> 4) + (int64_t(1) << 16); // as in emitConsumer of a prefill kernel
  auto nO = static_cast<size_t>(t.vSize / 2);
  Vals state = streamUnit(unit, rows);
  ArrayRef<Val> all(state);
  Vals sum(all.take_back(2));
  for (int64_t lanes : {1, 2})
    for (Val &x : sum)
      x = x + b.shuffle(x, lanes);
  ArrayRef<Val> acc = all.take_front(nO), maximum = all.slice(nO, 2);
  b.ifThen(
      unit.isWhole, [&] { storeWhole(unit, both, acc, maximum, sum); },
      [&] {
        storePart(unit, both, acc, maximum, sum, b.i32(0));
        mergeParts(unit, merge, thread, 128, 1);
      });
  return {it[0] + b.uniform(unit.to - unit.from), it[1] + 1};
}

void WarpgroupStreamEmitter::emitConsumer() {
  quad = lane & 3;
  keyBase = (shared(t.keyOffset()) >> 4) + (int64_t(1) << 16);
  int64_t chunkBytes = t.keys * 2 * WarpgroupTile::chunkColumns(t.vSize);
  valueBase = (shared(t.valueOffset()) >> 4) + ((chunkBytes >> 4) << 16);
  walk({b.i32(0), b.i32(0)},
       [&](const StreamUnit &unit, Vals it) { return consumeUnit(unit, std::move(it)); });
}
