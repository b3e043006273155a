//===- Consumer.cpp - products and softmax of a consumer warpgroup -----------===//
//
// One warpgroup owns 64 query rows. A thread holds two of them, 8 apart: of an accumulator,
// elements 4g + {0, 1} (first row) and 4g + {2, 3} (second) are columns 8g + 2 (lane mod 4) + {0,
// 1}.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Matrix products: one block of PTX each (fence, all steps, commit), so that nothing moves into the
// chain. Descriptors are two 32-bit halves of which only the low one, the address, moves.
//===----------------------------------------------------------------------===//

/// Stride between groups of 8 rows, and the swizzle that fits the chunk's rows.
int64_t attn::descriptorHigh(int64_t size) {
  int64_t row = 2 * WarpgroupTile::chunkColumns(size);
  int64_t swizzle = row == 128 ? 1 : row == 64 ? 2 : 3;
  return (8 * row >> 4) | (swizzle << 30);
}

std::string attn::operandList(size_t first, size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

std::string attn::instruction(int64_t columns, bool isHalf) {
  std::string type = isHalf ? ".f16" : ".bf16";
  return "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16.f32" + type + type +
         " ";
}

std::string attn::hex(int64_t value) {
  return "0x" + llvm::utohexstr(static_cast<uint64_t>(value));
}

/// Scores of 64 rows and a key tile in shared memory; the queries are in registers or there, too.
Vals WarpgroupEmitter::products(const QueryTile &tile, Val count) {
  Val keyLow = keyBase + ringSlot(count, t.stages) * (t.keyBytes() >> 4);
  auto n = static_cast<size_t>(t.keys / 2);
  int64_t columns = WarpgroupTile::chunkColumns(t.qkSize), row = 2 * columns;
  bool held = !tile.queries.empty();
  std::string high = hex(descriptorHigh(t.qkSize)), k = std::to_string(n),
              q = std::to_string(n + 1);
  std::string text = "{ .reg .pred p, o; .reg .b64 da, db; .reg .b32 xa, xb;\nsetp.ne.b32 p, 0, 0; "
                     "setp.eq.b32 o, 0, 0;\n"
                     "wgmma.fence.sync.aligned;\n";
  for (int64_t at = 0; at < t.qkSize; at += 16) {
    int64_t chunk = at / columns, step = at % columns;
    int64_t qa = (chunk * 64 * row + step * 2) >> 4, ka = (chunk * t.keys * row + step * 2) >> 4;
    if (!held)
      text +=
          "add.u32 xa, $" + q + ", " + std::to_string(qa) + "; mov.b64 da, {xa, " + high + "}; ";
    text += "add.u32 xb, $" + k + ", " + std::to_string(ka) + "; mov.b64 db, {xb, " + high + "};\n";
    std::string left = held ? operandList(n + 1 + static_cast<size_t>(at / 4), 4) : "da";
    text += instruction(t.keys, plan.isHalf) + operandList(0, n) + ", " + left + ", db, " +
            (at ? "o" : "p") + ", 1, 1, " + (held ? "0;\n" : "0, 0;\n");
  }
  SmallVector<Type> types(n, b.getF32Type());
  Vals inputs = {keyLow};
  llvm::append_range(inputs, held ? ArrayRef(tile.queries) : ArrayRef(tile.queryLow));
  return b.ptx(text + "wgmma.commit_group.sync.aligned; }", {}, types, inputs);
}

/// sum + weights * values: weights in registers, values in shared memory with keys as rows.
Vals WarpgroupEmitter::weightedSum(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum) {
  Val valueLow = valueBase + ringSlot(count, t.stages) * (t.valueBytes() >> 4);
  size_t n = sum.size(), first = 2 * n;
  std::string low = std::to_string(first + weights.size()), high = hex(descriptorHigh(t.vSize));
  int64_t row = 2 * WarpgroupTile::chunkColumns(t.vSize);
  std::string text = "{ .reg .pred o; .reg .b64 db; .reg .b32 xb;\nsetp.eq.b32 o, 0, "
                     "0;\nwgmma.fence.sync.aligned;\n";
  for (int64_t k = 0; k < t.keys / 16; ++k) {
    text += "add.u32 xb, $" + low + ", " + std::to_string(k * 16 * row >> 4) +
            "; mov.b64 db, {xb, " + high + "};\n";
    text += instruction(t.vSize, plan.isHalf) + operandList(0, n) + ", " +
            operandList(first + static_cast<size_t>(4 * k), 4) + ", db, o, 1, 1, 1;\n";
  }
  Vals inputs(weights);
  inputs.push_back(valueLow);
  return b.ptx(text + "wgmma.commit_group.sync.aligned; }", sum, {}, inputs);
}

/// The accumulators go through the wait, so no use of them can move above it.
Vals WarpgroupEmitter::waitProducts(int64_t pending, ArrayRef<Val> values) {
  return b.ptx("wgmma.wait_group.sync.aligned " + Twine(pending) + ";", values, {}, {});
}

//===----------------------------------------------------------------------===//
// Order among warpgroups
//===----------------------------------------------------------------------===//

void WarpgroupEmitter::takeTurn() {
  if (plan.pingpong)
    b.ptx("bar.sync $0, 256;", {group + 1});
}
void WarpgroupEmitter::passOn() {
  if (plan.pingpong)
    b.ptx("bar.arrive $0, 256;", {nextGroup});
}

//===----------------------------------------------------------------------===//
// Key tiles
//===----------------------------------------------------------------------===//

Val WarpgroupEmitter::ringBarrier(int64_t first, Val count) {
  return shared(first) + (ringSlot(count, t.stages) << 3);
}
void WarpgroupEmitter::waitRing(int64_t full, Val count, Val isKnown) {
  Val barrier = ringBarrier(full, count), parity = ringParity(count, t.stages);
  if (isKnown)
    waitUnless(isKnown, barrier, parity);
  else
    wait(barrier, parity);
}
void WarpgroupEmitter::release(int64_t empty, Val count) { arrive(ringBarrier(empty, count)); }

/// Takes the tile's card, which the query producer wrote, with its queries.
void WarpgroupEmitter::view(QueryTile &tile) {
  Val buffer = tile.number & (t.queryBuffers - 1);
  tile.slot = buffer * t.consumers + group;
  tile.queryLow = queryBase + buffer * (t.queryBytes() >> 4);
  wait(shared(at.queryFull) + (tile.slot << 3), (tile.number >> (t.queryBuffers - 1)) & 1);
  readCard(tile);
  if (!t.queriesInRegisters)
    return;
  tile.queries = loadQueries(buffer);
  b.ptx("bar.warp.sync -1;", {}); // all lanes have read before one tells the copy engine
  arrive(shared(at.queryEmpty) + (tile.slot << 3));
}

/// The rightmost key tile this warpgroup needs; it starts maximum and sum. -> weights, maximum,
/// sum.
Vals WarpgroupEmitter::firstTile(QueryTile &tile) {
  b.loop(b.i32(0), tile.skip, {}, [&](Val i, Vals) -> Vals {
    for (auto [full, empty] :
         {std::pair(at.keyFull, at.keyEmpty), std::pair(at.valueFull, at.valueEmpty)}) {
      waitRing(full, tile.started + i);
      release(empty, tile.started + i);
    }
    takeTurn();
    passOn();
    return {};
  });
  Val count = tile.started + tile.skip;
  waitRing(at.keyFull, count);
  Vals scores = waitProducts(0, products(tile, count));
  release(at.keyEmpty, count);
  scores = finishScores(scores, tile, tile.skip, true, true);
  Softmax s = softmax(scores, {}, {}, true);
  return concat({pack(s.weights), s.maximum, s.sum});
}

/// Scores of key tile `count`, in flight together with the weighted values of the one before, which
/// `acc` takes up. `isKnown`: whether the tiles of keys and values are known to be there; none if
/// nobody has asked.
Vals WarpgroupEmitter::startProducts(const QueryTile &tile, Val count, ArrayRef<Val> weights,
                                     Vals &acc, ArrayRef<Val> isKnown) {
  Val before = count - 1;
  bool asked = !isKnown.empty();
  waitRing(at.keyFull, count, asked ? isKnown[0] : Val());
  if (asked)
    waitRing(at.valueFull, before, isKnown[1]);
  takeTurn();
  Vals scores = products(tile, count);
  if (!asked)
    waitRing(at.valueFull, before);
  acc = weightedSum(weights, before, acc);
  passOn();
  return scores;
}

/// Waits for the scores, and for the weighted values unless they overlap with the softmax.
void WarpgroupEmitter::finishProducts(Val count, Vals &scores, Vals &acc) {
  if (plan.overlap) {
    scores = waitProducts(1, scores);
  } else {
    Vals both = waitProducts(0, concat({scores, acc}));
    acc.assign(both.begin() + static_cast<std::ptrdiff_t>(scores.size()), both.end());
    scores.assign(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(scores.size()));
    release(at.valueEmpty, count - 1);
  }
  release(at.keyEmpty, count);
}

/// The weighted values that were in flight during the softmax.
void WarpgroupEmitter::finishValues(Val count, Vals &acc) {
  if (!plan.overlap)
    return;
  acc = waitProducts(0, acc);
  release(at.valueEmpty, count - 1);
}

/// Key tile `number` with a running maximum. State: weights, accumulator, maximum, sum.
Vals WarpgroupEmitter::step(QueryTile &tile, Val number, Vals state, bool masked) {
  auto nP = static_cast<size_t>(t.keys / 4), nO = static_cast<size_t>(t.vSize / 2);
  ArrayRef<Val> all(state);
  Vals acc(all.slice(nP, nO)), maximum(all.slice(nP + nO, 2)), sum(all.slice(nP + nO + 2, 2));
  Val count = tile.started + number;
  Vals scores = startProducts(tile, count, all.take_front(nP), acc, {});
  finishProducts(count, scores, acc);
  scores = finishScores(scores, tile, number, masked, false);
  Softmax s = softmax(scores, maximum, sum, masked || plan.hasRegion());
  finishValues(count, acc);
  return concat({pack(s.weights), scaled(acc, s.rescale), s.maximum, s.sum});
}

//===----------------------------------------------------------------------===//
// A tile of rows
//===----------------------------------------------------------------------===//

/// All key tiles but the first. With a lazy maximum those without mask code keep the reference; in
/// a flagged tile there are none, since view() ends the exact loop at the last one.
/// `early`: the sums behind them, if exact ones follow.
Vals WarpgroupEmitter::runTiles(QueryTile &tile, Vals state, Vals &early) {
  auto run = [&](Val from, Val to, bool masked) {
    state =
        b.loop(from, to, state, [&](Val i, Vals s) { return step(tile, i, std::move(s), masked); });
  };
  if (ends.right || plan.lazy)
    run(tile.skip + 1, tile.edge, ends.right || ends.left);
  if (plan.lazy) {
    settleReference(tile, MutableArrayRef<Val>(state).take_back(4).take_front(2));
    state = runLazy(tile, state);
  } else {
    run(tile.edge, tile.edge2, false);
  }
  if (ends.left) {
    if (plan.lazy)
      early = Vals(ArrayRef<Val>(state).take_back(2));
    run(tile.edge2, tile.count, true);
  }
  return state;
}

Vals WarpgroupEmitter::consume(Vals it) {
  QueryTile tile;
  tile.started = it[1];
  tile.number = it[2];
  view(tile);
  Vals first = firstTile(tile);
  auto nP = static_cast<size_t>(t.keys / 4), nO = static_cast<size_t>(t.vSize / 2);
  Vals zeros(nO, b.f32(0));
  Vals state = concat({ArrayRef(first).take_front(nP), zeros, ArrayRef(first).drop_front(nP)});
  Vals early;
  state = runTiles(tile, std::move(state), early);
  if (!t.queriesInRegisters)
    arrive(shared(at.queryEmpty) + (tile.slot << 3)); // the queries are read for the last time
  ArrayRef<Val> all(state);
  Vals weights(all.take_front(nP)), acc(all.slice(nP, nO)), maximum(all.slice(nP + nO, 2)),
      sum(all.slice(nP + nO + 2, 2));
  Val last = tile.started + tile.count - 1;
  waitRing(at.valueFull, last);
  acc = waitProducts(0, weightedSum(weights, last, acc));
  release(at.valueEmpty, last);
  placeRows(tile);
  for (int64_t lanes : {1, 2})
    for (Val &x : sum)
      x = x + b.shuffle(x, lanes);
  if (plan.lazy)
    report(tile, b.uniform(isDoubtful(tile, acc, sum, early)));
  if (plan.roles.sinks >= 0)
    addSinks(tile, acc, maximum, sum);
  Vals words = store(tile, acc, maximum, sum);
  repairRows(tile, words, sum);
  return {b.uniform(nextTile(tile.number)), tile.started + tile.count, tile.number + 1};
}

//===----------------------------------------------------------------------===//
// The role
//===----------------------------------------------------------------------===//

void WarpgroupEmitter::emitConsumer() {
  quad = lane & 3;
  // Bit 16: leading offset 1, unused with a swizzle; for values it is the way to the next chunk of
  // columns.
  queryBase = ((base + group * t.queryBytesPerGroup()) >> 4) + (int64_t(1) << 16);
  keyBase = (shared(t.keyOffset()) >> 4) + (int64_t(1) << 16);
  int64_t chunkBytes = t.keys * 2 * WarpgroupTile::chunkColumns(t.vSize);
  valueBase = (shared(t.valueOffset()) >> 4) + ((chunkBytes >> 4) << 16);
  nextGroup = (group + 1).eq(t.consumers).select(b.i32(1), group + 2);
  if (plan.pingpong)
    b.ifThen(group.eq(0), [&] { b.ptx("bar.arrive $0, 256;", {b.i32(1)}); });
  b.loopWhile(
      {block, b.i32(0), b.i32(0)}, [&](ArrayRef<Val> it) { return isTile(it[0]); },
      [&](Vals it) { return consume(std::move(it)); });
}
