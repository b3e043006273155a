//===- WarpTiles.cpp - key tiles of the warps' form --------------------------===//
//
// With one stage, values load under the scores' product and the next keys under the softmax and the
// second product. With more, tile i + stages - 1 loads while tile i is computed, and warps meet
// once per tile.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include "WarpKernel.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

Val attn::slotOffset(Val number, int64_t stages, int64_t bytes) {
  if (stages == 1)
    return number.like(0);
  Val slot = llvm::isPowerOf2_64(static_cast<uint64_t>(stages))
                 ? number & (stages - 1)
                 : number - number.div(stages) * stages;
  return slot * bytes;
}

/// Key tile `number`; past the last key rows are zero if `bounded`.
void WarpEmitter::copyKeys(Val number, Val go, bool bounded) {
  copy(copyPlan(w.qkSize, w.keys), keySource, w.keyOffset(),
       slotOffset(number, w.stages, w.keyBytes()), number * w.keys, go,
       bounded ? a.keys - (fromCard(Last) - number) * w.keys : Val());
}

void WarpEmitter::copyValues(Val number, Val go, bool bounded) {
  copy(copyPlan(w.vSize, w.keys), valueSource, w.valueOffset(),
       slotOffset(number, w.stages, w.valueBytes()), number * w.keys, go,
       bounded ? a.keys - (fromCard(Last) - number) * w.keys : Val());
}

Val WarpEmitter::fromCard(CardWord word) {
  return b
      .ptx("ld.shared.b32 $0, [$1];", {}, {b.getI32Type()},
           {shared(w.cardOffset() + 4 * static_cast<int64_t>(word))})
      .front();
}

/// Leaves the card, where the rightmost key tile lies, and the queries of a tile of rows: theirs
/// where parts are merged, which packed rows are that gather their queries.
CopySource WarpEmitter::leaveCard(const QueryTile &tile) {
  keySource = sourceOf(a.key, copyPlan(w.qkSize, w.keys), w.keySourceOffset());
  if (!w.isLatent())
    valueSource = sourceOf(a.value, copyPlan(w.vSize, w.keys), w.valueSourceOffset());
  CopySource querySource;
  if (tile.queryHead)
    querySource = sourceOf(a.query, copyPlan(w.qkSize, w.rows()), w.flagOffset());
  b.ifThen(thread.eq(0), [&] {
    Val lastKey = tile.last * w.keys;
    leaveSource(keySource, a.key, tile.batch, tile.keyHead, lastKey);
    if (!w.isLatent())
      leaveSource(valueSource, a.value, tile.batch, tile.valueHead, lastKey);
    if (tile.queryHead)
      leaveSource(querySource, a.query, tile.batch, tile.queryHead, tile.firstRow);
    Val none = b.i32(0);
    b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};\nst.shared.v4.b32 [$0+16], {$5, $6, $7, $8};",
          {shared(w.cardOffset()), tile.rowTile ? tile.rowTile : none, tile.batch, tile.head,
           tile.last, tile.count, tile.edge, tile.edge2, none});
  });
  meet();
  return querySource;
}

/// Queries and the first key tiles are on their way.
void WarpEmitter::startTile(const QueryTile &tile) {
  CopySource querySource = leaveCard(tile);
  copy(copyPlan(w.qkSize, w.rows()), querySource, 0, b.i32(0), b.i32(0), Val(),
       a.queries - tile.firstRow);
  if (w.queriesInRegisters)
    commitCopies();
  copyKeys(b.i32(0), Val(), true);
  if (w.stages > 1)
    copyValues(b.i32(0), Val(), true);
  commitCopies();
  for (int64_t i = 1; i < w.stages - 1; ++i)
    prefetch(b.i32(i));
  if (!w.queriesInRegisters)
    return;
  waitCopies(std::max<int64_t>(1, w.stages - 1));
  meet();
  queries = loadQueries();
}

