//===- LatentConsumer.cpp - products and softmax of the latent kernel --------===//
#include "LatentKernel.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

/// Hardware barriers: 1 and 2 for each consumer's warps, 3 for both consumers.
static constexpr int64_t bothConsumers = 3;

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Waits inside a product: the scores of a chunk start when it has arrived.
static std::string waitText(int64_t chunk, size_t barrier, size_t parity) {
  std::string n = std::to_string(chunk);
  return "{ .reg .pred w;\nLAB_CHUNK" + n + ":\nmbarrier.try_wait.parity.shared.b64 w, [$" +
         std::to_string(barrier) + "+" + std::to_string(8 * chunk) + "], $" +
         std::to_string(parity) + ", 10000000;\n@w bra.uni GO" + n + ";\nbra.uni LAB_CHUNK" + n +
         ";\nGO" + n + ": }\n";
}

/// Scores of the item's rows and the key tile `count`, in flight.
Vals LatentEmitter::latentScores(Val count) {
  constexpr size_t n = LatentTile::keys / 2;
  std::string high = hex(descriptorHigh(LatentTile::chunkColumns));
  std::string text = "{ .reg .pred p, o; .reg .b64 da, db; .reg .b32 xa, xb;\nsetp.ne.b32 p, 0, 0; "
                     "setp.eq.b32 o, 0, 0;\nwgmma.fence.sync.aligned;\n";
  bool isFirst = true;
  for (int64_t chunk : chunkOrder()) {
    text += waitText(chunk, n + 2, n + 3);
    int64_t columns = std::min(LatentTile::chunkColumns, l.qkSize - 64 * chunk);
    for (int64_t step = 0; step < columns; step += 16) {
      std::string at = std::to_string((chunk * LatentTile::chunkBytes + step * 2) >> 4);
      text += "add.u32 xa, $" + std::to_string(n) + ", " + at + "; add.u32 xb, $" +
              std::to_string(n + 1) + ", " + at + "; mov.b64 da, {xa, " + high +
              "}; mov.b64 db, {xb, " + high + "};\n";
      text += instruction(LatentTile::keys, plan.isHalf) + operandList(0, n) + ", da, db, " +
              (isFirst ? "p" : "o") + ", 1, 1, 0, 0;\n";
      isFirst = false;
    }
  }
  Val queryLow = (base >> 4) + (int64_t(1) << 16),
      keyLow = (tileAddress(count) >> 4) + (int64_t(1) << 16);
  return b.ptx(text + "wgmma.commit_group.sync.aligned; }", {},
               SmallVector<Type>(n, b.getF32Type()),
               {queryLow, keyLow, chunkBarrier(count), parityOf(count)});
}

/// sum + weights * this part's columns of the tile, in flight. `weights`: the thread's own, or
/// empty for those that the other consumer left in shared memory.
Vals LatentEmitter::weightedValues(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum) {
  constexpr int64_t rowBytes = 2 * LatentTile::chunkColumns;
  size_t n = sum.size(), first = 2 * n;
  bool isShared = weights.empty();
  Vals inputs(weights);
  if (isShared)
    inputs.push_back((weightsAddress(count) >> 4) + (int64_t(1) << 16));
  int64_t chunk = l.firstValueChunk() + part * l.chunksPerPart();
  // The leading offset leads to the next chunk of columns.
  inputs.push_back(((tileAddress(count) + chunk * LatentTile::chunkBytes) >> 4) +
                   ((LatentTile::chunkBytes >> 4) << 16));
  std::string low = std::to_string(first + inputs.size() - 1),
              high = hex(descriptorHigh(LatentTile::chunkColumns));
  std::string text = "{ .reg .pred o; .reg .b64 da, db; .reg .b32 xa, xb;\nsetp.eq.b32 o, 0, "
                     "0;\nwgmma.fence.sync.aligned;\n";
  for (int64_t k = 0; k < LatentTile::keys / 16; ++k) {
    text += "add.u32 xb, $" + low + ", " + std::to_string(k * 16 * rowBytes >> 4) +
            "; mov.b64 db, {xb, " + high + "};\n";
    std::string left = "da";
    if (isShared)
      text += "add.u32 xa, $" + std::to_string(first) + ", " + std::to_string(2 * k) +
              "; mov.b64 da, {xa, " + high + "};\n";
    else
      left = operandList(first + static_cast<size_t>(4 * k), 4);
    text += instruction(l.partColumns(), plan.isHalf) + operandList(0, n) + ", " + left +
            ", db, o, 1, 1, " + (isShared ? "0, 1;\n" : "1;\n");
  }
  return b.ptx(text + "wgmma.commit_group.sync.aligned; }", sum, {}, inputs);
}

