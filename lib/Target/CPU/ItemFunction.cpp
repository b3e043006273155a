//===- ItemFunction.cpp - the function that computes one work item -----------===//
//
// An item is a range of rows (pairs of query position and score head) of one head group. It loads its query
// panels, streams over the key tiles some row can see, and stores normalised rows.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

ItemFunction::ItemFunction(CpuBuilder &b, WorkPlan &plan, std::string name) : b(b), plan(plan), name(std::move(name)) {
  collectOuterValues();
}

/// Operands of the work and what its regions read from outside, each once.
void ItemFunction::collectOuterValues() {
  llvm::SetVector<Value> values(plan.work->operand_begin(), plan.work->operand_end());
  getUsedValuesDefinedAbove(plan.work.getBody(), values);
  outer.assign(values.begin(), values.end());
  llvm::erase_if(outer, [](Value v) { return v.getDefiningOp() && v.getDefiningOp()->hasTrait<OpTrait::ConstantLike>(); });
}

Value ItemFunction::slice(const Slice &s, Type element, Value panel) {
  Value offset = b.index(s.offset);
  if (panel)
    offset = b.add(offset, b.mul(panel, b.index(plan.panelBytes)));
  return memref::ViewOp::create(b, MemRefType::get({s.rows, s.columns}, element), workspace, offset, ValueRange());
}

void ItemFunction::emit() {
  PanelKernels kernels(b, plan, name);
  scoresKernel = kernels.emitScores();
  valuesKernel = kernels.emitValues(/*strict=*/false);
  strictKernel = kernels.emitValues(/*strict=*/true);

  SmallVector<Type> inputs = {b.getIndexType(), MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8))};
  llvm::append_range(inputs, ValueRange(outer).getTypes());
  function = createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), name + "_item", inputs);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  workspace = function.getArgument(1);
  for (auto [i, value] : llvm::enumerate(outer))
    outerMap.map(value, function.getArgument(static_cast<unsigned>(i) + 2));
  llvm::SetVector<Value> constants;
  getUsedValuesDefinedAbove(plan.work.getBody(), constants);
  for (Value value : constants)
    if (!outerMap.contains(value))
      outerMap.map(value, b.clone(*value.getDefiningOp())->getResult(0));
  emitLocation();
  b.when(b.compare(Predicate::ult, firstRow, totalRows), [&] { emitPanels(); });
  func::ReturnOp::create(b);
}

//===----------------------------------------------------------------------===//
// Where the item lies
//===----------------------------------------------------------------------===//

/// Rows of the largest head group, the number of head groups.
static int64_t largestGroup(ArrayRef<HeadGroup> groups) {
  size_t most = 0;
  for (const HeadGroup &group : groups)
    most = std::max(most, group.heads.size());
  return static_cast<int64_t>(most);
}

/// Number `item` counts head groups fastest, then batch entries, then row tiles, from the last down where
/// the longest come first.
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
  Value perTile = b.mul(memref::DimOp::create(b, query, 0), b.index(count));
  Value tile = b.div(item, perTile), rest = b.rem(item, perTile);
  if (plan.longestFirst) {
    Value tiles = b.ceilDiv(b.mul(queries, b.index(largestGroup(plan.groups))), plan.itemRows());
    tile = b.sub(b.add(tiles, -1), tile);
  }
  context = {b.div(rest, b.index(count)), b.rem(rest, b.index(count)), mapped(plan.work.getOffset()),
             mapped(plan.stream.getLength()), {}, plan.groups};
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
  firstRow = b.mul(tile, b.index(plan.itemRows()));
  totalRows = b.mul(queries, groupSize);
}

void ItemFunction::emitPanels() {
  Value live = b.minimum(b.sub(totalRows, firstRow), b.index(plan.itemRows()));
  livePanels = b.ceilDiv(live, plan.rows);
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    loadPanel(panel);
    initPanel(panel);
  });
  emitStream();
  b.loop(b.index(0), livePanels, 1, [&](Value panel) {
    finishPanel(panel);
    storePanel(panel);
  });
}

