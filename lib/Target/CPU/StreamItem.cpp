//===- StreamItem.cpp - items of the stream form ------------------------------===//
//
// An item is one part of the key range for one tile of rows. Parts are merged by
// (m, l, acc) + (m', l', acc') = (M, e^(m-M) l + e^(m'-M) l', e^(m-M) acc + e^(m'-M) acc'), M =
// max(m, m').
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "StreamKernels.h"
#include "StreamTiles.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// Fewest keys worth a part of their own: its first keys and its record cost about as much as 50.
static constexpr int64_t partKeys = 512;
/// Items that are enough to keep the cores of a large machine evenly busy. Fewer tiles of rows than
/// these are cut into parts.
static constexpr int64_t wantedItems = 64;

Value attn::emitPartCount(CpuBuilder &b, WorkPlan &plan, Value query, Value length) {
  // At least one, so that an empty batch does not divide by zero.
  Value tiles = b.maximum(emitTileCount(b, plan, query, b.index(plan.itemRows())), b.index(1));
  Value wanted = b.div(b.add(tiles, wantedItems - 1), tiles);
  Value most = b.minimum(b.div(length, b.index(partKeys)), b.index(plan.splits));
  return b.maximum(b.minimum(most, wanted), b.index(1));
}

std::string attn::mostRecords(const WorkPlan &plan) {
  // Tiles of rows times parts, of which there are at most wanted / tiles, rounded up.
  auto rows = largestGroup(plan.groups);
  return llvm::formatv("batch * {0} * ceil({1} * queries / {2}) + {3}", plan.groups.size(), rows,
                       plan.itemRows(), wantedItems - 1)
      .str();
}

/// The part's share of a range of tiles.
KeyRange ItemFunction::rangeOfPart(Value low, Value high) {
  Value count = b.sub(high, low);
  auto bound = [&](Value number) { return b.add(low, b.div(b.mul(count, number), partCount)); };
  return {bound(part), bound(b.add(part, 1))};
}

/// Live rows of a panel.
Value ItemFunction::liveRows(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  return b.minimum(b.sub(totalRows, start), b.index(plan.rows));
}

/// Rows of a panel that the products compute: the live ones and what fills the last block of rows.
Value ItemFunction::computedRows(Value panel) {
  int64_t block = plan.grouped       ? plan.registerValues
                  : plan.weightTiles ? plan.weightTileRows()
                                     : streamRows;
  return b.mul(b.ceilDiv(liveRows(panel), block), b.index(block));
}

/// Queries as the products read them: as `loadChunk` splits a row, in the order of `queryColumn`.
void ItemFunction::loadStreamPanel(Value panel) {
  b.loop(b.index(0), b.index(plan.rows), 1, [&](Value lane) { locateRow(panel, lane); });
  Value source = mapped(plan.work.getQuery()), target = slice(plan.query, b.getF32Type(), panel);
  Value positions = slice(plan.position, b.getI32Type(), panel),
        heads = slice(plan.head, b.getI32Type(), panel);
  Value queryMap = constantTable(b, plan.work.getQueryMap());
  WorkPlan::RowChunks c = plan.queryChunks();
  b.loop(b.index(0), computedRows(panel), 1, [&](Value lane) {
    SmallVector<Value> at =
        sourceRow(b, context.batch, queryMap, context.offset, positions, heads, lane);
    RowIndex row(at.begin(), at.end());
    forChunks(b, c, 1, [&](Value chunk, int64_t, bool isTail) {
      for (auto [i, vector] : llvm::enumerate(loadChunk(b, c, source, row, chunk, isTail))) {
        Value column = queryColumn(b, plan, chunk, static_cast<int64_t>(i));
        Value numbers = plan.keyDots() ? Value(arith::BitcastOp::create(b, b.f32Vector(), vector))
                                       : b.mulf(vector, b.splat(plan.queryFactor()));
        b.store(numbers, target, {lane, column});
      }
    });
  });
  if (plan.scoreTiles)
    forRowBlocks(panel, [&](Value block) {
      StreamTiles(b, plan).packQueries(target, slice(plan.tileQuery, b.getF32Type(), panel), block);
    });
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// First tile of [tile, end) of which some key may be visible; `end` if there is none.
Value ItemFunction::nextVisible(Value tile, Value end, function_ref<Value(Value)> isVisible) {
  auto loop = scf::WhileOp::create(b, TypeRange{b.getIndexType()}, ValueRange{tile});
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, b.getIndexType(), b.getLoc());
  Value at = before->getArgument(0);
  Value left = b.compare(Predicate::slt, at, end);
  auto hidden = scf::IfOp::create(b, b.getI1Type(), left, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToEnd(hidden.thenBlock());
    scf::YieldOp::create(b, b.negate(isVisible(at)));
    b.setInsertionPointToEnd(hidden.elseBlock());
    scf::YieldOp::create(b, b.boolean(false));
  }
  scf::ConditionOp::create(b, hidden.getResult(0), at);
  Block *after = b.createBlock(&loop.getAfter(), {}, b.getIndexType(), b.getLoc());
  scf::YieldOp::create(b, ValueRange{b.add(after->getArgument(0), 1)});
  return loop.getResult(0);
}

