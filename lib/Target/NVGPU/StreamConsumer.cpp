//===- StreamConsumer.cpp - packed queries, products and softmax of a stream kernel ----===//
#include "Products.h"
#include "WarpgroupStream.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

/// Rows gathered from the heads of the group, into the layout that the products read: chunks of
/// columns, 16-byte pieces permuted by the swizzle. Columns up to the next multiple of 16 are zero.
void WarpgroupStreamEmitter::loadQueries(const StreamUnit &unit) {
  int64_t columns = WarpgroupTile::chunkColumns(t.qkSize), rowBytes = 2 * columns;
  int64_t pieces = (t.qkSize + 15) / 16 * 2, perChunk = columns / 8;
  int64_t swizzle = rowBytes == 128 ? 7 : rowBytes == 64 ? 3 : 1;
  SmallVector<std::pair<Val, Vals>> loaded;
  for (int64_t i = 0; i < 64 * pieces / 128; ++i) {
    Val index = thread + 128 * i, row = index.div(pieces), piece = index - row * pieces;
    Val chunk = piece.div(perChunk);
    Val offset = row * rowBytes + ((piece - chunk * perChunk) << 4);
    offset = offset ^ (((offset >> 7) & swizzle) << 4);
    loaded.emplace_back(shared(0) + chunk * (64 * rowBytes) + offset,
                        loadQueryPiece(unit, row, piece));
  }
  b.ptx("bar.sync 1, 128;", {}); // the products of the last unit have read theirs
  for (auto &[target, words] : loaded)
    b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};",
          {target, words[0], words[1], words[2], words[3]});
  b.ptx("fence.proxy.async.shared::cta;", {});
  b.ptx("bar.sync 1, 128;", {});
}

//===----------------------------------------------------------------------===//
// Key tiles
//===----------------------------------------------------------------------===//

/// Rows that have seen no key have the maximum -infinity.
KernelEmitter::Softmax WarpgroupStreamEmitter::softmaxOf(ArrayRef<Val> scores,
                                                         ArrayRef<Val> maximum, ArrayRef<Val> sum) {
  Softmax out;
  Val scale = b.f32(factor), zero = b.f32(0);
  Vals shift;
  for (unsigned r = 0; r < 2; ++r) {
    Val most = reduceInChains(rowElements(scores, r), 4, [](Val x, Val y) { return x.max(y); });
    most = most.max(maximum[r]);
    for (int64_t lanes : {1, 2})
      most = most.max(b.shuffle(most, lanes));
    out.maximum.push_back(most);
    Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(zero, most);
    shift.push_back(zero - used * scale);
    out.rescale.push_back(b.exp2(b.fma(maximum[r], scale, shift.back())));
  }
  for (auto [i, score] : llvm::enumerate(scores))
    out.weights.push_back(b.exp2(b.fma(score, scale, shift[rowOf(i)])));
  for (unsigned r = 0; r < 2; ++r)
    out.sum.push_back(
        b.fma(sum[r], out.rescale[r],
              reduceInChains(rowElements(out.weights, r), 4, [](Val x, Val y) { return x + y; })));
  return out;
}

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
Vals WarpgroupStreamEmitter::startScores(Val count) {
  wait(shared(at.keyFull) + (ringSlot(count, t.stages) << 3), ringParity(count, t.stages));
  return products(queryBase, count);
}

/// Products in flight that add weighted values.
Vals WarpgroupStreamEmitter::startValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> acc) {
  wait(shared(at.valueFull) + (ringSlot(count, t.stages) << 3), ringParity(count, t.stages));
  return weightedSum(weights, count, acc);
}

void WarpgroupStreamEmitter::release(int64_t empty, Val count) {
  arrive(shared(empty) + (ringSlot(count, t.stages) << 3));
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
  Vals scores = waitProducts(0, startScores(tile.count));
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
  Vals scores = startScores(tile.count);
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
        Vals scores = waitProducts(0, startScores(rows.started));
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

Vals WarpgroupStreamEmitter::consumeUnit(Vals it) {
  StreamUnit unit = unitOf(it[0]);
  loadQueries(unit);
  Val inTile = ((thread >> 5) << 4) + (lane >> 2);
  Row both[] = {rowOfTile(unit, inTile), rowOfTile(unit, inTile + 8)};
  QueryTile rows = tileOfRows(unit, both);
  rows.started = it[1];
  auto nO = static_cast<size_t>(t.vSize / 2);
  Vals state = streamUnit(unit, rows);
  ArrayRef<Val> all(state);
  Vals sum(all.take_back(2));
  for (int64_t lanes : {1, 2})
    for (Val &x : sum)
      x = x + b.shuffle(x, lanes);
  ArrayRef<Val> acc = all.take_front(nO), maximum = all.slice(nO, 2);
  b.ifThen(
      s.parts.eq(1), [&] { storeWhole(unit, both, acc, maximum, sum); },
      [&] {
        storePart(unit, both, acc, maximum, sum);
        Val last = memory->isLast(unit.item, s.parts, thread, shared(flagOffset), 1, 128);
        b.ifThen(last, [&] { mergeItem(unit, thread, 128); });
      });
  return {b.uniform(nextTile(it[2])), it[1] + b.uniform(unit.to - unit.from), it[2] + 1};
}

void WarpgroupStreamEmitter::emitConsumer() {
  quad = lane & 3;
  queryBase = (base >> 4) + (int64_t(1) << 16); // as in emitConsumer of a prefill kernel
  keyBase = (shared(t.keyOffset()) >> 4) + (int64_t(1) << 16);
  int64_t chunkBytes = t.keys * 2 * WarpgroupTile::chunkColumns(t.vSize);
  valueBase = (shared(t.valueOffset()) >> 4) + ((chunkBytes >> 4) << 16);
  b.loopWhile(
      {block, b.i32(0), b.i32(0)}, [&](ArrayRef<Val> it) { return it[0].lt(s.units); },
      [&](Vals it) { return consumeUnit(std::move(it)); });
}
