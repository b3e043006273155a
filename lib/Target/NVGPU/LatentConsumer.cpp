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

/// Waits inside a product: the scores of a chunk start when it has arrived. Products behind a
/// branch need a fence of their own.
static std::string waitText(int64_t chunk, size_t barrier, size_t parity) {
  std::string n = std::to_string(chunk);
  return "{ .reg .pred w;\nLAB_CHUNK" + n + ":\nmbarrier.try_wait.parity.shared.b64 w, [$" +
         std::to_string(barrier) + "+" + std::to_string(8 * chunk) + "], $" +
         std::to_string(parity) + ", 10000000;\n@w bra.uni GO" + n + ";\nbra.uni LAB_CHUNK" + n +
         ";\nGO" + n + ": }\nwgmma.fence.sync.aligned;\n";
}

/// Scores of the unit's rows and the key tile `count`, in flight.
Vals LatentEmitter::latentScores(Val count) {
  constexpr size_t n = LatentTile::keys / 2;
  std::string high = hex(descriptorHigh(LatentTile::chunkColumns));
  std::string text = "{ .reg .pred p, o; .reg .b64 da, db; .reg .b32 xa, xb;\nsetp.ne.b32 p, 0, 0; "
                     "setp.eq.b32 o, 0, 0;\n";
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
  Val weights = weightsAddress(count) + (rowInTile << 7) + (quad << 2);
  Val maxima = shared(l.maximaOffset()) + (slotOf(count) << 8) + (rowInTile << 2);
  Val swizzle = (rowInTile & 7) << 4;
  for (auto [i, word] : llvm::enumerate(words)) {
    auto r = static_cast<int64_t>(i & 1), g = static_cast<int64_t>(i >> 1);
    b.ptx("st.shared.b32 [$0], $1;", {weights + (swizzle ^ (g << 4)) + 1024 * r, word});
  }
  // The tensor cores read what ordinary stores wrote. Each lane that leaves maxima arrives, after
  // its warp has left all weights, so that racecheck, which follows single threads, sees the order.
  b.ptx("fence.proxy.async.shared::cta;\nbar.warp.sync 0xffffffff;", {});
  b.ifThen(quad.eq(0), [&] {
    for (int64_t r : {0, 1})
      b.ptx("st.shared.f32 [$0], $1;", {maxima + 32 * r, softmax.maximum[static_cast<size_t>(r)]});
    b.ptx("mbarrier.arrive.release.cta.shared::cta.b64 _, [$0];",
          {stageBarrier(weightsFull, count)});
  });
  return words;
}

