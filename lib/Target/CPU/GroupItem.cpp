//===- GroupItem.cpp - items of the group form --------------------------------===//
//
// As in the stream form an item is a part of the key range, and parts are merged (StreamItem.cpp);
// scores and weights are those of a panel.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// Whether some of the first `count` keys has a score of -infinity, which excludes it without a
/// mask, too.
Value ItemFunction::hasExcludedScore(Value count) {
  Value scores = slice(plan.scores, b.getF32Type());
  Value lowest = b.loop(b.index(0), count, 1, b.splat(0), [&](Value n, ValueRange args) {
                    Value score = b.load(scores, {n, b.index(0)}, b.f32Vector());
                    Value less =
                        arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, score, args.front());
                    return SmallVector<Value>{b.select(less, score, args.front())};
                  }).front();
  Value excluded = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lowest,
                                         b.splat(-std::numeric_limits<double>::infinity()));
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, excluded);
}

/// Scores, weights and values of a panel; `next` and `afterNext` are the first keys of the tiles
/// that follow. What is read is asked for a tile ahead, evenly: latents and values while scores are
/// made, keys while values are read.
void ItemFunction::visitGroupPanel(Value panel, KeyRange keys, Value next, Value afterNext) {
  Type f32 = b.getF32Type(), word = plan.wordType();
  auto [first, last] = panelPositions(panel);
  Value live = b.sub(keys.high, keys.low);
  Value padded = b.mul(b.ceilDiv(live, plan.keyStep()), b.index(plan.keyStep()));
  Value keySource = plan.widensKeys() ? slice(plan.keyTile, f32) : mapped(plan.work.getKey());
  Value wanted = mapped(plan.isLatent() ? plan.work.getKey() : plan.work.getValue());
  func::CallOp::create(b, scoresKernel,
                       ValueRange{keySource, slice(plan.query, word, panel),
                                  slice(plan.scores, f32), wanted, context.batch, keyHead, keys.low,
                                  live, padded, plan.isLatent() ? keyHead : valueHead, next});
  Value valueSource = plan.sharesTile ? slice(plan.keyTile, f32) : mapped(plan.work.getValue());
  SmallVector<Value> operands = {valueSource,
                                 slice(plan.weights, word),
                                 slice(plan.accumulator, f32, panel),
                                 slice(plan.rescale, f32),
                                 mapped(plan.work.getKey()),
                                 context.batch,
                                 valueHead,
                                 keys.low,
                                 live,
                                 liveRows(panel),
                                 keyHead,
                                 afterNext};
  Verdict verdict = emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
  Value isWhole = b.compare(Predicate::eq, padded, live);
  // What a region makes of scores, and weights without a maximum, are marked key by key.
  Value isSimple = plan.hasRegion() || !plan.isSoftmax()
                       ? b.boolean(false)
                       : b.both(b.both(verdict.all, isWhole), b.negate(hasExcludedScore(live)));
  auto visit = [&](bool simple) {
    emitWeights(panel, keys, padded, /*partial=*/!simple);
    func::CallOp::create(b, simple ? valuesKernel : strictKernel, operands);
  };
  b.when(isSimple, [&] { visit(true); }, [&] { visit(false); });
}

/// Visits the tiles of the part that are visible; `end` is behind the last key.
void ItemFunction::emitGroupTiles(KeyRange tiles, Value end, function_ref<Value(Value)> isVisible) {
  auto lowOf = [&](Value tile) { return b.mul(tile, b.index(plan.keys)); };
  b.loop(tiles.low, tiles.high, 1, [&](Value tile) {
    KeyRange keys = {lowOf(tile), b.minimum(b.add(lowOf(tile), plan.keys), end)};
    b.when(isVisible(tile), [&] {
      Value live = b.sub(keys.high, keys.low);
      if (plan.widensKeys())
        packKeys(keys.low, live, b.mul(b.ceilDiv(live, plan.keyStep()), b.index(plan.keyStep())));
      // Behind the last tile lies what the thread's next item begins with, mostly: the next part,
      // or the next head.
      Value next = lowOf(b.add(tile, 1)), afterNext = lowOf(b.add(tile, 2));
      b.loop(b.index(0), livePanels, 1,
             [&](Value panel) { visitGroupPanel(panel, keys, next, afterNext); });
    });
  });
}
