//===- ItemFunction.cpp - the function that computes one work item -----------===//
//
// An item is a range of rows (pairs of query position and score head) of one head group. It loads
// its query panels, streams over the key tiles some row can see, and stores normalised rows.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "GroupKernels.h"
#include "MatrixWeights.h"
#include "StreamKernels.h"
#include "StreamTiles.h"
#include "TileInstructions.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

ItemFunction::ItemFunction(CpuBuilder &b, WorkPlan &plan, std::string name)
    : b(b), plan(plan), name(std::move(name)) {
  collectOuterValues();
}

/// Operands of the work and what its regions read from outside, each once.
void ItemFunction::collectOuterValues() {
  llvm::SetVector<Value> values(plan.work->operand_begin(), plan.work->operand_end());
  getUsedValuesDefinedAbove(plan.work.getBody(), values);
  outer.assign(values.begin(), values.end());
  llvm::erase_if(outer, [](Value v) {
    return v.getDefiningOp() && v.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
  });
}

Value ItemFunction::slice(const Slice &s, Type element, Value panel) {
  Value offset = b.index(s.offset);
  if (panel)
    offset = b.add(offset, b.mul(panel, b.index(plan.panelBytes)));
  int64_t perWord = 32 / element.getIntOrFloatBitWidth();
  return memref::ViewOp::create(b, MemRefType::get({s.rows, s.columns * perWord}, element),
                                workspace, offset, ValueRange());
}

void ItemFunction::emit() {
  if (plan.grouped) {
    GroupKernels kernels(b, plan, name);
    scoresKernel = kernels.emitScores();
    CpuBuilder wide(b.getLoc(), b, plan.target, plan.columnLanes());
    GroupKernels columns(wide, plan, name);
    valuesKernel = columns.emitValues(/*strict=*/false);
    strictKernel = columns.emitValues(/*strict=*/true);
  } else if (plan.streamed) {
    StreamKernels kernels(b, plan, name);
    stepKernel = kernels.emitStep();
    strictKernel = kernels.emitStrict();
  } else {
    PanelKernels kernels(b, plan, name);
    MatrixKernels matrix(b, plan, name);
    scoresKernel = plan.tiles ? matrix.emitScores() : kernels.emitScores();
    valuesKernel = plan.tiles ? matrix.emitValues() : kernels.emitValues(/*strict=*/false);
    strictKernel = kernels.emitValues(/*strict=*/true);
  }
  inParts = plan.streamed;
  emitFunction("_item", [&] { emitPanels(); });
  itemFunction = function;
  if (!plan.streamed)
    return;
  inParts = false;
  emitFunction("_merge", [&] { mergePanels(); });
  mergeFunction = function;
}

/// A function whose body runs for items that have rows.
void ItemFunction::emitFunction(StringRef suffix, function_ref<void()> body) {
  Type bytes = MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
  Type index = b.getIndexType();
  SmallVector<Type> inputs = {index, bytes};
  llvm::append_range(inputs, plan.streamed ? ArrayRef<Type>{bytes} : ArrayRef<Type>{index, index});
  auto firstOuter = static_cast<unsigned>(inputs.size());
  llvm::append_range(inputs, ValueRange(outer).getTypes());
  function =
      createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), name + suffix.str(), inputs);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  workspace = function.getArgument(1);
  parts = plan.streamed ? Value(function.getArgument(2)) : Value();
  itemRows = plan.streamed ? b.index(plan.itemRows()) : Value(function.getArgument(2));
  shortRows = plan.streamed ? itemRows : Value(function.getArgument(3));
  outerMap.clear();
  for (auto [i, value] : llvm::enumerate(outer))
    outerMap.map(value, function.getArgument(static_cast<unsigned>(i) + firstOuter));
  llvm::SetVector<Value> constants;
  getUsedValuesDefinedAbove(plan.work.getBody(), constants);
  for (Value value : constants)
    if (!outerMap.contains(value))
      outerMap.map(value, b.clone(*value.getDefiningOp())->getResult(0));
  emitLocation();
  b.when(b.compare(Predicate::ult, firstRow, totalRows), body);
  func::ReturnOp::create(b);
}

//===----------------------------------------------------------------------===//
// Where the item lies
//===----------------------------------------------------------------------===//

/// Rows of the largest head group, the number of head groups.
int64_t attn::largestGroup(ArrayRef<HeadGroup> groups) {
  size_t most = 0;
  for (const HeadGroup &group : groups)
    most = std::max(most, group.heads.size());
  return static_cast<int64_t>(most);
}

Value attn::emitGroupCount(CpuBuilder &b, const WorkPlan &plan, Value query) {
  auto count = static_cast<int64_t>(plan.groups.size());
  return b.mul(memref::DimOp::create(b, query, 0), b.index(count));
}