//===----------------------------------------------------------------------===//
// Between the consumers
//===----------------------------------------------------------------------===//

/// Writes the tile's weights and row maxima for the other consumer. -> the thread's own weights.
Vals LatentEmitter::publish(const Softmax &softmax, Val count) {
  Vals words = pack(softmax.weights); // 2g + r: two keys of group g, row r
  // All warps must have read the chunk that the weights replace.
  b.ptx("bar.sync $0, 128;", {b.i32(1 + part)});
  Val weights = weightsAddress(count) + (rowInItem << 7) + (quad << 2);
  Val maxima = shared(l.maximaOffset()) + (slotOf(count) << 8) + (rowInItem << 2);
  Val swizzle = (rowInItem & 7) << 4;
  for (auto [i, word] : llvm::enumerate(words)) {
    auto r = static_cast<int64_t>(i & 1), g = static_cast<int64_t>(i >> 1);
    b.ptx("st.shared.b32 [$0], $1;", {weights + (swizzle ^ (g << 4)) + 1024 * r, word});
  }
  b.ifThen(quad.eq(0), [&] {
    for (int64_t r : {0, 1})
      b.ptx("st.shared.f32 [$0], $1;", {maxima + 32 * r, softmax.maximum[static_cast<size_t>(r)]});
  });
  // The tensor cores read what ordinary stores wrote.
  b.ptx("fence.proxy.async.shared::cta;\nbar.warp.sync 0xffffffff;", {});
  arrive(stageBarrier(at0.weightsFull, count));
  return words;
}

/// Waits for the other consumer's weights of tile `count` and brings the state to their maxima.
LatentEmitter::State LatentEmitter::receive(Val count, State state) {
  wait(stageBarrier(at0.weightsFull, count), parityOf(count));
  Val maxima = shared(l.maximaOffset()) + (slotOf(count) << 8) + (rowInItem << 2);
  Val scale = b.f32(factor), zero = b.f32(0);
  Vals rescale;
  for (unsigned r = 0; r < 2; ++r) {
    Val most = b.ptx("ld.shared.f32 $0, [$1];", {}, {b.getF32Type()}, {maxima + 32 * r}).front();
    Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(zero, most);
    rescale.push_back(b.exp2(b.fma(state.maximum[r], scale, zero - used * scale)));
    state.rowSum[r] = state.rowSum[r] * rescale[r];
    state.maximum[r] = most;
  }
  state.sum = scaled(state.sum, rescale);
  return state;
}

/// This consumer needs its part of the tile no more.
void LatentEmitter::release(Val count) { arrive(stageBarrier(at0.partEmpty[part], count)); }

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Score region, and mask where the tile is not visible to all rows.
Vals LatentEmitter::finishLatentScores(ArrayRef<Val> scores, const QueryTile &item, Val keyTile) {
  Vals out = applyScore(scores, item, keyTile);
  Val needsMask = keyTile.ge(item.edge);
  if (item.edge2)
    needsMask = needsMask | keyTile.lt(item.edge2);
  SmallVector<Type> types(out.size(), b.getF32Type());
  return b.either(
      needsMask, types, [&] { return maskScores(out, item, keyTile, true); }, [&] { return out; });
}

