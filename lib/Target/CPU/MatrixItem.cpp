//===- MatrixItem.cpp - a panel's visit to a key tile with the lazy maximum --===//
#include "ItemFunction.h"
#include "MatrixWeights.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// Keys from the tile's first on that every row of the panel sees go the short way; the diagonal,
/// the ragged end and everything beside values that are not finite the general one.
void ItemFunction::visitLazily(Value panel, KeyRange keys, Value finite) {
  auto [first, last] = panelPositions(panel);
  MaskAttr mask = plan.stream.getMask();
  Value zero = b.index(0), step = b.index(plan.keyStep());
  Value high = b.minimum(emitKeyRange(b, mask, context, first, first).high, keys.high);
  Value clear = b.mul(b.div(b.maximum(b.sub(high, keys.low), zero), step), step);
  // The verdict asks for a range that is not empty.
  KeyRange prefix = {keys.low, b.add(keys.low, b.maximum(clear, b.index(1)))};
  Verdict verdict = emitVerdict(b, mask, context, first, last, prefix);
  Value isClear = b.both(b.both(verdict.all, finite), b.compare(Predicate::sgt, clear, zero));
  b.when(isClear, [&] { visitClear(panel, keys.low, clear); });
  Value start = b.select(isClear, clear, zero);
  visitRange(panel, {b.add(keys.low, start), keys.high}, start, finite);
}

/// `count` keys from `low` that all rows see. Where the weights grew too large, a second attempt
/// raises the references first: nothing is added to the state before an attempt succeeds.
void ItemFunction::visitClear(Value panel, Value low, Value count) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), word = plan.wordType();
  auto queryOf = [&](Value number) { return slice(plan.query, word, number); };
  MatrixPanel slices = {slice(plan.keyTile, word),
                        slice(plan.blockScores, f32),
                        slice(plan.weights, word),
                        slice(plan.maximum, f32, panel),
                        slice(plan.sum, f32, panel),
                        slice(plan.rescale, f32),
                        slice(plan.blockSum, f32),
                        slice(plan.position, i32, panel),
                        slice(plan.head, i32, panel),
                        low,
                        context.batch,
                        &outerMap,
                        panel,
                        livePanels,
                        queryOf,
                        plan.overlap ? slice(plan.begun, i32) : Value()};
  MatrixWeights weights(b, plan, slices);
  auto at = [&](int64_t j) { return SmallVector<Value>{b.index(0), b.index(j * plan.lanes)}; };
  for (int64_t j = 0; j < plan.vectors; ++j)
    b.store(b.splat(1), slices.rescale, at(j));
  Value begin = b.select(weights.unseen(), b.index(plan.keyStep()), b.index(0));
  b.loop(b.index(0), b.index(2), 1, b.boolean(true), [&](Value attempt, ValueRange pending) {
    b.when(pending.front(), [&] {
      Value isFirst = b.compare(Predicate::eq, attempt, b.index(0));
      Value raised = b.select(isFirst, begin, count);
      b.when(b.compare(Predicate::sgt, raised, b.index(0)), [&] { weights.raise(raised); });
      weights.weigh(count, isFirst);
    });
    return SmallVector<Value>{b.both(pending.front(), weights.tooLarge())};
  });
  for (int64_t j = 0; j < plan.vectors; ++j)
    b.store(b.addf(b.load(slices.sums, at(j), b.f32Vector()),
                   b.load(slices.blockSums, at(j), b.f32Vector())),
            slices.sums, at(j));
  func::CallOp::create(b, valuesKernel,
                       ValueRange{slice(plan.valueTile, word), slices.weights,
                                  slice(plan.accumulator, f32, panel), slices.rescale,
                                  b.div(count, b.index(2)), b.index(0)});
}
