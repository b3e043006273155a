//===- ItemRows.cpp - how many rows an item has ------------------------------===//
//
// The panels of an item share each key tile: the more there are, the less time its packing takes.
// The more items there are, the less time a thread waits at the end for others, whose cores may be
// half as fast (a neighbour on the same core, a lower clock). Panels do not depend on the item that
// they belong to, so the threads of a call decide. Where all items take as long, the last ones are
// short; where later rows see more keys, they are, as the longest come first.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// The last rows, a quarter of them, come in items a quarter as long.
static constexpr int64_t shortShare = 4, shortening = 4;

/// With n panels for each thread, items of p panels lose about packing / p + wait * p / n of their
/// time: least at p * p = n * packing / wait. Packing a tile for the matrix unit takes as long as
/// one panel's products, and a quarter of it where tiles are mostly read where they lie. A thread
/// waits a quarter of an item at the end (measured: benchmarks/notes-cpu.md).
static int64_t packingPerWait(const WorkPlan &plan) { return plan.tiles ? 4 : 1; }

/// Panels of each thread from which on items have `panels`: no thread should be without a long
/// item. Short ones end sooner.
static int64_t leastPanels(const WorkPlan &plan, int64_t panels) {
  constexpr int64_t itemsPerThread = 2;
  int64_t ratio = packingPerWait(plan) * (plan.longestFirst ? 1 : shortening);
  return std::max((panels * panels + ratio - 1) / ratio, itemsPerThread * panels);
}

/// Numbers of panels above one to choose from, the largest first.
static SmallVector<int64_t> panelChoices(const WorkPlan &plan) {
  SmallVector<int64_t> choices;
  for (int64_t panels = plan.panels; panels > 1; panels /= 2)
    choices.push_back(panels);
  return choices;
}

/// Rows of the last items. So many panels for each thread that the end does not count need no short
/// ones.
static Value emitShortPanels(CpuBuilder &b, const WorkPlan &plan, Value all, Value threads,
                             Value panels) {
  Value few = b.maximum(b.div(panels, b.index(shortening)), b.index(1));
  Value wait = b.mul(threads, b.mul(panels, panels));
  Value isLong = b.compare(Predicate::ugt, wait, b.mul(all, b.index(packingPerWait(plan))));
  return b.select(isLong, few, panels);
}

/// A thread alone takes the most.
ItemPair attn::emitItemRows(CpuBuilder &b, const WorkPlan &plan, Value query, Value threads) {
  Value all = emitTileCount(b, plan, query, b.index(plan.rows));
  Value one = b.index(1), isAlone = b.compare(Predicate::eq, threads, one), chosen = one;
  for (int64_t panels : llvm::reverse(panelChoices(plan))) {
    Value least = b.mul(threads, b.index(leastPanels(plan, panels)));
    Value enough = b.either(isAlone, b.compare(Predicate::uge, all, least));
    chosen = b.select(enough, b.index(panels), chosen);
  }
  auto rowsOf = [&](Value panels) { return b.mul(panels, b.index(plan.rows)); };
  if (plan.longestFirst)
    return {rowsOf(chosen), rowsOf(chosen)};
  Value last = b.select(isAlone, chosen, emitShortPanels(b, plan, all, threads, chosen));
  return {rowsOf(chosen), rowsOf(last)};
}

ItemPair attn::emitItemsOfGroup(CpuBuilder &b, const WorkPlan &plan, Value query,
                                const ItemPair &rows) {
  Value zero = b.index(0);
  Value all = b.mul(memref::DimOp::create(b, query, 2), b.index(largestGroup(plan.groups)));
  Value equal = b.ceilDiv(all, rows.first);
  if (plan.longestFirst)
    return {equal, zero};
  Value most = b.div(b.mul(all, b.index(shortShare - 1)), b.index(shortShare));
  Value isEqual = b.compare(Predicate::eq, rows.first, rows.last);
  Value first = b.select(isEqual, equal, b.div(most, rows.first));
  Value rest = b.maximum(b.sub(all, b.mul(first, rows.first)), zero);
  return {first, b.ceilDiv(rest, rows.last)};
}