//===----------------------------------------------------------------------===//
// Query panel
//===----------------------------------------------------------------------===//

void ItemFunction::loadPanel(Value panel) {
  b.loop(b.index(0), b.index(plan.rows), 1, [&](Value lane) { loadRow(panel, lane); });
}

/// One row, scaled, to one lane of the panel. Rows past the end repeat the last one.
void ItemFunction::loadRow(Value panel, Value lane) {
  Value row = b.add(b.add(firstRow, b.mul(panel, b.index(plan.rows))), lane);
  row = b.minimum(row, b.add(totalRows, -1));
  Value query = b.div(row, groupSize);
  Value head = memref::LoadOp::create(b, headTable, b.add(groupStart, b.rem(row, groupSize)));
  Value zero = b.index(0);
  memref::StoreOp::create(b, b.toI32(b.add(context.offset, query)), slice(plan.position, b.getI32Type(), panel), ValueRange{zero, lane});
  memref::StoreOp::create(b, b.toI32(head), slice(plan.head, b.getI32Type(), panel), ValueRange{zero, lane});
  Value source = mapped(plan.work.getQuery());
  Value queryHead = memref::LoadOp::create(b, constantTable(b, plan.work.getQueryMap()), head);
  Value target = slice(plan.query, b.getF32Type(), panel);
  Value scale = b.f32(plan.dot.getScale().convertToDouble());
  b.loop(zero, b.index(plan.qkSize), 1, [&](Value d) {
    Value element = memref::LoadOp::create(b, source, ValueRange{context.batch, queryHead, query, d});
    memref::StoreOp::create(b, b.mulf(b.widen(element), scale), target, ValueRange{d, lane});
  });
}

/// The state of rows that have seen no key, or only their sink.
void ItemFunction::initPanel(Value panel) {
  Value zero = b.index(0), accumulator = slice(plan.accumulator, b.getF32Type(), panel);
  b.loop(zero, b.index(plan.vSize), 1, [&](Value d) {
    for (int64_t j = 0; j < plan.vectors; ++j)
      b.store(b.splat(0), accumulator, {d, b.index(j * plan.lanes)});
  });
  Value maximum = slice(plan.maximum, b.getF32Type(), panel), sum = slice(plan.sum, b.getF32Type(), panel);
  Value heads = slice(plan.head, b.getI32Type(), panel);
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value start = b.splat(-std::numeric_limits<double>::infinity());
    if (Value sinks = plan.init.getSinks())
      start = emitByLane(b, b.load(heads, {zero, b.index(j * plan.lanes)}, b.i32Vector()), b.getF32Type(),
                         [&](Value head) -> Value { return memref::LoadOp::create(b, mapped(sinks), head); });
    // A sink of -infinity takes no part.
    Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, start, b.splat(-std::numeric_limits<double>::infinity()));
    b.store(start, maximum, {zero, b.index(j * plan.lanes)});
    b.store(b.select(none, b.splat(0), b.splat(1)), sum, {zero, b.index(j * plan.lanes)});
  }
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

void ItemFunction::emitStream() {
  Value lastRow = b.add(b.minimum(b.add(firstRow, plan.itemRows()), totalRows), -1);
  Value first = b.add(context.offset, b.div(firstRow, groupSize)), last = b.add(context.offset, b.div(lastRow, groupSize));
  KeyRange range = emitKeyRange(b, plan.stream.getMask(), context, first, last);
  b.when(b.compare(Predicate::slt, range.low, range.high), [&] {
    b.loop(b.div(range.low, b.index(plan.keys)), b.ceilDiv(range.high, plan.keys), 1, [&](Value tile) {
      Value low = b.mul(tile, b.index(plan.keys));
      KeyRange keys = {low, b.minimum(b.add(low, plan.keys), range.high)};
      Verdict verdict = emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
      b.when(verdict.any, [&] {
        Value live = b.sub(keys.high, keys.low);
        Value padded = b.mul(b.ceilDiv(live, plan.registerKeys), b.index(plan.registerKeys));
        packKeys(low, live, padded);
        Value finite = packValues(low, live, padded);
        b.loop(b.index(0), livePanels, 1, [&](Value panel) { visitPanel(panel, keys, padded, finite); });
      });
    });
  });
}

