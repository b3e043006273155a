//===- StreamKernels.cpp - products with rows straight from memory -----------===//
#include "StreamKernels.h"
#include "StreamTiles.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;
using Chunks = WorkPlan::RowChunks;

/// Keys of a turn, and between two visits of the same value columns: their rows stay in the
/// first-level cache. The matrix unit takes more at once.
static constexpr int64_t vectorKeys = 8;
int64_t StreamKernels::turnKeys() const {
  return plan.scoreTiles ? StreamTiles::scoreKeys : vectorKeys;
}

/// Chunks of a row that are loaded in any order: more would not fit the registers.
static constexpr int64_t mostAtOnce = 8;
/// Limits of the rows that are asked for before they are needed.
static constexpr int64_t leastAhead = 4, mostAhead = 16;

func::FuncOp StreamKernels::createFunction(StringRef suffix) {
  Type key = plan.work.getKey().getType(), value = plan.work.getValue().getType();
  SmallVector<Type> inputs = {key,
                              value,
                              typeOf(plan.query),
                              typeOf(plan.packed[0]),
                              typeOf(plan.packed[0]),
                              typeOf(plan.accumulator),
                              typeOf(plan.rescale)};
  inputs.append(8, b.getIndexType());
  if (plan.scoreTiles)
    inputs.push_back(typeOf(plan.tileQuery));
  if (plan.weightTiles)
    inputs.append({typeOf(plan.tileScores), typeOf(plan.weightRows), typeOf(plan.valueWords)});
  return createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + suffix.str(),
                               inputs);
}

void StreamKernels::readArguments(func::FuncOp function) {
  unsigned next = 0;
  for (Value *value : {&at.keys, &at.values, &at.query, &at.scores, &at.weights, &at.accumulator,
                       &at.rescale, &at.batch, &at.keyHead, &at.valueHead, &at.next, &at.nextCount,
                       &at.first, &at.count, &at.rows})
    *value = function.getArgument(next++);
  if (plan.scoreTiles)
    at.tileQueries = function.getArgument(next++);
  if (plan.weightTiles)
    for (Value *value : {&at.tileScores, &at.weightRows, &at.valueWords})
      *value = function.getArgument(next++);
  auto scratch = MemRefType::get({turnKeys(), plan.lanes}, b.getF32Type());
  at.scratch = memref::AllocaOp::create(b, scratch, b.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Vector of `lanes`: in each group of four lanes the sum of two vectors whose elements were
/// brought to their places within the groups. Two rounds leave a part of the sums of four vectors.
static Value foldGroupsOfFour(CpuBuilder &b, Value x, Value y, ArrayRef<int64_t> low,
                              ArrayRef<int64_t> high) {
  int64_t lanes = b.lanes();
  auto mix = [&](Value x, Value y, ArrayRef<int64_t> order) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t group = 0; group < lanes; group += 4)
      for (int64_t i : order)
        mask.push_back(group + i % 4 + (i >= 4 ? lanes : 0));
    return vector::ShuffleOp::create(b, x, y, mask);
  };
  return b.addf(mix(x, y, low), mix(x, y, high));
}

/// Sums of two rows side by side, and the four rows of two such pairs.
static Value foldTwo(CpuBuilder &b, Value x, Value y) {
  return foldGroupsOfFour(b, x, y, {0, 4, 1, 5}, {2, 6, 3, 7});
}
static Value foldFour(CpuBuilder &b, Value x, Value y) {
  return foldGroupsOfFour(b, x, y, {0, 1, 4, 5}, {2, 3, 6, 7});
}

/// From the folded sums of as many keys as there are groups of four lanes, one vector of whole
/// sums: neighbouring groups are added until each group belongs to one key.
static Value foldKeys(CpuBuilder &b, SmallVector<Value> keys) {
  int64_t lanes = b.lanes();
  auto groups = [&](Value x, Value y, int64_t first) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t group = first; group < 2 * lanes / 4; group += 2)
      for (int64_t i = 0; i < 4; ++i)
        mask.push_back(4 * group + i);
    return vector::ShuffleOp::create(b, x, y, mask);
  };
  for (; keys.size() > 1; keys.resize(keys.size() / 2))
    for (size_t i = 0; i < keys.size() / 2; ++i) {
      Value x = keys[2 * i], y = keys[2 * i + 1];
      keys[i] = b.addf(groups(x, y, 0), groups(x, y, 1));
    }
  return keys.front();
}