/// Waits for the other consumer's weights of tile `count` and brings the state to their maxima.
LatentEmitter::State LatentEmitter::receive(Val count, State state) {
  wait(stageBarrier(weightsFull, count), parityOf(count));
  Val maxima = shared(l.maximaOffset()) + (slotOf(count) << 8) + (rowInTile << 2);
  Vals reference;
  for (unsigned r = 0; r < 2; ++r) {
    // The lane that will arrive with its own next maxima, in the same place, reads.
    Val most = b.ptx("{ .reg .pred p;\nsetp.eq.s32 p, $2, 0;\nmov.b32 $0, 0f00000000;\n"
                     "@p ld.shared.f32 $0, [$1]; }",
                     {}, {b.getF32Type()}, {maxima + 32 * r, quad})
                   .front();
    reference.push_back(b.intrinsic("llvm.nvvm.shfl.sync.idx.f32", b.getF32Type(),
                                    {b.i32(-1), most, lane & 28, b.i32(31)}));
  }
  Vals rescale = rescaleTo(reference, state.maximum);
  for (unsigned r = 0; r < 2; ++r)
    state.rowSum[r] = state.rowSum[r] * rescale[r];
  state.sum = rescaled(state.sum, reference, state.maximum);
  state.maximum = reference;
  return state;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Score region, and mask in steps that some row does not see as a whole.
Vals LatentEmitter::finishScores(ArrayRef<Val> scores, const StreamUnit &unit,
                                 const QueryTile &rows, Val step) {
  Val keyTile = (step << 1) + part;
  Vals out = applyScore(scores, rows, keyTile);
  Val isFull = step.ge(unit.fullFrom) & step.lt(unit.fullEnd);
  return b.choose(
      isFull, [&] { return out; }, [&] { return maskScores(out, rows, keyTile, /*atEnd=*/true); });
}

/// Two key tiles, `count` and `count + 1`, of which the first is consumer 0's.
LatentEmitter::State LatentEmitter::pair(const StreamUnit &unit, const QueryTile &rows, Val step,
                                         Val count, State state) {
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
  releaseQueries((step + 1).ge(unit.to));
  scores = finishScores(scores, unit, rows, step);
  Softmax next = weightsOf(scores, state.maximum, state.rowSum);
  Vals weights = publish(next, mine), before = state.maximum;
  state.maximum = next.maximum, state.rowSum = next.sum;
  if (part == 1)
    finishOther();
  state.sum = rescaled(state.sum, state.maximum, before);
  state.sum = waitProducts(0, weightedValues(weights, mine, state.sum));
  release(mine);
  if (part == 0) {
    takeOther();
    finishOther();
  }
  return state;
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// After the unit's last scores.
void LatentEmitter::releaseQueries(Val isLast) {
  b.ptx("{ .reg .pred p;\nsetp.eq.s32 p, $1, 0;\n@p mbarrier.arrive.release.cta.shared::cta.b64 _, "
        "[$0]; }",
        {shared(queryEmpty), isLast.select(lane, b.i32(1))});
}

/// Row sums of both consumers. The barrier of the next unit lies between this unit's reads and the
/// next writes to its place.
Vals LatentEmitter::shareSums(ArrayRef<Val> rowSum, Val unitCount) {
  Vals own(rowSum), all;
  for (int64_t lanes : {1, 2})
    for (Val &x : own)
      x = x + b.shuffle(x, lanes);
  Val turn = unitCount & (LatentTile::sumPlaces - 1);
  Val place = shared(l.sumsOffset()) + turn * LatentTile::sumsBytes + (rowInTile << 2);
  b.ifThen(quad.eq(0), [&] {
    for (int64_t r : {0, 1})
      b.ptx("st.shared.f32 [$0], $1;",
            {place + (consumer << 8) + 32 * r, own[static_cast<size_t>(r)]});
  });
  b.ptx("bar.sync $0, 256;", {b.i32(bothConsumers)});
  Val other = b.i32(1) - consumer;
  for (int64_t r : {0, 1}) {
    Val theirs =
        b.ptx("ld.shared.f32 $0, [$1];", {}, {b.getF32Type()}, {place + (other << 8) + 32 * r})
            .front();
    all.push_back(own[static_cast<size_t>(r)] + theirs);
  }
  return all;
}

void LatentEmitter::storeUnit(const StreamUnit &unit, ArrayRef<Row> rows, const State &state,
                              Val unitCount) {
  Vals sum = shareSums(state.rowSum, unitCount);
  Val column = consumer * l.partColumns();
  b.ifThen(
      unit.isWhole, [&] { storeColumns(unit, rows, state.sum, state.maximum, sum, column); },
      [&] {
        storePart(unit, rows, state.sum, state.maximum, sum, column);
        mergeParts(unit, mergeOf(unit, 256), thread - 128, 256, bothConsumers);
      });
}

Vals LatentEmitter::consume(const StreamUnit &unit, Vals it) {
  Row both[] = {rowOfTile(unit, rowInTile), rowOfTile(unit, rowInTile + 8)};
  QueryTile rows = tileOfRows(unit, both);
  auto n = static_cast<size_t>(l.partColumns() / 2);
  Vals state(n, b.f32(0));
  state.append({b.minusInfinity(), b.minusInfinity(), b.f32(0), b.f32(0)});
  auto unpack = [&](ArrayRef<Val> all) {
    return State{Vals(all.take_front(n)), Vals(all.slice(n, 2)), Vals(all.slice(n + 2, 2))};
  };
  Val from = b.uniform(unit.from), to = b.uniform(unit.to);
  beginUnit(it[1]);
  wait(shared(queryFull), it[1] & 1);
  releaseQueries(from.ge(to)); // no keys, no scores
  // The consumers take turns in different places of a step: each has a loop of its own.
  auto runKeys = [&](int64_t which) {
    part = which;
    return b.loop(from, to, state, [&](Val step, Vals before) -> Vals {
      State next = pair(unit, rows, step, it[0] + ((step - from) << 1), unpack(before));
      return concat({next.sum, next.maximum, next.rowSum});
    });
  };
  state = b.choose(consumer.eq(0), [&] { return runKeys(0); }, [&] { return runKeys(1); });
  storeUnit(unit, both, unpack(state), it[1]);
  return {it[0] + ((to - from) << 1), it[1] + 1};
}

void LatentEmitter::emitConsumers() {
  walk({b.i32(0), b.i32(0)},
       [&](const StreamUnit &unit, Vals it) { return consume(unit, std::move(it)); });
}