/// Calls the kernel for a panel: scores of `next` keys from `nextLow` into packed slice `turn`, and
/// values of the keys of the tile before with the weights in the other one.
void ItemFunction::callStep(func::FuncOp kernel, Value panel, Value turn, KeyRange next,
                            KeyRange keys) {
  Type f32 = b.getF32Type();
  Value first = slice(plan.packed[0], f32, panel), second = slice(plan.packed[1], f32, panel);
  SmallVector<Value> operands = {mapped(plan.work.getKey()),
                                 mapped(plan.work.getValue()),
                                 slice(plan.query, f32, panel),
                                 b.select(turn, second, first),
                                 b.select(turn, first, second),
                                 slice(plan.accumulator, f32, panel),
                                 slice(plan.rescale, f32),
                                 context.batch,
                                 keyHead,
                                 valueHead,
                                 next.low,
                                 b.sub(next.high, next.low),
                                 keys.low,
                                 b.sub(keys.high, keys.low),
                                 liveRows(panel)};
  if (plan.scoreTiles)
    operands.push_back(slice(plan.tileQuery, f32, panel));
  if (plan.weightTiles)
    operands.append({slice(plan.tileScores, f32, panel), slice(plan.weightRows, f32),
                     slice(plan.valueWords, f32)});
  func::CallOp::create(b, kernel, operands);
}

/// Weights of a tile whose scores are there, then its values and the next tile's scores in turn.
void ItemFunction::visitStreamPanel(Value panel, Value turn, KeyRange keys, KeyRange next) {
  auto [first, last] = panelPositions(panel);
  Verdict verdict = emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
  Value live = b.sub(keys.high, keys.low);
  Value whole = b.compare(Predicate::eq, b.rem(live, b.index(plan.simpleKeys())), b.index(0));
  Value packed = b.select(turn, slice(plan.packed[0], b.getF32Type(), panel),
                          slice(plan.packed[1], b.getF32Type(), panel));
  if (plan.scoreTiles)
    finishScores(packed, live, panel);
  // What a region makes of scores, and weights without a maximum, are computed key by key.
  Value simple =
      plan.hasRegion() || !plan.isSoftmax()
          ? b.boolean(false)
          : b.both(b.both(verdict.all, whole), b.negate(hasExcluded(packed, live, panel)));
  KeyRange none = {next.low, next.low};
  b.when(
      simple,
      [&] {
        emitPackedWeights(panel, packed, keys, next.low);
        callStep(stepKernel, panel, turn, next, keys);
      },
      [&] {
        emitMarkedWeights(panel, packed, keys);
        callStep(strictKernel, panel, turn, none, keys);
        callStep(stepKernel, panel, turn, next, {keys.low, keys.low});
      });
}