Value attn::queryColumn(CpuBuilder &b, const WorkPlan &plan, Value chunk, int64_t i) {
  Chunks c = plan.queryChunks();
  Value last = b.index((c.chunks * c.vectors - 1 - i) * plan.lanes);
  return b.sub(last, b.mul(chunk, b.index(c.vectors * plan.lanes)));
}

/// Vector `i` of a chunk of a row of queries.
Value StreamKernels::loadQuery(Value row, Value chunk, int64_t i) {
  return b.load(at.query, {row, queryColumn(b, plan, chunk, i)}, b.f32Vector());
}

/// Whether the chunks of a row are computed without a loop, which lets registers hold queries.
bool StreamKernels::isUnrolled() {
  return 2 * plan.queryChunks().chunks <= plan.target.getInt("vector_registers");
}

/// Holds the queries of a block that have room in registers while keys pass by, row after row. A
/// key reads the others again, from the first-level cache, which delivers one vector per
/// multiply-add.
void StreamKernels::keepQueries(Value firstRow) {
  Chunks c = plan.queryChunks();
  int64_t inRow = c.chunks * c.vectors, room = isUnrolled() ? rowRegisters(plan) : 0;
  kept.clear();
  for (int64_t n = 0; n < std::min(room, streamRows * inRow); ++n)
    kept.push_back(
        loadQuery(b.add(firstRow, n / inRow), b.index(n % inRow / c.vectors), n % c.vectors));
}

/// Adds the products of a chunk of one key with the rows of a block. `number` of the chunk where it
/// is known, and the queries may be kept.
SmallVector<Value> StreamKernels::addProducts(const RowIndex &key, Value firstRow, Value chunk,
                                              std::optional<int64_t> number, bool isTail,
                                              ArrayRef<Value> sums) {
  Chunks c = plan.queryChunks();
  SmallVector<Value> next(sums), parts = loadChunk(b, c, at.keys, key, chunk, isTail);
  for (auto [n, part] : llvm::enumerate(parts))
    for (int64_t r = 0; r < streamRows; ++r) {
      auto i = static_cast<int64_t>(n);
      size_t place = (r * c.chunks + number.value_or(0)) * c.vectors + i;
      Value query = place < kept.size() ? kept[place] : loadQuery(b.add(firstRow, r), chunk, i);
      next[r] = plan.keyDots()
                    ? b.dotPairs(part, arith::BitcastOp::create(b, b.i32Vector(), query), next[r])
                    : b.fma(part, query, next[r]);
    }
  return next;
}

/// Sums of one key with the rows of a block, still one for each lane.
SmallVector<Value> StreamKernels::sumsOfKey(const RowIndex &key, Value firstRow) {
  Chunks c = plan.queryChunks();
  SmallVector<Value> sums(streamRows, b.splat(0));
  int64_t whole = isUnrolled() ? 0 : (c.chunks - 1) / mostAtOnce * mostAtOnce;
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), mostAtOnce, sums, [&](Value chunk, ValueRange args) {
      SmallVector<Value> inner(args);
      for (int64_t i = 0; i < mostAtOnce; ++i)
        inner = addProducts(key, firstRow, b.add(chunk, i), std::nullopt, false, inner);
      b.keepOrder(); // or more of a row is loaded at once than fits the registers
      return inner;
    });
  for (int64_t i = whole; i < c.chunks; ++i) {
    if (i > whole && i % mostAtOnce == 0)
      b.keepOrder(); // as above
    sums = addProducts(key, firstRow, b.index(i), i, i + 1 == c.chunks, sums);
  }
  return sums;
}

/// Rows of a sequence that are asked for before they are needed.
static int64_t rowsAhead(Value memref, int64_t size, int64_t bytesAhead) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t bytes = size * type.getElementType().getIntOrFloatBitWidth() / 8;
  return std::clamp(bytesAhead / bytes, leastAhead, mostAhead);
}

