//===- ItemRows.cpp - how many rows an item has ------------------------------===//
//
// The panels of an item share each key tile: the more there are, the less time its packing takes.
// The more items there are, the less time a thread waits at the end for others, whose cores may be
// half as fast (a neighbour on the same core, a lower clock). Panels do not depend on the item that
// they belong to, so the threads of a call decide.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::attn;

/// With n panels for each thread, items of p panels lose about share / p + p / n of their time: the
/// least is lost where p * p = share * n. `share` is how many panels' products take as long as the
/// packing of a key tile, against the part of an item that a thread waits at the end, about a
/// quarter. Packing for the matrix unit takes as long as one panel, tiles that are mostly read
/// where they lie a quarter of it (in both cases measured: benchmarks/notes-cpu.md).
static int64_t packingShare(const WorkPlan &plan) { return plan.tiles ? 4 : 1; }

/// Numbers of panels above one to choose from, the largest first.
static SmallVector<int64_t> panelChoices(const WorkPlan &plan) {
  SmallVector<int64_t> choices;
  for (int64_t panels = plan.panels; panels > 1; panels /= 2)
    choices.push_back(panels);
  return choices;
}

Value attn::emitItemRows(CpuBuilder &b, const WorkPlan &plan, Value query, Value threads) {
  using Predicate = arith::CmpIPredicate;
  Value all = emitTileCount(b, plan, query, b.index(plan.rows));
  Value shares = b.mul(all, b.index(packingShare(plan)));
  Value isAlone = b.compare(Predicate::eq, threads, b.index(1)), chosen = b.index(1);
  for (int64_t panels : llvm::reverse(panelChoices(plan))) {
    Value enough = b.compare(Predicate::uge, shares, b.mul(threads, b.index(panels * panels)));
    chosen = b.select(b.either(isAlone, enough), b.index(panels), chosen);
  }
  return b.mul(chosen, b.index(plan.rows));
}
