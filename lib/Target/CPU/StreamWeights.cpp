//===- StreamWeights.cpp - from packed scores to packed weights ---------------===//
//
// Vectors of the stream form hold some keys of four rows (see StreamKernels). Where every key is
// visible, maxima and sums are taken over vectors and folded to four numbers at the end. Where some
// key is excluded, the scores are spread to a row in each lane, and go the way of the other form.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "StreamKernels.h"
#include "StreamTiles.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

static const double infinity = std::numeric_limits<double>::infinity();

static VectorType fourType(CpuBuilder &b) { return VectorType::get(streamRows, b.getF32Type()); }

/// Four rows' numbers in each group of four lanes.
static Value repeatFour(CpuBuilder &b, Value four) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < b.lanes(); ++i)
    order.push_back(i % streamRows);
  return vector::ShuffleOp::create(b, four, four, order);
}

/// Combines the groups of four lanes; the result stands in each of them.
static Value foldGroups(CpuBuilder &b, Value v, function_ref<Value(Value, Value)> combine) {
  for (int64_t step = b.lanes() / 2; step >= streamRows; step /= 2) {
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < b.lanes(); ++i)
      order.push_back(i ^ step);
    v = combine(v, vector::ShuffleOp::create(b, v, v, order));
  }
  return v;
}

static Value lowFour(CpuBuilder &b, Value v) {
  if (b.lanes() == streamRows)
    return v;
  return vector::ExtractStridedSliceOp::create(b, v, ArrayRef<int64_t>{0},
                                               ArrayRef<int64_t>{streamRows}, ArrayRef<int64_t>{1});
}

/// exp(score - maximum).
static Value weightOf(CpuBuilder &b, Value score, Value maximum, bool forBf16) {
  return b.exp2(b.mulf(b.subf(score, maximum), b.splat(1.4426950408889634)), forBf16);
}

/// Weights of four keys as words of two keys: half as many words, from half the place on. What lies
/// there was read before.
static void storePairs(CpuBuilder &b, Value weights, Value packed, Value block, Value n) {
  SmallVector<int64_t> order;
  for (int64_t pair = 0; pair < b.lanes(); pair += 2 * streamRows)
    for (int64_t r = 0; r < streamRows; ++r)
      order.append({pair + r, pair + r + streamRows});
  Value halves = b.narrow(weights, b.getBF16Type());
  halves = vector::ShuffleOp::create(b, halves, halves, order);
  auto words = VectorType::get(b.lanes() / 2, b.getF32Type());
  b.store(vector::BitCastOp::create(b, words, halves), packed, {block, b.div(n, b.index(2))});
}

/// Calls `body(block)` for each block of four live rows.
void ItemFunction::forRowBlocks(Value panel, function_ref<void(Value)> body) {
  b.loop(b.index(0), b.ceilDiv(liveRows(panel), streamRows), 1, body);
}

/// Multiplies the first `live` scores by their factor, which the matrix unit leaves out, and packs
/// those that it made for more than four rows at once.
void ItemFunction::finishScores(Value packed, Value live, Value panel) {
  double factor = plan.scoreFactor();
  if (factor == 1.0 && !plan.weightTiles)
    return;
  StreamTiles tiles(b, plan);
  Value end = b.mul(live, b.index(streamRows));
  Value whole = plan.weightTiles ? b.sub(live, b.rem(live, b.index(tiles.scoreKeys))) : b.index(0);
  auto finish = [&](Value score, Value block, Value n) {
    b.store(b.mulf(score, b.splat(factor)), packed, {block, n});
  };
  forRowBlocks(panel, [&](Value block) {
    if (plan.weightTiles)
      b.loop(b.index(0), whole, plan.packedKeys(), [&](Value n) {
        Value scores = slice(plan.tileScores, b.getF32Type(), panel);
        finish(tiles.packScores(scores, block, n), block, b.mul(n, b.index(streamRows)));
      });
    b.loop(b.mul(whole, b.index(streamRows)), end, plan.lanes,
           [&](Value n) { finish(b.load(packed, {block, n}, b.f32Vector()), block, n); });
  });
}

/// Whether some of the first `live` scores is -infinity, which excludes a key without a mask, too.
Value ItemFunction::hasExcluded(Value packed, Value live, Value panel) {
  Value rows = b.ceilDiv(liveRows(panel), streamRows);
  Value end = b.mul(live, b.index(streamRows));
  Value lowest =
      b.loop(b.index(0), rows, 1, b.splat(0), [&](Value block, ValueRange outer) {
         return b.loop(b.index(0), end, plan.lanes, outer, [&](Value n, ValueRange args) {
           Value score = b.load(packed, {block, n}, b.f32Vector());
           Value less = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, score, args.front());
           return SmallVector<Value>{b.select(less, score, args.front())};
         });
       }).front();
  Value excluded = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lowest, b.splat(-infinity));
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, excluded);
}