/// Asks for the rows of both sequences that lie ahead of row `n` of this turn.
void StreamKernels::prefetchAhead(Value n) {
  constexpr int64_t firstLevel = 1;
  int64_t bytes = plan.target.getInt("prefetch_ahead");
  Value value = b.add(b.add(at.first, n), rowsAhead(at.values, plan.vSize, bytes));
  b.prefetch(at.values, {at.batch, at.valueHead, value}, plan.vSize, firstLevel);
  Value key = b.add(b.add(at.next, n), rowsAhead(at.keys, plan.qkSize, bytes));
  b.prefetch(at.keys, {at.batch, at.keyHead, key}, plan.qkSize, firstLevel);
}

/// Folded sums of keys `first` to `end` of the turn with the rows of a block, to the scratch. A
/// loop, not a copy of the code for each key: the same load then steps from row to row, which is
/// what hardware prefetches by.
void StreamKernels::sumRows(Value first, Value end, Value firstRow) {
  b.loop(first, end, 1, [&](Value n) {
    SmallVector<Value> sums = sumsOfKey({at.batch, at.keyHead, b.add(at.next, n)}, firstRow);
    // Or LLVM reads the rows of several keys in turn to load the queries once: memory delivers rows
    // in address order faster.
    b.keepOrder();
    Value folded = foldFour(b, foldTwo(b, sums[0], sums[1]), foldTwo(b, sums[2], sums[3]));
    b.store(folded, at.scratch, {b.sub(n, first), b.index(0)});
    if (plan.target.getInt("prefetch_ahead") > 0 && !plan.scoreTiles)
      b.when(b.compare(arith::CmpIPredicate::eq, firstRow, b.index(0)), [&] { prefetchAhead(n); });
  });
}

/// Vector `scores` of the packed scores, of the keys from number `n` of the turn on. Of keys that
/// are not there it has what was left.
void StreamKernels::packScores(Value n, Value block, Value scores) {
  SmallVector<Value> folded;
  for (int64_t k = 0; k < plan.packedKeys(); ++k)
    folded.push_back(b.load(at.scratch, {b.add(n, k), b.index(0)}, b.f32Vector()));
  Value sums = foldKeys(b, folded);
  if (double factor = plan.scoreFactor(); factor != 1.0 && !plan.scoreTiles)
    sums = b.mulf(sums, b.splat(factor));
  b.store(sums, at.scores, {block, scores});
}

/// Scores of the keys of a turn from `first` on, all of them there; those of more than four rows
/// are packed when they are needed.
void StreamKernels::scoreByTiles(Value first) {
  StreamTiles tiles(b, plan);
  Value to = plan.weightTiles ? at.tileScores : at.scores;
  b.loop(b.index(0), b.ceilDiv(at.rows, plan.scoreColumns()), 1, [&](Value number) {
    StreamAsks meanwhile = asks(number);
    tiles.score(at.keys, {at.batch, at.keyHead, b.add(at.next, first)}, at.tileQueries,
                {to, number, first},
                [&](int64_t step) { meanwhile.whileScoring(first, step, tiles.steps()); });
  });
}

/// Packed scores of keys `first` to `end`. The matrix unit reads whole tiles only.
void StreamKernels::scoreKeys(Value first, Value end) {
  if (!plan.scoreTiles)
    return scoreByVectors(first, end);
  b.when(
      b.compare(arith::CmpIPredicate::eq, b.sub(end, first), b.index(StreamTiles::scoreKeys)),
      [&] { scoreByTiles(first); }, [&] { scoreByVectors(first, end); });
}