/// Keys that are visited together from unit `tile` on, none from `tiles.high` on. A stretch takes
/// as many whole units as a tile has, if all rows see all of them, else one.
KeyRange ItemFunction::stretchFrom(Value tile, KeyRange tiles, Value end,
                                   function_ref<Value(KeyRange)> isWhole) {
  Value low = b.minimum(keysOfTile(tile, end).low, end), one = keysOfTile(tile, end).high;
  Value some = b.compare(Predicate::slt, tile, tiles.high);
  // What is computed key by key anyway stays in the first-level cache by single units.
  if (!plan.inStretches() || plan.hasRegion() || !plan.isSoftmax())
    return {low, b.select(some, one, low)};
  Value unit = b.index(plan.unitKeys()), whole = b.minimum(tiles.high, b.div(end, unit));
  Value behind = b.minimum(b.add(tile, plan.keys / plan.unitKeys()), whole);
  KeyRange many = {low, b.mul(behind, unit)};
  Value takesMany = b.both(b.compare(Predicate::slt, tile, behind), isWhole(many));
  return {low, b.select(some, b.select(takesMany, many.high, one), low)};
}

/// Visits the units of the part in [tiles.low, tiles.high) that are visible; `end` is behind the
/// last key. The scores of a tile are made while the values of the one before are read, or behind
/// them.
void ItemFunction::emitStreamTiles(KeyRange tiles, Value end, function_ref<Value(Value)> isVisible,
                                   function_ref<Value(KeyRange)> isWhole) {
  auto rangeFrom = [&](Value tile) { return stretchFrom(tile, tiles, end, isWhole); };
  Value start = nextVisible(tiles.low, tiles.high, isVisible);
  KeyRange firstKeys = rangeFrom(start);
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    callStep(stepKernel, panel, b.boolean(false), firstKeys, {firstKeys.low, firstKeys.low});
  });
  Type types[] = {b.getIndexType(), b.getI1Type()};
  auto loop = scf::WhileOp::create(b, types, ValueRange{start, b.boolean(true)});
  OpBuilder::InsertionGuard guard(b);
  Location locations[] = {b.getLoc(), b.getLoc()};
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
  scf::ConditionOp::create(b, b.compare(Predicate::slt, before->getArgument(0), tiles.high),
                           before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locations);
  Value tile = after->getArgument(0), turn = after->getArgument(1);
  KeyRange keys = rangeFrom(tile);
  Value following = nextVisible(b.ceilDiv(keys.high, plan.unitKeys()), tiles.high, isVisible);
  KeyRange next = rangeFrom(following);
  b.loop(b.index(0), livePanels, 1,
         [&](Value panel) { visitStreamPanel(panel, turn, keys, next); });
  scf::YieldOp::create(b, ValueRange{following, b.negate(turn)});
}

//===----------------------------------------------------------------------===//
// Rows of the accumulator
//===----------------------------------------------------------------------===//

/// Calls `body` for each vector of a row.
static void forVectors(CpuBuilder &b, const WorkPlan &plan, function_ref<void(Value column)> body) {
  b.loop(b.index(0), b.index(plan.accumulator.columns), plan.lanes, body);
}

/// Multiplies each row by its inverse sum.
void ItemFunction::scaleStreamPanel(Value panel) {
  Value accumulator = slice(plan.accumulator, b.getF32Type(), panel),
        inverses = slice(plan.rescale, b.getF32Type());
  b.loop(b.index(0), liveRows(panel), 1, [&](Value row) {
    Value factor = b.broadcast(memref::LoadOp::create(b, inverses, ValueRange{b.index(0), row}));
    forVectors(b, plan, [&](Value column) {
      b.store(b.mulf(b.load(accumulator, {row, column}, b.f32Vector()), factor), accumulator,
              {row, column});
    });
  });
}