/// What is asked for with the weights of a block of rows: keys that follow `key`, values that
/// follow `value`.
StreamAsks ItemFunction::asksOf(Value panel, Value block, Value key, Value value) {
  Value rows = b.add(b.mul(panel, b.index(plan.rows / streamRows)), block);
  return {b,
          plan,
          {mapped(plan.work.getKey()),
           {context.batch, keyHead},
           key,
           mapped(plan.work.getValue()),
           {context.batch, valueHead},
           value,
           rows}};
}

/// Weights in place of the scores of `keys`, all visible, a multiple of what the products with
/// values take at once; as words of two keys where they are taken so, for the matrix unit as rows.
/// `nextKey`: the first key of the next tile.
void ItemFunction::emitPackedWeights(Value panel, Value packed, KeyRange keys, Value nextKey) {
  Value zero = b.index(0), end = b.mul(b.sub(keys.high, keys.low), b.index(streamRows));
  Value maxima = slice(plan.maximum, b.getF32Type(), panel),
        sums = slice(plan.sum, b.getF32Type(), panel);
  Value rescale = slice(plan.rescale, b.getF32Type());
  auto maximum = [&](Value x, Value y) { return b.maxf(x, y); };
  forRowBlocks(panel, [&](Value block) {
    Value row = b.mul(block, b.index(streamRows));
    auto ask = [&](int64_t pass, Value n) {
      if (plan.scoreTiles)
        asksOf(panel, block, nextKey, keys.low).whileWeighing(pass, b.div(n, b.index(plan.lanes)));
    };
    Value top = b.loop(zero, end, plan.lanes, b.splat(-infinity), [&](Value n, ValueRange args) {
                   Value score = b.load(packed, {block, n}, b.f32Vector());
                   ask(0, n);
                   return SmallVector<Value>{b.maxf(score, args.front())};
                 }).front();
    Value old = repeatFour(b, b.load(maxima, {zero, row}, fourType(b)));
    Value now = b.maxf(foldGroups(b, top, maximum), old);
    // NaN in all scores leaves the maximum at -infinity; the weights are NaN all the same.
    Value factor = weightOf(b, old, now, /*forBf16=*/false);
    auto weightAt = [&](Value n) {
      // The output's quotient does not see what rounding to bf16 hides; the log-sum-exp does.
      bool coarse = (plan.valuePairs() || plan.weightTiles) && !plan.storeLse;
      ask(1, n);
      return weightOf(b, b.load(packed, {block, n}, b.f32Vector()), now, coarse);
    };
    auto storeOne = [&](Value n) {
      Value weight = weightAt(n);
      plan.valuePairs() ? storePairs(b, weight, packed, block, n)
                        : b.store(weight, packed, {block, n});
      return weight;
    };
    auto storeTwo = [&](Value n) {
      Value first = weightAt(n), second = weightAt(b.add(n, plan.lanes));
      Value rows = slice(plan.weightRows, b.getF32Type());
      StreamTiles(b, plan).storeWeights(first, second, rows, row, b.div(n, b.index(streamRows)));
      return b.addf(first, second);
    };
    int64_t step = plan.weightTiles ? 2 * plan.lanes : plan.lanes;
    Value total = b.loop(zero, end, step, b.splat(0), [&](Value n, ValueRange args) {
                     Value sum = plan.weightTiles ? storeTwo(n) : storeOne(n);
                     return SmallVector<Value>{b.addf(sum, args.front())};
                   }).front();
    total = foldGroups(b, total, [&](Value x, Value y) { return b.addf(x, y); });
    Value before = repeatFour(b, b.load(sums, {zero, row}, fourType(b)));
    b.store(lowFour(b, b.fma(before, factor, total)), sums, {zero, row});
    b.store(lowFour(b, now), maxima, {zero, row});
    b.store(lowFour(b, factor), rescale, {zero, row});
  });
}

/// As `emitPackedWeights` for any mask, region and normaliser; excluded keys become -0.0.
void ItemFunction::emitMarkedWeights(Value panel, Value packed, KeyRange keys) {
  Value wide = slice(plan.scores, b.getF32Type()), live = b.sub(keys.high, keys.low);
  auto copy = [&](Value from, Value to, bool spread) {
    b.loop(b.index(0), live, 1, [&](Value n) {
      forRowBlocks(panel, [&](Value block) {
        Value four = b.mul(n, b.index(streamRows)), row = b.mul(block, b.index(streamRows));
        SmallVector<Value> inPacked = {block, four}, inWide = {n, row};
        b.store(b.load(from, spread ? inPacked : inWide, fourType(b)), to,
                spread ? inWide : inPacked);
      });
    });
  };
  copy(packed, wide, true);
  Value padded = b.mul(b.ceilDiv(live, plan.keyStep()), b.index(plan.keyStep()));
  emitWeights(panel, keys, padded, /*partial=*/true);
  copy(wide, packed, false);
}
