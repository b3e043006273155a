//===- StreamStretches.cpp - long rows: values of many keys, then scores ------===//
#include "StreamKernels.h"

using namespace mlir;
using namespace mlir::attn;
using Chunks = WorkPlan::RowChunks;

/// Whether one row of a block takes new keys while three take those of the turn before: where one
/// row's sums fill half of the registers.
bool StreamKernels::canWeave() {
  Chunks c = plan.valueChunks();
  ValueWeave weave;
  int64_t sums = (c.chunks + weave.others * weave.chunks) * c.vectors;
  constexpr int64_t passing = 4;
  return plan.registerValues == 1 && !plan.valuePairs() && c.chunks % weave.chunks == 0 &&
         c.chunks * c.elements == c.size &&
         sums + passing <= plan.target.getInt("vector_registers");
}

/// Values of keys [0, count) for a block of four rows from `row` on.
void StreamKernels::weaveBlock(const ValueRows &values, Value row, Value count) {
  ValueWeave weave;
  Value turn = b.index(weave.keys(values.chunks)), zero = b.index(0);
  Value whole = b.mul(b.div(count, turn), turn);
  auto visitRest = [&](Value first, Value end) {
    visitValues(values, b.add(row, 1), weave.others, first, end);
  };
  b.when(b.compare(arith::CmpIPredicate::sgt, whole, zero), [&] {
    visitValues(values, row, 1, zero, turn);
    b.loop(turn, whole, weave.keys(values.chunks),
           [&](Value first) { weaveValueRows(b, values, weave, row, first); });
    visitRest(b.sub(whole, turn), whole);
  });
  b.when(b.compare(arith::CmpIPredicate::slt, whole, count), [&] {
    visitValues(values, row, 1, whole, count);
    visitRest(whole, count);
  });
}

/// Values of keys [0, count) for all rows.
void StreamKernels::addValueStretch(Value count) {
  auto inTurns = [&] {
    b.loop(b.index(0), count, turnKeys(), [&](Value first) {
      addValueKeys(first, b.minimum(b.add(first, turnKeys()), count), false);
    });
  };
  if (!canWeave())
    return inTurns();
  Value isWhole =
      b.compare(arith::CmpIPredicate::eq, b.rem(at.rows, b.index(streamRows)), b.index(0));
  b.when(
      isWhole,
      [&] {
        ValueRows values = valueRows(false);
        b.loop(b.index(0), at.rows, streamRows,
               [&](Value block) { weaveBlock(values, block, count); });
      },
      inTurns);
}

/// All values of the tile, then all scores of the next.
void StreamKernels::emitStretches() {
  addValueStretch(at.count);
  b.loop(b.index(0), at.nextCount, turnKeys(),
         [&](Value first) { scoreKeys(first, b.minimum(b.add(first, turnKeys()), at.nextCount)); });
}