/// Pieces of `width` columns, then what is left of `size`.
void ItemFunction::forColumns(int64_t size, int64_t width, function_ref<void(Value, int64_t)> body) {
  int64_t whole = size / width * width;
  if (whole > 0)
    b.loop(b.index(0), b.index(whole), width, [&](Value first) { body(first, width); });
  if (whole < size)
    body(b.index(whole), size - whole);
}

/// `count` elements of a row as float32.
Value ItemFunction::loadWide(Value memref, ValueRange at, Value column, int64_t count) {
  SmallVector<Value> indices(at);
  indices.push_back(column);
  auto type = VectorType::get(count, cast<MemRefType>(memref.getType()).getElementType());
  return b.widen(b.load(memref, indices, type));
}

/// Copies a key tile to the workspace as float32. Rows from `live` to `padded` become zero; their memory is not read.
void ItemFunction::packKeys(Value first, Value live, Value padded) {
  Value source = mapped(plan.work.getKey()), target = slice(plan.keyTile, b.getF32Type());
  b.loop(b.index(0), live, 1, [&](Value row) {
    forColumns(plan.qkSize, plan.lanes, [&](Value d, int64_t count) {
      b.store(loadWide(source, {context.batch, keyHead, b.add(first, row)}, d, count), target, {row, d});
    });
  });
  b.loop(live, padded, 1, [&](Value row) {
    b.loop(b.index(0), b.index(plan.qkSize), 1,
           [&](Value d) { memref::StoreOp::create(b, b.f32(0), target, ValueRange{row, d}); });
  });
}

/// Width of the vectors that look for values that are not finite.
static int64_t checkWidth(const WorkPlan &plan) {
  return static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(std::min(plan.lanes, plan.vSize))));
}

/// `sum` + 0 * row: zero as long as all values are finite, NaN after an infinity or NaN. The last vector overlaps.
Value ItemFunction::addToCheck(Value source, ValueRange at, Value sum) {
  int64_t width = checkWidth(plan);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(sum.getType()));
  for (int64_t d = 0; d < plan.vSize; d += width) {
    Value first = b.index(std::min(d, plan.vSize - width));
    sum = b.addf(sum, b.mulf(loadWide(source, at, first, width), zero));
  }
  return sum;
}

/// Copies a value tile to the workspace as float32, in blocks of columns, and gives whether all values are finite.
Value ItemFunction::packValues(Value first, Value live, Value padded) {
  Value source = mapped(plan.work.getValue()), target = slice(plan.valueTile, b.getF32Type());
  auto blockRow = [&](Value d, Value row) {
    return b.add(b.mul(b.div(d, b.index(plan.registerValues)), b.index(plan.keys)), row);
  };
  Value clean = arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(checkWidth(plan), b.getF32Type())));
  Value check = b.loop(b.index(0), live, 1, clean, [&](Value row, ValueRange sums) {
    SmallVector<Value> at = {context.batch, valueHead, b.add(first, row)};
    forColumns(plan.vSize, plan.registerValues, [&](Value d, int64_t count) {
      b.store(loadWide(source, at, d, count), target, {blockRow(d, row), b.index(0)});
    });
    return SmallVector<Value>{addToCheck(source, at, sums.front())};
  }).front();
  b.loop(live, padded, 1, [&](Value row) {
    forColumns(plan.vSize, plan.registerValues, [&](Value d, int64_t count) {
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(count, b.getF32Type())));
      b.store(zero, target, {blockRow(d, row), b.index(0)});
    });
  });
  Value ordered = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, check, check);
  return vector::ReductionOp::create(b, vector::CombiningKind::AND, ordered);
}