Value attn::emitTileCount(CpuBuilder &b, const WorkPlan &plan, Value query, Value tileRows) {
  Value rows = b.mul(memref::DimOp::create(b, query, 2), b.index(largestGroup(plan.groups)));
  return b.mul(b.ceilDiv(rows, tileRows), emitGroupCount(b, plan, query));
}

/// Row tiles of a head group that follow each other: all but the first find its keys and values in
/// the cache that cores share.
static constexpr int64_t tilesInTurn = 4;

/// Row tile, and head group of a batch entry, of an item. Items count `inTurn` row tiles of a
/// group, then the same ones of all `perTile` groups, then the next tiles. At the end groups come
/// first, so that a long item is not left to the last.
static std::pair<Value, Value> splitItem(CpuBuilder &b, Value item, Value tiles, Value perTile,
                                         int64_t inTurn) {
  Value block = b.mul(perTile, b.index(inTurn));
  Value first = b.mul(b.div(item, block), b.index(inTurn)), within = b.rem(item, block);
  Value isLast = b.compare(Predicate::uge, b.add(first, inTurn), tiles);
  Value tile = b.select(isLast, b.div(within, perTile), b.rem(within, b.index(inTurn)));
  Value rest = b.select(isLast, b.rem(within, perTile), b.div(within, b.index(inTurn)));
  return {b.add(first, tile), rest};
}

/// Sets the item's rows, and gives its head group of a batch entry.
Value ItemFunction::emitRows(Value item, Value perTile) {
  Value tiles, before;
  if (plan.streamed || plan.longestFirst) {
    tiles = b.ceilDiv(b.mul(queries, b.index(largestGroup(plan.groups))), itemRows);
  } else {
    Value zero = b.index(0);
    ItemPair counts =
        emitItemsOfGroup(b, plan, mapped(plan.work.getQuery()), {itemRows, shortRows});
    Value longItems = b.mul(counts.first, perTile);
    Value isShort = b.compare(Predicate::uge, item, longItems);
    item = b.sub(item, b.select(isShort, longItems, zero));
    before = b.select(isShort, b.mul(counts.first, itemRows), zero);
    tiles = b.select(isShort, counts.last, counts.first);
    itemRows = b.select(isShort, shortRows, itemRows);
  }
  auto [tile, rest] = splitItem(b, item, tiles, perTile, plan.streamed ? 1 : tilesInTurn);
  if (plan.longestFirst)
    tile = b.sub(b.add(tiles, -1), tile);
  firstRow = b.mul(tile, itemRows);
  if (before)
    firstRow = b.add(before, firstRow);
  return rest;
}

/// Parts count fastest, so that a thread alone reads keys in the order of memory; then head groups
/// faster than batch entries, row tiles from the last down where the longest come first.
void ItemFunction::emitLocation() {
  auto count = static_cast<int64_t>(plan.groups.size());
  SmallVector<int64_t> starts, sizes, keys, values, heads;
  for (const HeadGroup &group : plan.groups) {
    starts.push_back(static_cast<int64_t>(heads.size()));
    sizes.push_back(static_cast<int64_t>(group.heads.size()));
    keys.push_back(group.key);
    values.push_back(group.value);
    llvm::append_range(heads, group.heads);
  }
  Value item = function.getArgument(0), query = mapped(plan.work.getQuery());
  queries = memref::DimOp::create(b, query, 2);
  if (plan.streamed) {
    number = item;
    partCount = emitPartCount(b, plan, query, mapped(plan.stream.getLength()));
  }
  if (inParts) {
    part = b.rem(item, partCount);
    item = b.div(item, partCount);
  }
  Value rest = emitRows(item, emitGroupCount(b, plan, query));
  context = {b.div(rest, b.index(count)),
             b.rem(rest, b.index(count)),
             mapped(plan.work.getOffset()),
             mapped(plan.stream.getLength()),
             {},
             plan.groups};
  for (Value operand : plan.stream.getMaskOperands())
    context.operands.push_back(mapped(operand));
  auto read = [&](ArrayRef<int64_t> table) -> Value {
    if (llvm::all_equal(table))
      return b.index(table.front());
    return memref::LoadOp::create(b, constantTable(b, table), context.group);
  };
  groupStart = read(starts);
  groupSize = read(sizes);
  keyHead = read(keys);
  valueHead = read(values);
  headTable = constantTable(b, heads);
  totalRows = b.mul(queries, groupSize);
}