/// Keys and values of a tile, if it is there. Only the rightmost may need to be `bounded`.
void WarpEmitter::prefetch(Val number, bool bounded) {
  Val isThere = number.lt(fromCard(Count));
  copyKeys(number, isThere, bounded);
  if (!w.isLatent())
    copyValues(number, isThere, bounded);
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
void WarpEmitter::startLoads(Val number, bool masked) {
  waitCopies(std::max<int64_t>(0, tilesAhead() - 1));
  meet();
  if (w.stages > 1)
    return prefetch(number + tilesAhead());
  copyValues(number, Val(), masked);
  commitCopies();
}

/// With one stage, behind the scores of part `part`: values must be there before the first weighted
/// sum (which overlapped parts put behind the second part's scores), and the next keys load when
/// the last scores are made.
void WarpEmitter::betweenProducts(Val number, int64_t part) {
  int64_t last = w.parts() - 1, first = plan.overlap ? std::min<int64_t>(1, last) : 0;
  bool isFirst = part == first, isLast = part == last;
  if (w.stages > 1 || !(isFirst || isLast))
    return;
  if (isFirst)
    waitCopies(0);
  meet();
  if (!isLast)
    return;
  copyKeys(number + 1, (number + 1).lt(fromCard(Count)), false);
  commitCopies();
}

/// Scores of a part -> packed weights; the state goes on.
Vals WarpEmitter::weigh(QueryTile &tile, Val number, int64_t firstKey, ArrayRef<Val> scores,
                        RowState &state, bool masked, bool lazy) {
  RowState next;
  Vals weights;
  bool asksForRows = masked || plan.scalesScores();
  QueryTile rows = tile;
  if (asksForRows && !tile.position[0])
    rows = rowsFromCard();
  if (asksForRows)
    rows.last = fromCard(Last);
  for (int64_t m = 0; m < w.rowTiles; ++m) {
    QueryTile part = asksForRows ? partOf(rows, m) : QueryTile();
    part.firstKey = firstKey;
    if (w.sharesRows)
      part.warpKey = (thread >> 5) * w.warpKeys();
    auto mine = [&](ArrayRef<Val> all) { return ofRowTile(all, m, w.rowTiles); };
    Vals finished =
        asksForRows ? finishScores(mine(scores), part, number, masked, masked) : Vals(mine(scores));
    Softmax s =
        lazy ? keepReference(finished, mine(state.maximum), mine(state.sum))
             : softmax(finished, mine(state.maximum), mine(state.sum), masked || plan.hasRegion());
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
  startLoads(number, masked);
  if (!isLive)
    return compute(tile, number, std::move(state), masked, lazy);
  return b.choose(
      isLive, [&] { return compute(tile, number, state, masked, lazy); }, [&] { return state; });
}

/// Products and softmax of a key tile. The scores of the next part stand before the weighted values
/// of this one, so that they can multiply under its softmax. State: accumulator, maximum, sum.
Vals WarpEmitter::compute(QueryTile &tile, Val number, Vals packed, bool masked, bool lazy) {
  RowState state = unpack(packed);
  Val keySlot = slotOffset(number, w.stages, w.keyBytes()),
      valueSlot = slotOffset(number, w.stages, w.valueBytes());
  Vals scores = products(keySlot, 0);
  betweenProducts(number, 0);
  for (int64_t part = 0; part < w.parts(); ++part) {
    int64_t firstKey = part * w.partKeys;
    Vals weights = weigh(tile, number, firstKey, scores, state, masked, lazy);
    bool isMore = part + 1 < w.parts();
    if (!plan.overlap)
      state.acc = weightedSum(weights, valueSlot, firstKey, state.acc);
    if (isMore) {
      scores = products(keySlot, firstKey + w.partKeys);
      betweenProducts(number, part + 1);
    }
    if (plan.overlap)
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
  run(b.i32(0), fromCard(Edge), true, false);
  tile.keepsReference = fromCard(Edge).lt(fromCard(Edge2));
  if (plan.lazy)
    settleReference(tile, MutableArrayRef<Val>(state).take_back(4 * tiles).take_front(2 * tiles));
  run(fromCard(Edge), fromCard(Edge2), false, plan.lazy);
  if (ends.left) {
    if (plan.lazy)
      early = Vals(ArrayRef<Val>(state).take_back(2 * tiles));
    run(fromCard(Edge2), fromCard(Count), true, false);
  }
  return state;
}