void ItemFunction::storeStreamPanel(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  Value accumulator = slice(plan.accumulator, b.getF32Type(), panel),
        out = mapped(plan.storeOut.getTarget());
  WorkPlan::RowChunks c = plan.valueChunks();
  b.loop(b.index(0), liveRows(panel), 1, [&](Value lane) {
    RowPlace place = placeOf(b.add(start, lane));
    CpuBuilder wide(b.getLoc(), b, plan.target, plan.columnLanes());
    forChunks(wide, c, 1, [&](Value chunk, int64_t, bool isTail) {
      SmallVector<Value> vectors;
      for (int64_t i = 0; i < c.vectors; ++i) {
        Value column =
            wide.add(wide.mul(chunk, wide.index(c.vectors * wide.lanes())), i * wide.lanes());
        vectors.push_back(wide.load(accumulator, {lane, column}, wide.f32Vector()));
      }
      storeChunk(wide, c, vectors, out, {context.batch, place.head, place.query}, chunk, isTail);
    });
  });
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Value ItemFunction::partSlice(const Slice &s, Value number, Value panel) {
  Value offset = b.add(b.mul(number, b.index(plan.panels * plan.partPanelBytes)),
                       b.mul(panel, b.index(plan.partPanelBytes)));
  return memref::ViewOp::create(b, MemRefType::get({s.rows, s.columns}, b.getF32Type()), parts,
                                b.add(offset, s.offset), ValueRange());
}

/// Copies the state of a panel to its record.
void ItemFunction::savePart(Value panel) {
  auto copy = [&](const Slice &from, const Slice &to, Value rows) {
    Value source = slice(from, b.getF32Type(), panel), target = partSlice(to, number, panel);
    b.loop(b.index(0), rows, 1, [&](Value row) {
      b.loop(b.index(0), b.index(from.columns), plan.lanes, [&](Value column) {
        b.store(b.load(source, {row, column}, b.f32Vector()), target, {row, column});
      });
    });
  };
  copy(plan.accumulator, plan.partAccumulator, liveRows(panel));
  copy(plan.maximum, plan.partMaximum, b.index(1));
  copy(plan.sum, plan.partSum, b.index(1));
}

/// Starts from no key at all, or the sink, which is already in the first part's record: `part` is
/// not 0 here.
void ItemFunction::mergePanels() {
  Value live = b.minimum(b.sub(totalRows, firstRow), b.index(plan.itemRows()));
  livePanels = b.ceilDiv(live, plan.rows);
  part = b.index(1);
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    b.loop(b.index(0), b.index(plan.rows), 1, [&](Value lane) { locateRow(panel, lane); });
    initPanel(panel);
    b.loop(b.index(0), partCount, 1,
           [&](Value p) { mergePart(panel, b.add(b.mul(number, partCount), p)); });
    finishPanel(panel);
    storePanel(panel);
  });
}

/// Adds a record to the panel's state. Weights without a running maximum just add up.
void ItemFunction::mergePart(Value panel, Value number) {
  Type f32 = b.getF32Type();
  Value zero = b.index(0), maxima = slice(plan.maximum, f32, panel),
        sums = slice(plan.sum, f32, panel);
  Value factors = slice(plan.rescale, f32), partFactors = slice(plan.scores, f32);
  Value factor = b.splat(1), partFactor = b.splat(1);
  if (plan.isSoftmax()) {
    Value old = b.load(maxima, {zero, zero}, b.f32Vector());
    Value own = b.load(partSlice(plan.partMaximum, number, panel), {zero, zero}, b.f32Vector());
    Value now = b.maxf(own, old);
    Value minusInfinity = b.splat(-std::numeric_limits<double>::infinity());
    Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, now, minusInfinity);
    Value reference = b.select(none, b.splat(0), now), log2e = b.splat(1.4426950408889634);
    factor = b.exp2(b.mulf(b.subf(old, reference), log2e));
    partFactor = b.exp2(b.mulf(b.subf(own, reference), log2e));
    b.store(now, maxima, {zero, zero});
    Value ownSum = b.load(partSlice(plan.partSum, number, panel), {zero, zero}, b.f32Vector());
    b.store(b.fma(ownSum, partFactor, b.mulf(b.load(sums, {zero, zero}, b.f32Vector()), factor)),
            sums, {zero, zero});
  }
  b.store(factor, factors, {zero, zero});
  b.store(partFactor, partFactors, {zero, zero});
  Value accumulator = slice(plan.accumulator, f32, panel),
        addend = partSlice(plan.partAccumulator, number, panel);
  b.loop(zero, liveRows(panel), 1, [&](Value row) {
    Value scale = b.broadcast(memref::LoadOp::create(b, factors, ValueRange{zero, row}));
    Value partScale = b.broadcast(memref::LoadOp::create(b, partFactors, ValueRange{zero, row}));
    forVectors(b, plan, [&](Value column) {
      Value before = b.mulf(b.load(accumulator, {row, column}, b.f32Vector()), scale);
      b.store(b.fma(b.load(addend, {row, column}, b.f32Vector()), partScale, before), accumulator,
              {row, column});
    });
  });
}
