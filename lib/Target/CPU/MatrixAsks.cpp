//===- MatrixAsks.cpp - memory while the matrix unit multiplies --------------===//
//
// Keys, values, queries and outputs pass between memory and the workspace once. Alone they wait for
// memory while nothing is multiplied; so their lines are asked for under the weights, a few with
// each 32 keys, as many more would keep the tiles of keys from coming: those of the next key tile,
// the queries of a panel that comes later in the first tile, and the outputs of a panel that leaves
// in the last one.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "MatrixWeights.h"
#include "TileInstructions.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// Queries are asked for so many panels ahead: the next one's are there already, because its first
/// scores come with this one's last weights.
static constexpr int64_t panelsAhead = 2;

Value ItemFunction::asked() {
  auto type = MemRefType::get({plan.asked.rows, plan.asksPerStep()}, b.getI64Type());
  return memref::ViewOp::create(b, type, workspace, b.index(plan.asked.offset), ValueRange());
}

/// Sets the rows that are asked for with chunks of 32 keys of the panel's visit. The panels of an
/// item share the keys from `nextKey` to `end`: those of the next tile, or in the last one the
/// first of the head, with which the next item most often begins. Between the first tile and the
/// last no queries or outputs are due, and those that were asked for last are there already.
void ItemFunction::askMeanwhile(Value panel, Value nextKey, Value end, Value isFirst,
                                Value isLast) {
  Value zero = b.index(0);
  int64_t steps = plan.keys / plan.keyStep();
  b.loop(zero, b.index(steps), 1, [&](Value step) {
    Value key = b.add(b.add(nextKey, b.mul(panel, b.index(steps))), step);
    key = b.minimum(key, b.add(end, -1));
    askFor(elementAddress(b, mapped(plan.work.getKey()), {context.batch, keyHead, key}), step,
           zero);
    askFor(elementAddress(b, mapped(plan.work.getValue()), {context.batch, valueHead, key}), step,
           b.index(1));
  });
  b.when(
      isFirst,
      [&] {
        Value later = b.minimum(b.add(panel, panelsAhead), b.add(livePanels, -1));
        askForPanel(mapped(plan.work.getQuery()), plan.work.getQueryMap(), later);
      },
      [&] {
        SmallVector<int64_t> itself = llvm::to_vector(
            llvm::seq<int64_t>(0, static_cast<int64_t>(plan.work.getQueryMap().size())));
        b.when(isLast, [&] { askForPanel(mapped(plan.storeOut.getTarget()), itself, panel); });
      });
}

/// An entry of the list.
void ItemFunction::askFor(Value address, Value step, Value column) {
  Value number = arith::IndexCastOp::create(b, b.getI64Type(), address);
  memref::StoreOp::create(b, number, asked(), ValueRange{step, column});
}

/// The rows of a panel, spread over the steps.
void ItemFunction::askForPanel(Value memref, ArrayRef<int64_t> headMap, Value panel) {
  Value positions = slice(plan.position, b.getI32Type(), panel),
        heads = slice(plan.head, b.getI32Type(), panel);
  int64_t steps = plan.keys / plan.keyStep();
  b.loop(b.index(0), b.index(steps), 1, [&](Value step) {
    for (int64_t i = 0; i < plan.queriesPerStep(); ++i) {
      Value lane = b.minimum(b.add(step, i * steps), b.index(plan.rows - 1));
      SmallVector<Value> row = sourceRow(b, context.batch, constantTable(b, headMap),
                                         context.offset, positions, heads, lane);
      askFor(elementAddress(b, memref, row), step, b.index(2 + i));
    }
  });
}

/// Loads the queries that a visit of `panel` in the first tile needs and has not: the next panel's,
/// and before the first one its own.
void ItemFunction::loadPanelsFor(Value panel) {
  Value next = b.add(panel, 1);
  Value from = b.select(b.compare(Predicate::eq, panel, b.index(0)), panel, next);
  b.loop(from, b.minimum(b.add(next, 1), livePanels), 1, [&](Value p) { loadPanel(p); });
}

/// The tiles of an item. Queries are loaded in the first one, panel by panel, and outputs leave in
/// the last one, so that the processor waits for memory while other panels are multiplied. An item
/// without keys (not `some`) has one tile, which is empty.
void ItemFunction::emitLazyTiles(KeyRange tiles, Value end, Value some,
                                 function_ref<Value(Value)> isVisible) {
  tiles = {b.select(some, tiles.low, b.index(0)), b.select(some, tiles.high, b.index(1))};
  b.loop(tiles.low, tiles.high, 1, [&](Value tile) {
    Value isFirst = b.compare(Predicate::eq, tile, tiles.low),
          isLast = b.compare(Predicate::eq, b.add(tile, 1), tiles.high);
    KeyRange keys = keysOfTile(tile, end);
    keys.high = b.maximum(keys.high, keys.low);
    Value visible = b.both(some, isVisible(tile));
    b.when(b.either(visible, b.either(isFirst, isLast)),
           [&] { visitLazyPanels(keys, end, visible, isFirst, isLast); });
  });
}

void ItemFunction::visitLazyPanels(KeyRange keys, Value end, Value isVisible, Value isFirst,
                                   Value isLast) {
  placeTile(keys);
  if (plan.overlap)
    MatrixWeights::forget(b, slice(plan.begun, b.getI32Type()));
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    b.when(isFirst, [&] { loadPanelsFor(panel); });
    b.when(isVisible, [&] {
      if (plan.overlap)
        askMeanwhile(panel, b.select(isLast, b.index(0), keys.high), end, isFirst, isLast);
      visitPanel(panel, keys);
    });
    b.when(isLast, [&] {
      clearIfFresh(panel);
      leavePanel(panel);
    });
  });
}