void ItemFunction::emitPanels() {
  Value live = b.minimum(b.sub(totalRows, firstRow), itemRows);
  livePanels = b.ceilDiv(live, plan.rows);
  if (plan.usesMatrixUnit())
    plan.tiles ? MatrixKernels::configure(b) : StreamTiles(b, plan).configure();
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    if (plan.streamed && !plan.grouped) {
      loadStreamPanel(panel);
    } else {
      locatePanel(panel);
      if (!plan.lazy)
        loadPanel(panel);
    }
    initPanel(panel);
  });
  emitStream();
  if (!plan.lazy)
    b.loop(b.index(0), livePanels, 1,
           [&](Value panel) { plan.streamed ? savePart(panel) : leavePanel(panel); });
  if (plan.usesMatrixUnit())
    releaseTiles(b);
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

void ItemFunction::clearAccumulator(Value panel) {
  Value accumulator = slice(plan.accumulator, b.getF32Type(), panel);
  Value rows = plan.streamed ? computedRows(panel) : b.index(plan.accumulator.rows);
  b.loop(b.index(0), rows, 1, [&](Value row) {
    for (int64_t column = 0; column < plan.accumulator.columns; column += plan.lanes)
      b.store(b.splat(0), accumulator, {row, b.index(column)});
  });
}

/// The state of rows that have seen no key, or only their sink. In the lazy form the first product
/// with values starts at zero itself.
void ItemFunction::initPanel(Value panel) {
  Value zero = b.index(0);
  plan.lazy ? setFresh(panel, true) : clearAccumulator(panel);
  Value maximum = slice(plan.maximum, b.getF32Type(), panel),
        sum = slice(plan.sum, b.getF32Type(), panel);
  Value heads = slice(plan.head, b.getI32Type(), panel);
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value start = b.splat(-std::numeric_limits<double>::infinity());
    if (Value sinks = plan.init.getSinks())
      start = emitByLane(
          b, b.load(heads, {zero, b.index(j * plan.lanes)}, b.i32Vector()), b.getF32Type(),
          [&](Value head) -> Value { return memref::LoadOp::create(b, mapped(sinks), head); });
    // Only the first part counts the sink.
    if (plan.streamed)
      start = b.select(b.compare(Predicate::eq, part, zero), start,
                       b.splat(-std::numeric_limits<double>::infinity()));
    // A sink of -infinity takes no part.
    Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, start,
                                       b.splat(-std::numeric_limits<double>::infinity()));
    b.store(start, maximum, {zero, b.index(j * plan.lanes)});
    b.store(b.select(none, b.splat(0), b.splat(1)), sum, {zero, b.index(j * plan.lanes)});
  }
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

/// Keys of unit number `tile`, a tile as a rule, of which those from `end` on are not there.
KeyRange ItemFunction::keysOfTile(Value tile, Value end) {
  Value low = b.mul(tile, b.index(plan.unitKeys()));
  return {low, b.minimum(b.add(low, plan.unitKeys()), end)};
}

/// The end of the key range, moved on to the next whole block of keys that some row of the head
/// group sees: all items pack the same keys of a block, however rows are shared among them.
Value ItemFunction::endOfTiles(Value end) {
  Value last = b.add(context.offset, b.add(queries, -1));
  Value most = emitKeyRange(b, plan.stream.getMask(), context, context.offset, last).high;
  Value whole = b.mul(b.ceilDiv(end, plan.keyStep()), b.index(plan.keyStep()));
  return b.minimum(whole, most);
}

/// Keys that the products compute for those of a range.
Value ItemFunction::paddedKeys(KeyRange keys) {
  return b.mul(b.ceilDiv(b.sub(keys.high, keys.low), plan.keyStep()), b.index(plan.keyStep()));
}

void ItemFunction::emitStream() {
  Value lastRow = b.add(b.minimum(b.add(firstRow, itemRows), totalRows), -1);
  Value first = b.add(context.offset, b.div(firstRow, groupSize)),
        last = b.add(context.offset, b.div(lastRow, groupSize));
  KeyRange range = emitKeyRange(b, plan.stream.getMask(), context, first, last);
  Value some = b.compare(Predicate::slt, range.low, range.high);
  KeyRange tiles = {b.div(range.low, b.index(plan.unitKeys())),
                    b.ceilDiv(range.high, plan.unitKeys())};
  auto verdictOf = [&](KeyRange keys) {
    return emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
  };
  auto isVisible = [&](Value tile) { return verdictOf(keysOfTile(tile, range.high)).any; };
  auto isWhole = [&](KeyRange keys) { return verdictOf(keys).all; };
  Value end = plan.streamed ? range.high : endOfTiles(range.high);
  if (plan.lazy)
    return emitLazyTiles(tiles, end, some, isVisible);
  b.when(some, [&] {
    if (plan.grouped)
      return emitGroupTiles(rangeOfPart(tiles.low, tiles.high), range.high, isVisible);
    if (plan.streamed)
      return emitStreamTiles(rangeOfPart(tiles.low, tiles.high), range.high, isVisible, isWhole);
    b.loop(tiles.low, tiles.high, 1, [&](Value tile) {
      KeyRange keys = keysOfTile(tile, end);
      b.when(isVisible(tile), [&] {
        placeTile(keys);
        b.loop(b.index(0), livePanels, 1, [&](Value panel) { visitPanel(panel, keys); });
      });
    });
  });
}