/// First and last position among the live rows of a panel.
std::pair<Value, Value> ItemFunction::panelPositions(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  Value end = b.add(b.minimum(b.add(start, plan.rows), totalRows), -1);
  return {b.add(context.offset, b.div(start, groupSize)), b.add(context.offset, b.div(end, groupSize))};
}

/// Excluded keys have a zero weight; only a value that is not finite makes a difference between the two products.
void ItemFunction::visitPanel(Value panel, KeyRange keys, Value padded, Value finite) {
  auto [first, last] = panelPositions(panel);
  Verdict verdict = emitVerdict(b, plan.stream.getMask(), context, first, last, keys);
  Value isWhole = b.compare(Predicate::eq, padded, b.sub(keys.high, keys.low));
  Type f32 = b.getF32Type();
  b.when(verdict.any, [&] {
    Value scores = slice(plan.scores, f32);
    func::CallOp::create(b, scoresKernel, ValueRange{slice(plan.keyTile, f32), slice(plan.query, f32, panel), scores, padded});
    SmallVector<Value> operands = {slice(plan.valueTile, f32), scores, slice(plan.accumulator, f32, panel),
                                   slice(plan.rescale, f32), padded};
    // Without a mask a score of -infinity excludes a key, too, and must be marked beside such values.
    Value unmarked = b.both(b.both(verdict.all, isWhole), finite);
    b.when(unmarked, [&] { emitWeights(panel, keys, padded, false); }, [&] { emitWeights(panel, keys, padded, true); });
    b.when(finite, [&] { func::CallOp::create(b, valuesKernel, operands); },
           [&] { func::CallOp::create(b, strictKernel, operands); });
  });
}

//===----------------------------------------------------------------------===//
// Result
//===----------------------------------------------------------------------===//

/// Normalises the accumulator, and turns the maximum into the log-sum-exp.
void ItemFunction::finishPanel(Value panel) {
  if (!plan.isSoftmax())
    return;
  Value zero = b.index(0), accumulator = slice(plan.accumulator, b.getF32Type(), panel);
  Value maximum = slice(plan.maximum, b.getF32Type(), panel), sums = slice(plan.sum, b.getF32Type(), panel);
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value column = b.index(j * plan.lanes);
    Value sum = b.load(sums, {zero, column}, b.f32Vector());
    Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, b.splat(0));
    Value inverse = b.select(empty, b.splat(0), arith::DivFOp::create(b, b.splat(1), sum));
    b.loop(zero, b.index(plan.vSize), 1, [&](Value d) {
      b.store(b.mulf(b.load(accumulator, {d, column}, b.f32Vector()), inverse), accumulator, {d, column});
    });
    if (plan.storeLse)
      b.store(b.addf(b.load(maximum, {zero, column}, b.f32Vector()), math::LogOp::create(b, sum)), maximum, {zero, column});
  }
}

/// Writes the live rows.
void ItemFunction::storePanel(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  Value live = b.minimum(b.sub(totalRows, start), b.index(plan.rows));
  Value accumulator = slice(plan.accumulator, b.getF32Type(), panel), maximum = slice(plan.maximum, b.getF32Type(), panel);
  Value out = mapped(plan.storeOut.getTarget());
  Type element = cast<MemRefType>(out.getType()).getElementType();
  b.loop(b.index(0), live, 1, [&](Value lane) {
    Value row = b.add(start, lane), query = b.div(row, groupSize);
    Value head = memref::LoadOp::create(b, headTable, b.add(groupStart, b.rem(row, groupSize)));
    b.loop(b.index(0), b.index(plan.vSize), 1, [&](Value d) {
      Value value = memref::LoadOp::create(b, accumulator, ValueRange{d, lane});
      memref::StoreOp::create(b, b.narrow(value, element), out, ValueRange{context.batch, head, query, d});
    });
    if (!plan.storeLse)
      return;
    Value lse = memref::LoadOp::create(b, maximum, ValueRange{b.index(0), lane});
    memref::StoreOp::create(b, lse, mapped(plan.storeLse.getTarget()), ValueRange{context.batch, head, query});
  });
}