void StreamKernels::scoreByVectors(Value first, Value end) {
  b.loop(b.index(0), b.ceilDiv(at.rows, streamRows), 1, [&](Value block) {
    Value firstRow = b.mul(block, b.index(streamRows));
    keepQueries(firstRow);
    sumRows(first, end, firstRow);
    b.loop(first, end, plan.packedKeys(),
           [&](Value n) { packScores(b.sub(n, first), block, b.mul(n, b.index(streamRows))); });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The values of this visit and their weights: of one key, or of two where the plain product takes
/// pairs of keys.
ValueRows StreamKernels::valueRows(bool strict) {
  ValueRows v;
  v.chunks = plan.valueChunks();
  v.source = at.values;
  v.place = {at.batch, at.valueHead};
  v.first = at.first;
  v.accumulator = at.accumulator;
  v.rescale = at.rescale;
  v.step = strict ? ValueStep::Strict : plan.valuePairs() ? ValueStep::Pairs : ValueStep::Plain;
  bool pairs = v.step == ValueStep::Pairs;
  v.weight = [this, pairs](Value n, Value row, int64_t r) -> Value {
    Value block = b.div(row, b.index(streamRows)), inBlock = b.rem(row, b.index(streamRows));
    Value turn = pairs ? b.div(n, b.index(2)) : n;
    Value packed = b.add(b.add(b.mul(turn, b.index(streamRows)), inBlock), r);
    Value weight = memref::LoadOp::create(b, at.weights, ValueRange{block, packed});
    return pairs ? Value(arith::BitcastOp::create(b, b.getI32Type(), weight)) : weight;
  };
  return v;
}

/// Chunks of a block that divide those of a row, if there are at least half as many as fit.
static int64_t evenChunks(int64_t fitting, int64_t all) {
  for (int64_t chunks = fitting; 2 * chunks >= fitting; --chunks)
    if (all % chunks == 0)
      return chunks;
  return fitting;
}

/// Values of keys `first` to `end` for `rows` rows from `row` on, by whole rows of values if the
/// registers hold their sums.
void StreamKernels::visitValues(const ValueRows &values, Value row, int64_t rows, Value first,
                                Value end) {
  const Chunks &c = values.chunks;
  bool fits = rows * c.chunks * c.vectors <= rowRegisters(plan);
  int64_t chunks = fits ? c.chunks : evenChunks(chunksOfBlock(plan, c, rows), c.chunks);
  forChunks(b, c, chunks, [&](Value chunk, int64_t some, bool isTail) {
    ValueRows v = values;
    if (plan.scoreTiles && values.step != ValueStep::Strict)
      v.ask = askWhileVisiting(row, first, chunk, chunks);
    addValueBlock(b, v, {row, rows, chunk, some, isTail}, first, end);
  });
}

/// Values of keys `first` to `end` for all rows. The visits of a block of four rows have code of
/// their own: a load that goes back to the turn's first key is not what hardware prefetches by.
void StreamKernels::addValueKeys(Value first, Value end, bool strict) {
  ValueRows values = valueRows(strict);
  int64_t most = std::min(plan.registerValues, streamRows);
  b.loop(b.index(0), at.rows, streamRows, [&](Value block) {
    Value left = b.sub(at.rows, block);
    auto visit = [&](int64_t row, int64_t rows) {
      visitValues(values, b.add(block, row), rows, first, end);
    };
    auto whenMore = [&](int64_t row, function_ref<void()> body) {
      b.when(b.compare(arith::CmpIPredicate::sgt, left, b.index(row)), body);
    };
    // One row of queries by whole rows of values, for the address order, then the three others.
    if (most == 1) {
      visit(0, 1);
      return b.when(
          b.compare(arith::CmpIPredicate::eq, left, b.index(2)), [&] { visit(1, 1); },
          [&] { whenMore(2, [&] { visit(1, streamRows - 1); }); });
    }
    auto visitAll = [&] {
      for (int64_t row = 0; row < streamRows; row += most)
        whenMore(row, [&] { visit(row, std::min(most, streamRows - row)); });
    };
    // Three rows for one or two would be a third or more for nothing.
    if (most != 3)
      return visitAll();
    b.when(b.compare(arith::CmpIPredicate::sge, left, b.index(most)), visitAll,
           [&] { visit(0, 2); });
  });
}

/// Multiplies the accumulator by the factors of its rows, unless no maximum of a block has moved.
void StreamKernels::rescaleRows() {
  auto four = VectorType::get(streamRows, b.getF32Type());
  Value ones = arith::ConstantOp::create(b, DenseElementsAttr::get(four, 1.0f));
  b.loop(b.index(0), at.rows, streamRows, [&](Value block) {
    Value factors = b.load(at.rescale, {b.index(0), block}, four);
    Value moved = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, factors, ones);
    b.when(vector::ReductionOp::create(b, vector::CombiningKind::OR, moved), [&] {
      for (int64_t r = 0; r < streamRows; ++r) {
        Value factor = b.broadcast(vector::ExtractOp::create(b, factors, r)), row = b.add(block, r);
        b.loop(b.index(0), b.index(plan.accumulator.columns), plan.lanes, [&](Value column) {
          b.store(b.mulf(b.load(at.accumulator, {row, column}, b.f32Vector()), factor),
                  at.accumulator, {row, column});
        });
      }
    });
  });
}

StreamAsks StreamKernels::asks(Value block) {
  return {b,
          plan,
          {at.keys,
           {at.batch, at.keyHead},
           at.next,
           at.values,
           {at.batch, at.valueHead},
           at.first,
           block}};
}

/// What is asked for in front of each key of a visit of the chunks from `chunk` on, `chunks` at a
/// time, for rows from `row` on.
std::function<void(Value)> StreamKernels::askWhileVisiting(Value row, Value first, Value chunk,
                                                           int64_t chunks) {
  int64_t visits = (plan.valueChunks().chunks + chunks - 1) / chunks;
  return [=](Value n) {
    Value before = b.mul(b.div(chunk, b.index(chunks)), b.index(turnKeys()));
    asks(row).whileVisiting(first, b.add(before, b.sub(n, first)), visits * turnKeys());
  };
}

/// Rows of values of a turn for the matrix unit.
void StreamKernels::weaveTurn(Value first) {
  ValueRows values = valueRows(/*strict=*/false);
  values.ask = [&](Value n) {
    Value pair = b.div(b.sub(n, first), b.index(2));
    asks(b.index(0)).whileVisiting(first, pair, turnKeys() / 2);
  };
  Value within = b.rem(first, b.index(StreamTiles::valueKeys));
  StreamTiles(b, plan).weaveValues(values, first, at.valueWords, b.div(within, b.index(2)));
}

/// Values of a turn, then scores of the next tile; products with the values by the matrix unit when
/// all keys that it takes at once are there.
void StreamKernels::emitTileTurns() {
  constexpr int64_t turn = StreamTiles::scoreKeys, keys = StreamTiles::valueKeys;
  auto when = [&](Value condition, function_ref<void()> body) {
    b.when(condition, body);
    b.keepOrder();
  };
  auto isBelow = [&](Value n, Value end) { return b.compare(arith::CmpIPredicate::slt, n, end); };
  if (plan.weightTiles)
    b.when(isBelow(b.index(0), at.count), [&] { rescaleRows(); });
  b.loop(b.index(0), b.maximum(at.count, at.nextCount), turn, [&](Value first) {
    Value end = b.add(first, turn), hasValues = isBelow(first, at.count);
    when(hasValues, [&] {
      plan.weightTiles ? weaveTurn(first)
                       : addValueKeys(first, b.minimum(end, at.count), /*strict=*/false);
    });
    when(isBelow(first, at.nextCount), [&] { scoreKeys(first, b.minimum(end, at.nextCount)); });
    if (!plan.weightTiles)
      return;
    Value isLast = b.compare(arith::CmpIPredicate::eq, b.rem(end, b.index(keys)), b.index(0));
    when(b.both(hasValues, isLast), [&] {
      StreamTiles tiles(b, plan);
      tiles.addValues(
          at.weightRows, at.valueWords, at.accumulator, at.rows, b.sub(end, b.index(keys)),
          [&](Value row, int64_t product) { asks(row).whileAdding(product, tiles.columnTiles()); });
    });
  });
}

/// A few keys of values in turn with as many scores.
void StreamKernels::emitTurns() {
  b.loop(b.index(0), b.maximum(at.count, at.nextCount), turnKeys(), [&](Value first) {
    Value end = b.add(first, turnKeys()), end0 = b.minimum(end, at.count),
          end1 = b.minimum(end, at.nextCount);
    b.when(b.compare(arith::CmpIPredicate::slt, first, end0),
           [&] { addValueKeys(first, end0, false); });
    b.when(b.compare(arith::CmpIPredicate::slt, first, end1), [&] { scoreKeys(first, end1); });
  });
}

func::FuncOp StreamKernels::emitStep() {
  func::FuncOp function = createFunction("_step");
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  readArguments(function);
  if (plan.scoreTiles)
    emitTileTurns();
  else
    plan.inStretches() ? emitStretches() : emitTurns();
  func::ReturnOp::create(b);
  return function;
}

func::FuncOp StreamKernels::emitStrict() {
  func::FuncOp function = createFunction("_values_strict");
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  readArguments(function);
  b.loop(b.index(0), at.count, turnKeys(), [&](Value first) {
    addValueKeys(first, b.minimum(b.add(first, turnKeys()), at.count), true);
  });
  func::ReturnOp::create(b);
  return function;
}
