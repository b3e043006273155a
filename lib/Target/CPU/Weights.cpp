//===- Weights.cpp - from scores to weights, one panel and key tile ----------===//
//
// Two passes over the scores of a tile: the score region, the mask and the maximum; then the
// weights and their sum. An excluded key gets the weight -0.0, which no visible key can have, and
// by which the strict product leaves its value row out.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "ScoreCode.h"

using namespace mlir;
using namespace mlir::attn;

static const double infinity = std::numeric_limits<double>::infinity();

namespace {
/// One vector of rows of a panel in the passes over a tile's scores.
struct Column {
  Value at;                        // first row, index
  Value positions, heads;          // i32 vectors
  std::unique_ptr<ScoreCode> code; // null without a region
  std::unique_ptr<LaneMask> mask;  // null in a full tile
};
} // namespace

/// Scores after region and mask; excluded ones are -infinity.
static Value finalScore(CpuBuilder &b, Column &column, Value score, Value key, Value visibleKey) {
  if (column.code)
    score = column.code->apply(score, key);
  if (!column.mask)
    return score;
  Value visible = b.both(column.mask->visible(key), b.broadcast(visibleKey));
  return b.select(visible, score, b.splat(-infinity));
}

/// Weight of a score without running maximum.
static Value plainWeight(CpuBuilder &b, Normalizer normalizer, Value score) {
  if (normalizer == Normalizer::Relu)
    return b.maxf(b.splat(0), score);
  Value power = b.mulf(score, b.splat(-1.4426950408889634));
  Value most = b.splat(126);
  power = b.select(arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, most, power), most, power);
  return arith::DivFOp::create(b, b.splat(1), b.addf(b.splat(1), b.exp2(power)));
}

/// 2^(factor * (score - maximum)). The difference comes first: score times factor may overflow.
static Value softmaxWeight(CpuBuilder &b, const WorkPlan &plan, Value score, Value maximum,
                           bool forBf16 = false) {
  Value power = b.subf(score, maximum);
  if (double factor = plan.weightFactor(); factor != 1.0)
    power = b.mulf(power, b.splat(factor));
  return b.exp2(power, forBf16);
}

static Value markExcluded(CpuBuilder &b, Value score, Value weight) {
  Value excluded = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, score, b.splat(-infinity));
  return b.select(excluded, b.splat(-0.0), weight);
}

void ItemFunction::emitWeights(Value panel, KeyRange keys, Value padded, bool partial) {
  Value zero = b.index(0), scores = slice(plan.scores, b.getF32Type());
  Value maxima = slice(plan.maximum, b.getF32Type(), panel),
        sums = slice(plan.sum, b.getF32Type(), panel);
  Value rescale = slice(plan.rescale, b.getF32Type());
  Value positions = slice(plan.position, b.getI32Type(), panel),
        heads = slice(plan.head, b.getI32Type(), panel);

  SmallVector<Column> columns;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Column &c = columns.emplace_back();
    c.at = b.index(j * plan.lanes);
    c.positions = b.load(positions, {zero, c.at}, b.i32Vector());
    c.heads = b.load(heads, {zero, c.at}, b.i32Vector());
    if (plan.hasRegion()) {
      c.code = std::make_unique<ScoreCode>(b, plan.dot.getScore().front(), outerMap);
      c.code->prepare(context.batch, c.heads, c.positions);
    }
    if (partial) {
      c.mask = std::make_unique<LaneMask>(b, plan.stream.getMask(), context, c.positions, c.heads);
      c.mask->prepare();
    }
  }

  // The matrix unit leaves the scale to this place.
  double factor = plan.tiles ? plan.scoreFactor() : 1.0;
  auto loadScore = [&](Value n, const Column &column) -> Value {
    Value score = b.load(scores, {n, column.at}, b.f32Vector());
    return factor == 1.0 ? score : b.mulf(score, b.splat(factor));
  };

  // First pass. Padded keys repeat the last live key where the mask or the region reads memory.
  SmallVector<Value> start(plan.vectors, b.splat(-infinity));
  Value lastKey = b.add(keys.high, -1);
  auto findTops = [&](Value n, ValueRange args) {
    Value key = b.add(keys.low, n), live = b.compare(arith::CmpIPredicate::sle, key, lastKey);
    Value readKey = partial ? b.minimum(key, lastKey) : key;
    SmallVector<Value> next;
    for (auto [column, top] : llvm::zip(columns, args)) {
      Value score = loadScore(n, column);
      if (column.code || column.mask) {
        score = finalScore(b, column, score, readKey, live);
        b.store(score, scores, {n, column.at});
      }
      next.push_back(b.maxf(score, top));
    }
    return next;
  };
  SmallVector<Value> tops;
  if (partial || !plan.findsMaximum())
    tops = b.loop(zero, padded, 1, start, findTops);
  else
    for (const Column &column : columns)
      tops.push_back(
          b.load(slice(plan.tileMaximum, b.getF32Type()), {zero, column.at}, b.f32Vector()));

  SmallVector<Value> references, begun;
  for (auto [column, top] : llvm::zip(columns, tops)) {
    if (!plan.isSoftmax()) {
      b.store(b.splat(1), rescale, {zero, column.at});
      references.push_back(top);
      begun.push_back(b.splat(0));
      continue;
    }
    Value old = b.load(maxima, {zero, column.at}, b.f32Vector());
    Value now = b.maxf(top, old);
    b.store(now, maxima, {zero, column.at});
    // A row that has seen nothing yet subtracts 0 instead of -infinity.
    Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, now, b.splat(-infinity));
    Value reference = b.select(none, b.splat(0), now);
    Value factor = softmaxWeight(b, plan, old, reference);
    b.store(factor, rescale, {zero, column.at});
    begun.push_back(b.mulf(b.load(sums, {zero, column.at}, b.f32Vector()), factor));
    references.push_back(reference);
  }

  // The output's quotient does not see what rounding to bf16 hides; the log-sum-exp does.
  bool coarse = plan.pairs && !plan.storeLse;
  Value weights = slice(plan.weights, plan.wordType());
  auto weightOf = [&](size_t j, Value n) -> Value {
    const Column &column = columns[j];
    bool isFinal = column.code || column.mask;
    Value score = isFinal ? b.load(scores, {n, column.at}, b.f32Vector()) : loadScore(n, column);
    Value weight = plan.isSoftmax() ? softmaxWeight(b, plan, score, references[j], coarse)
                                    : plainWeight(b, plan.normalizer, score);
    return partial ? markExcluded(b, score, weight) : weight;
  };
  SmallVector<Value> totals =
      b.loop(zero, padded, plan.pairs ? 2 : 1, begun, [&](Value n, ValueRange args) {
        SmallVector<Value> next;
        for (auto [j, column] : llvm::enumerate(columns)) {
          Value weight = weightOf(j, n), sum = weight;
          if (plan.pairs) {
            Value second = weightOf(j, b.add(n, 1));
            sum = b.addf(weight, second);
            b.store(b.packPairs(weight, second), weights, {b.div(n, b.index(2)), column.at});
          } else {
            b.store(weight, weights, {n, column.at});
          }
          next.push_back(b.addf(args[j], sum));
        }
        return next;
      });
  for (auto [column, total] : llvm::zip(columns, totals))
    b.store(total, sums, {zero, column.at});
}