/// Two key tiles, `count` and `count + 1`, of which the first is consumer 0's.
LatentEmitter::State LatentEmitter::pair(const QueryTile &item, Val keyTile, Val count,
                                         State state) {
  Val mine = count + part, other = count + (1 - part);
  auto takeOther = [&] {
    state = receive(other, state);
    state.sum = weightedValues({}, other, state.sum);
  };
  auto finishOther = [&] {
    state.sum = waitProducts(0, state.sum);
    release(other);
  };
  Vals scores = latentScores(mine);
  if (part == 1)
    takeOther();
  scores = waitProducts(part == 1 ? 1 : 0, scores);
  scores = finishLatentScores(scores, item, keyTile - part);
  Softmax s = softmax(scores, state.maximum, state.rowSum, true);
  Vals weights = publish(s, mine);
  state.maximum = s.maximum, state.rowSum = s.sum;
  if (part == 1)
    finishOther();
  state.sum = scaled(state.sum, s.rescale);
  state.sum = waitProducts(0, weightedValues(weights, mine, state.sum));
  release(mine);
  if (part == 0) {
    takeOther();
    finishOther();
  }
  return state;
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

void LatentEmitter::view(QueryTile &item) {
  item.count = b.uniform(item.count);
  item.last = b.uniform(item.last);
  for (int64_t r : {0, 1}) {
    Val row = item.firstRow + rowInItem + 8 * r, position = row.div(group_);
    item.positions.push_back(position + a.offset);
    item.heads.push_back(item.head + (row - position * group_));
  }
}

/// Rows of queries are gathered by ordinary loads: pairs (position, head) are no box. Rows past
/// the last repeat it. Four threads share a row.
void LatentEmitter::loadQueries(const QueryTile &item) {
  Val t = thread - 128, line = t >> 2, sub = t & 3;
  Val row = (item.firstRow + line).min(a.queries * group_ - 1), position = row.div(group_);
  Val head = item.head + (row - position * group_);
  Val start = item.batch.wide() * a.queryBatch + head.wide() * a.queryHead +
              position.wide() * a.queryRow + (sub << 3).wide();
  Value from = b.pointerAt(a.query, start << 1, 1);
  Val address = b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), from));
  Val to = base + (line << 7), swizzle = (line & 7) << 4;
  constexpr int64_t atOnce = 9;
  int64_t units = l.qkSize / 32; // of 16 bytes, per thread
  SmallVector<Type> types(4, b.getI32Type());
  for (int64_t first = 0; first < units; first += atOnce) {
    SmallVector<Vals> loaded;
    for (int64_t i = first; i < std::min(first + atOnce, units); ++i)
      loaded.push_back(
          b.ptx("ld.global.nc.v4.b32 {$0, $1, $2, $3}, [$4];", {}, types, {address + 64 * i}));
    for (auto [n, words] : llvm::enumerate(loaded)) {
      int64_t unit = 4 * (first + static_cast<int64_t>(n)), chunk = unit / 8;
      Val within = ((sub + unit % 8) << 4) ^ swizzle;
      b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};",
            {to + within + chunk * LatentTile::chunkBytes, words[0], words[1], words[2], words[3]});
    }
  }
  b.ptx("fence.proxy.async.shared::cta;\nbar.sync $0, 256;", {b.i32(bothConsumers)});
}