/// First and last position among the live rows of a panel.
std::pair<Value, Value> ItemFunction::panelPositions(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  Value end = b.add(b.minimum(b.add(start, plan.rows), totalRows), -1);
  return {b.add(context.offset, b.div(start, groupSize)),
          b.add(context.offset, b.div(end, groupSize))};
}

/// The keys of a tile a panel can see. Its own rows decide, not those of other panels: so a
/// diagonal costs each panel what it sees, and its bits do not depend on the item that it belongs
/// to.
void ItemFunction::visitPanel(Value panel, KeyRange keys) {
  auto [first, last] = panelPositions(panel);
  KeyRange own = emitKeyRange(b, plan.stream.getMask(), context, first, last);
  Value high = b.minimum(keys.high, own.high);
  Value some = b.compare(Predicate::slt, b.maximum(keys.low, own.low), high);
  keys.high = b.select(some, high, keys.low);
  Value finite = b.compare(Predicate::sle, paddedKeys(keys), finiteKeys);
  if (plan.lazy)
    return visitLazily(panel, keys, finite);
  visitRange(panel, keys, finite);
}

/// Keys from the tile's first on. Excluded keys have a zero weight; only a value that is
/// not finite makes a difference between the two products.
void ItemFunction::visitRange(Value panel, KeyRange keys, Value finite) {
  auto [first, last] = panelPositions(panel);
  Value padded = paddedKeys(keys);
  Verdict verdict = emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
  Value isWhole = b.compare(Predicate::eq, padded, b.sub(keys.high, keys.low));
  Type f32 = b.getF32Type();
  Value some = b.both(verdict.any, b.compare(Predicate::slt, keys.low, keys.high));
  b.when(some, [&] {
    Type word = plan.wordType();
    SmallVector<Value> operands = {keyTile, slice(plan.query, word, panel),
                                   slice(plan.scores, f32)};
    if (!plan.tiles)
      operands.push_back(slice(plan.tileMaximum, f32));
    operands.push_back(padded);
    func::CallOp::create(b, scoresKernel, operands);
    Value wordRows = plan.pairs ? b.div(padded, b.index(2)) : padded;
    operands = {valueTile, slice(plan.weights, word), slice(plan.accumulator, f32, panel),
                slice(plan.rescale, f32), wordRows};
    // Without a mask a score of -infinity excludes a key, too, and must be marked beside such
    // values.
    Value unmarked = b.both(b.both(verdict.all, isWhole), finite);
    auto marked = [&] { emitWeights(panel, keys, padded, true); };
    auto strict = [&] { func::CallOp::create(b, strictKernel, operands); };
    if (plan.lazy) // it takes tiles whose values are finite itself
      return marked(), strict();
    b.when(unmarked, [&] { emitWeights(panel, keys, padded, false); }, marked);
    b.when(finite, [&] { func::CallOp::create(b, valuesKernel, operands); }, strict);
  });
}

//===----------------------------------------------------------------------===//
// Result
//===----------------------------------------------------------------------===//

/// Inverse sums, by which rows of panels are multiplied on their way out, and those of the stream
/// form here.
void ItemFunction::finishPanel(Value panel) {
  if (!plan.isSoftmax())
    return;
  finishSums(panel);
  if (plan.streamed)
    scaleStreamPanel(panel);
}

/// Inverse sums into the rescale slice; the log-sum-exp where it is asked for.
void ItemFunction::finishSums(Value panel) {
  Value zero = b.index(0), inverses = slice(plan.rescale, b.getF32Type());
  Value maximum = slice(plan.maximum, b.getF32Type(), panel),
        sums = slice(plan.sum, b.getF32Type(), panel);
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value column = b.index(j * plan.lanes);
    Value sum = b.load(sums, {zero, column}, b.f32Vector());
    Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, b.splat(0));
    b.store(b.select(empty, b.splat(0), arith::DivFOp::create(b, b.splat(1), sum)), inverses,
            {zero, column});
    if (!plan.storeLse)
      continue;
    Value top =
        b.mulf(b.load(maximum, {zero, column}, b.f32Vector()), b.splat(plan.maximumFactor()));
    b.store(b.addf(top, math::LogOp::create(b, sum)), maximum, {zero, column});
  }
}
