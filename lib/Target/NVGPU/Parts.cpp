//===- Parts.cpp - results of parts of a key range, and their merge ----------===//
#include "Parts.h"

using namespace mlir;
using namespace mlir::attn;

/// Parts whose loads are in flight together: while whole rounds are left, and in the last ones.
static constexpr int64_t partsAtOnce = 16, lastParts = 8;

PartMemory::PartMemory(KernelBuilder &b, Value workspace, Val units, Val rows, int64_t columns,
                       double factor)
    : b(b), workspace(workspace), rows(rows), units(units), columns(columns), factor(factor) {}

/// Number of the row's record, as 64 bits.
Val PartMemory::recordOf(Val unit, Val row) { return unit.wide() * rows.wide() + row.wide(); }

static Val addressOf(KernelBuilder &b, Value pointer) {
  return b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer));
}

void PartMemory::storeStats(Val unit, Val row, Val maximum, Val sum) {
  Val at = (recordOf(unit, row) << 3) + 4 * numPartCounters;
  b.ptx("st.global.v2.f32 [$0], {$1, $2};",
        {addressOf(b, b.pointerAt(workspace, at, 1)), maximum, sum});
}

Value PartMemory::rowAddress(Val unit, Val row) {
  // The records of all rows, rounded up to whole 16 bytes, lie before.
  Val stats = ((units.wide() * rows.wide() + 1) >> 1) << 4;
  Val at = stats + recordOf(unit, row) * (4 * columns) + 4 * numPartCounters;
  return b.pointerAt(workspace, at, 1);
}

Val PartMemory::isLast(Val item, Val parts, Val thread, Val flag, int64_t barrier,
                       int64_t threads) {
  std::string meet = "bar.sync " + std::to_string(barrier) + ", " + std::to_string(threads) + ";";
  b.ptx(meet, {});
  Value counter = b.pointerAt(workspace, item.wide() << 2, 1);
  b.ifThen(thread.eq(0), [&] {
    // The barrier orders all threads' stores before this one's fence, and the fence before the
    // count; on the way back the same in reverse.
    b.ptx("fence.acq_rel.gpu;", {});
    Val before = b.val(LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, counter, b.i32(1).v,
                                                 LLVM::AtomicOrdering::monotonic));
    b.ifThen(before.eq(parts - 1), [&] { LLVM::StoreOp::create(b, b.i32(0).v, counter); });
    b.ptx("fence.acq_rel.gpu;", {});
    b.ptx("st.shared.b32 [$0], $1;", {flag, before});
  });
  b.ptx(meet, {});
  Val before = b.ptx("ld.shared.b32 $0, [$1];", {}, {b.getI32Type()}, {flag}).front();
  return before.eq(parts - 1);
}

/// The first-level cache knows nothing of other blocks' stores: loads go past it.
PartMemory::Part PartMemory::loadPart(const Walk &walk, Val number) {
  Type f32 = b.getF32Type();
  Vals stats = b.ptx("ld.relaxed.gpu.global.v2.f32 {$0, $1}, [$2];", {}, {f32, f32},
                     {walk.stats + number.wide() * walk.statsStep});
  Vals columns = b.ptx("ld.relaxed.gpu.global.v4.f32 {$0, $1, $2, $3}, [$4];", {},
                       {f32, f32, f32, f32}, {walk.columns + number.wide() * walk.columnsStep});
  return {stats[0], stats[1], columns};
}

/// State: maximum, sum, columns.
Vals PartMemory::mergeSome(Vals state, ArrayRef<Part> some) {
  Val scale = b.f32(factor), most = state[0];
  for (const Part &part : some)
    most = most.max(part.maximum);
  Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(b.f32(0), most);
  auto weightOf = [&](Val maximum) { return b.exp2((maximum - used) * scale); };
  Val keep = weightOf(state[0]);
  Vals next = {most};
  for (const Val &x : ArrayRef<Val>(state).drop_front())
    next.push_back(x * keep);
  for (const Part &part : some) {
    Val weight = weightOf(part.maximum);
    next[1] = b.fma(part.sum, weight, next[1]);
    for (auto [i, x] : llvm::enumerate(part.columns))
      next[2 + i] = b.fma(x, weight, next[2 + i]);
  }
  return next;
}

/// Parts [first, first + count); those past the last weigh nothing when `parts` is given.
Vals PartMemory::mergeRound(const Walk &walk, Val first, int64_t count, Val parts, Vals state) {
  SmallVector<Part> some;
  for (int64_t i = 0; i < count; ++i) {
    Val number = first + i;
    some.push_back(loadPart(walk, parts ? number.min(parts - 1) : number));
    if (!parts)
      continue;
    Val isThere = number.lt(parts);
    some.back().maximum = isThere.select(some.back().maximum, b.minusInfinity());
    for (Val &x : some.back().columns)
      x = isThere.select(x, b.f32(0));
  }
  return mergeSome(std::move(state), some);
}

MergedRow PartMemory::merge(Val first, Val stride, Val parts, Val row, Val column) {
  Val records = stride.wide() * rows.wide();
  Walk walk{
      addressOf(b, b.pointerAt(workspace, (recordOf(first, row) << 3) + 4 * numPartCounters, 1)),
      addressOf(b, rowAddress(first, row)) + (column.wide() << 2), records << 3,
      records * (4 * columns)};
  Val zero = b.f32(0), whole = parts.div(partsAtOnce);
  Vals state = {b.minusInfinity(), zero, zero, zero, zero, zero};
  state = b.loop(b.i32(0), whole, state, [&](Val round, Vals before) {
    return mergeRound(walk, round * partsAtOnce, partsAtOnce, {}, std::move(before));
  });
  Val done = whole * (partsAtOnce / lastParts);
  state =
      b.loop(done, (parts + (lastParts - 1)).div(lastParts), state, [&](Val round, Vals before) {
        return mergeRound(walk, round * lastParts, lastParts, parts, std::move(before));
      });
  return {Vals(ArrayRef<Val>(state).drop_front(2)), state[0], state[1]};
}