/// Row sums of both consumers, in one order.
Vals LatentEmitter::shareSums(ArrayRef<Val> rowSum) {
  Vals own(rowSum), all;
  for (int64_t lanes : {1, 2})
    for (Val &x : own)
      x = x + b.shuffle(x, lanes);
  Val place = shared(l.sumsOffset()) + (rowInItem << 2);
  b.ifThen(quad.eq(0), [&] {
    for (int64_t r : {0, 1})
      b.ptx("st.shared.f32 [$0], $1;", {place + 256 * part + 32 * r, own[static_cast<size_t>(r)]});
  });
  // Also: nobody reads the queries any more.
  b.ptx("bar.sync $0, 256;", {b.i32(bothConsumers)});
  for (int64_t r : {0, 1})
    all.push_back(own[static_cast<size_t>(r)] + b.ptx("ld.shared.f32 $0, [$1];", {},
                                                      {b.getF32Type()},
                                                      {place + 256 * (1 - part) + 32 * r})
                                                    .front());
  return all;
}

void LatentEmitter::storeLatentRow(const QueryTile &item, ArrayRef<Val> words, unsigned r) {
  Val position = item.positions[r] - a.offset;
  Val start = item.batch.wide() * a.outBatch + item.heads[r].wide() * a.outHead +
              position.wide() * a.outRow + part * l.partColumns();
  storeWords(words, start << 1, position.lt(a.queries));
}

void LatentEmitter::storeLatentLse(const QueryTile &item, Val maximum, Val sum, unsigned r) {
  QueryTile row = item;
  row.head = item.heads[r];
  Val position = item.positions[r] - a.offset;
  b.ifThen(position.lt(a.queries) & quad.eq(0), [&] { storeLse(row, maximum, sum, position); });
}

/// Rows without keys are zero, whatever stood in the excluded value rows.
void LatentEmitter::finish(const QueryTile &item, State state) {
  Vals sum = shareSums(state.rowSum), empty, inverse;
  if (plan.roles.sinks >= 0)
    addSinks(item, state.sum, state.maximum, sum);
  for (const Val &x : sum) {
    empty.push_back(x.realEq(0));
    inverse.push_back(b.rcp(x));
  }
  for (auto [i, x] : llvm::enumerate(state.sum))
    x = empty[rowOf(i)].select(b.f32(0), x * inverse[rowOf(i)]);
  Vals words = pack(state.sum);
  for (unsigned r = 0; r < 2; ++r) {
    Vals mine;
    for (size_t g = 0; g < words.size() / 2; ++g)
      mine.push_back(words[2 * g + r]);
    storeLatentRow(item, mine, r);
    if (plan.storeLse && part == 0)
      storeLatentLse(item, state.maximum[r], sum[r], r);
  }
}

Vals LatentEmitter::consumeItem(Vals it) {
  QueryTile item = itemOf(it[0]);
  loadQueries(item);
  view(item);
  auto n = static_cast<size_t>(l.partColumns() / 2);
  Vals zeros(n, b.f32(0)), rows{b.f32(0), b.f32(0)}, none{b.minusInfinity(), b.minusInfinity()};
  auto unpack = [&](ArrayRef<Val> all) {
    return State{Vals(all.take_front(n)), Vals(all.slice(n, 2)), Vals(all.slice(n + 2, 2))};
  };
  Vals state =
      b.loop(b.i32(0), item.count >> 1, concat({zeros, none, rows}), [&](Val i, Vals s) -> Vals {
        Val done = i << 1;
        State next = pair(item, item.last - done, it[1] + done, unpack(s));
        return concat({next.sum, next.maximum, next.rowSum});
      });
  finish(item, unpack(state));
  return {it[0] + grid, it[1] + item.count};
}

void LatentEmitter::emitPart(int64_t which) {
  part = which;
  b.loopWhile(
      {block, b.i32(0)}, [&](ArrayRef<Val> it) { return it[0].lt(a.tiles); },
      [&](Vals it) { return consumeItem(std::move(it)); });
}

void LatentEmitter::emitConsumer() {
  quad = lane & 3;
  rowInItem = (((thread >> 5) & 3) << 4) + (lane >> 2);
  b.ifThen(group.eq(0), [&] { emitPart(0); }, [&] { emitPart(1); });
}
