//===- MatrixItem.cpp - a panel's visit to a key tile with the lazy maximum --===//
#include "ItemFunction.h"
#include "MatrixWeights.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

Value ItemFunction::isFresh(Value panel) {
  Value word = memref::LoadOp::create(b, slice(plan.fresh, b.getI32Type(), panel),
                                      ValueRange{b.index(0), b.index(0)});
  return b.compare(Predicate::ne, word, b.i32(0));
}
void ItemFunction::setFresh(Value panel, bool fresh) {
  memref::StoreOp::create(b, b.i32(fresh ? 1 : 0), slice(plan.fresh, b.getI32Type(), panel),
                          ValueRange{b.index(0), b.index(0)});
}

/// For what adds to the accumulator as it is, or reads it.
void ItemFunction::clearIfFresh(Value panel) {
  b.when(isFresh(panel), [&] { clearAccumulator(panel); });
  setFresh(panel, false);
}

/// Keys from the tile's first on that every row of the panel sees go the short way, those on the
/// diagonal and the ragged end behind them with the mask; everything beside values that are not
/// finite goes the general one.
void ItemFunction::visitLazily(Value panel, KeyRange keys, Value finite) {
  auto [first, last] = panelPositions(panel);
  MaskAttr mask = plan.stream.getMask();
  Value zero = b.index(0), step = b.index(plan.keyStep());
  Value high = b.minimum(emitKeyRange(b, mask, context, first, first).high, keys.high);
  Value clear = b.mul(b.div(b.maximum(b.sub(high, keys.low), zero), step), step);
  // The verdict asks for a range that is not empty.
  KeyRange prefix = {keys.low, b.add(keys.low, b.maximum(clear, b.index(1)))};
  clear = b.select(emitVerdict(b, mask, context, first, last, prefix).all, clear, zero);
  Value some = b.both(emitVerdict(b, mask, context, first, last, keys).any,
                      b.compare(Predicate::slt, keys.low, keys.high));
  b.when(
      finite, [&] { b.when(some, [&] { visitFinite(panel, keys, clear); }); },
      [&] {
        clearIfFresh(panel);
        visitRange(panel, keys, finite);
      });
}

/// The first `clear` keys of the tile are seen by all rows. Where the weights grew too large, a
/// second attempt raises the references first: nothing is added to the state before an attempt
/// succeeds.
void ItemFunction::visitFinite(Value panel, KeyRange keys, Value clear) {
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
                        keys,
                        clear,
                        &context,
                        plan.stream.getMask(),
                        &outerMap,
                        plan.overlap ? asked() : Value(),
                        panel,
                        livePanels,
                        queryOf,
                        plan.overlap ? slice(plan.begun, i32) : Value()};
  MatrixWeights weights(b, plan, slices);
  Value count = paddedKeys(keys);
  auto at = [&](int64_t j) { return SmallVector<Value>{b.index(0), b.index(j * plan.lanes)}; };
  for (int64_t j = 0; j < plan.vectors; ++j)
    b.store(b.splat(1), slices.rescale, at(j));
  Value isNew = b.either(weights.unseen(), isFresh(panel));
  Value begin = b.select(isNew, b.index(plan.keyStep()), b.index(0));
  b.loop(b.index(0), b.index(2), 1, b.boolean(true), [&](Value attempt, ValueRange pending) {
    b.when(pending.front(), [&] {
      Value isFirst = b.compare(Predicate::eq, attempt, b.index(0));
      Value raised = b.select(isFirst, begin, count);
      Value raises = b.compare(Predicate::sgt, raised, b.index(0));
      b.when(raises, [&] { weights.raise(raised, isFirst); });
      Value kept = weights.raiseKeepsBegun() ? isFirst : b.both(isFirst, b.negate(raises));
      weights.weigh(count, isFirst, kept);
    });
    return SmallVector<Value>{b.both(pending.front(), weights.tooLarge())};
  });
  SmallVector<Value> operands = {slice(plan.valueTile, word),
                                 slices.weights,
                                 slice(plan.accumulator, f32, panel),
                                 slices.rescale,
                                 b.div(count, b.index(2)),
                                 isFresh(panel)};
  if (plan.sumsWithValues())
    operands.push_back(slices.sums);
  else
    weights.addSums();
  func::CallOp::create(b, valuesKernel, operands);
  setFresh(panel, false);
}
