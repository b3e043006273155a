//===- StreamKernels.cpp - products with rows straight from memory -----------===//
#include "StreamKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;
using Chunks = WorkPlan::RowChunks;

/// Keys of a turn, and between two visits of the same value columns: their rows stay in the
/// first-level cache.
static constexpr int64_t turnKeys = 8;
/// Bytes of a sequence of rows that are asked for before they are needed, and limits of the rows.
static constexpr int64_t bytesAhead = 6144, leastAhead = 4, mostAhead = 16;

//===----------------------------------------------------------------------===//
// Chunks of a row
//===----------------------------------------------------------------------===//

/// Elements of the last chunk.
static int64_t tailElements(const Chunks &c) { return c.size - (c.chunks - 1) * c.elements; }

SmallVector<Value> attn::loadChunk(CpuBuilder &b, const Chunks &c, Value source,
                                   const RowIndex &row, Value chunk, bool isTail) {
  int64_t count = isTail ? tailElements(c) : c.elements;
  SmallVector<Value> at(row);
  at.push_back(b.mul(chunk, b.index(c.elements)));
  Value loaded = b.load(
      source, at, VectorType::get(count, cast<MemRefType>(source.getType()).getElementType()));
  if (!c.words)
    return {padVector(b, b.widen(loaded), b.lanes())};
  Value words = vector::BitCastOp::create(b, VectorType::get(count / 2, b.getI32Type()), loaded);
  words = padVector(b, words, b.lanes());
  if (c.vectors == 1)
    return {words};
  return {b.unpackHalf(words, 0), b.unpackHalf(words, 1)};
}

void attn::storeChunk(CpuBuilder &b, const Chunks &c, ArrayRef<Value> vectors, Value target,
                      const RowIndex &row, Value chunk, bool isTail) {
  int64_t count = isTail ? tailElements(c) : c.elements;
  Value all = vectors.size() == 1 ? vectors.front()
                                  : Value(vector::InterleaveOp::create(b, vectors[0], vectors[1]));
  if (count != cast<VectorType>(all.getType()).getNumElements())
    all = vector::ExtractStridedSliceOp::create(b, all, ArrayRef<int64_t>{0},
                                                ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
  SmallVector<Value> at(row);
  at.push_back(b.mul(chunk, b.index(c.elements)));
  b.store(b.narrow(all, cast<MemRefType>(target.getType()).getElementType()), target, at);
}

void attn::forChunks(CpuBuilder &b, const Chunks &c, function_ref<void(Value, bool)> body) {
  if (c.chunks > 1)
    b.loop(b.index(0), b.index(c.chunks - 1), 1, [&](Value chunk) { body(chunk, false); });
  body(b.index(c.chunks - 1), true);
}

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
  return createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + suffix.str(),
                               inputs);
}

void StreamKernels::readArguments(func::FuncOp function) {
  unsigned next = 0;
  for (Value *value : {&at.keys, &at.values, &at.query, &at.scores, &at.weights, &at.accumulator,
                       &at.rescale, &at.batch, &at.keyHead, &at.valueHead, &at.next, &at.nextCount,
                       &at.first, &at.count, &at.rows})
    *value = function.getArgument(next++);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Vector of `lanes`: in each group of four lanes a part of the sums of four vectors. Three
/// additions of vectors whose elements were brought to their places within the groups.
static Value foldFour(CpuBuilder &b, ArrayRef<Value> v) {
  int64_t lanes = b.lanes();
  auto mix = [&](Value x, Value y, ArrayRef<int64_t> order) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t group = 0; group < lanes; group += 4)
      for (int64_t i : order)
        mask.push_back(group + i % 4 + (i >= 4 ? lanes : 0));
    return vector::ShuffleOp::create(b, x, y, mask);
  };
  auto fold = [&](Value x, Value y, ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
    return b.addf(mix(x, y, low), mix(x, y, high));
  };
  Value x = fold(v[0], v[1], {0, 4, 1, 5}, {2, 6, 3, 7}),
        y = fold(v[2], v[3], {0, 4, 1, 5}, {2, 6, 3, 7});
  return fold(x, y, {0, 1, 4, 5}, {2, 3, 6, 7});
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

/// Adds the products of a chunk of one key with four rows to their sums.
SmallVector<Value> StreamKernels::addProducts(const RowIndex &key, Value firstRow, Value chunk,
                                              bool isTail, ArrayRef<Value> sums) {
  Chunks c = plan.queryChunks();
  SmallVector<Value> next(sums), parts = loadChunk(b, c, at.keys, key, chunk, isTail);
  for (auto [i, part] : llvm::enumerate(parts))
    for (int64_t r = 0; r < streamRows; ++r) {
      Value column = b.add(b.mul(chunk, b.index(c.vectors * plan.lanes)),
                           static_cast<int64_t>(i) * plan.lanes);
      Value query = b.load(at.query, {b.add(firstRow, r), column}, b.f32Vector());
      next[r] = plan.keyDots()
                    ? b.dotPairs(part, arith::BitcastOp::create(b, b.i32Vector(), query), next[r])
                    : b.fma(part, query, next[r]);
    }
  return next;
}

/// Keeps LLVM from reading the rows of several keys in turn to load the queries once: memory
/// delivers rows in address order faster; and from loading more of a row at once than fits the
/// registers. No instruction comes of it.
static void keepOrder(CpuBuilder &b) {
  LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, "singlethread");
}

/// Sums of one key with four rows, still one for each lane.
SmallVector<Value> StreamKernels::sumsOfKey(const RowIndex &key, Value firstRow) {
  Chunks c = plan.queryChunks();
  constexpr int64_t mostAtOnce = 8;
  SmallVector<Value> sums(streamRows, b.splat(0));
  int64_t whole = (c.chunks - 1) / mostAtOnce * mostAtOnce;
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), mostAtOnce, sums, [&](Value chunk, ValueRange args) {
      SmallVector<Value> inner(args);
      for (int64_t i = 0; i < mostAtOnce; ++i)
        inner = addProducts(key, firstRow, b.add(chunk, i), false, inner);
      keepOrder(b);
      return inner;
    });
  for (int64_t i = whole; i < c.chunks; ++i)
    sums = addProducts(key, firstRow, b.index(i), i + 1 == c.chunks, sums);
  return sums;
}

/// Rows of a sequence that are asked for before they are needed.
static int64_t rowsAhead(Value memref, int64_t size) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t bytes = size * type.getElementType().getIntOrFloatBitWidth() / 8;
  return std::clamp(bytesAhead / bytes, leastAhead, mostAhead);
}

/// Asks for the rows of both sequences that lie ahead of row `n` of this turn.
void StreamKernels::prefetchAhead(Value n) {
  constexpr int64_t firstLevel = 1;
  Value value = b.add(b.add(at.first, n), rowsAhead(at.values, plan.vSize));
  b.prefetch(at.values, {at.batch, at.valueHead, value}, plan.vSize, firstLevel);
  Value key = b.add(b.add(at.next, n), rowsAhead(at.keys, plan.qkSize));
  b.prefetch(at.keys, {at.batch, at.keyHead, key}, plan.qkSize, firstLevel);
}

/// One packed vector of scores: key after key. Behind the last one it is read again.
void StreamKernels::scoreGroup(Value n, Value block) {
  SmallVector<Value> folded;
  Value last = b.add(at.nextCount, -1);
  for (int64_t k = 0; k < plan.packedKeys(); ++k) {
    Value row = k == 0 ? n : b.minimum(b.add(n, k), last);
    RowIndex key = {at.batch, at.keyHead, b.add(at.next, row)};
    folded.push_back(foldFour(b, sumsOfKey(key, b.mul(block, b.index(streamRows)))));
    keepOrder(b);
    b.when(b.compare(arith::CmpIPredicate::eq, block, b.index(0)), [&] { prefetchAhead(row); });
  }
  Value scores = foldKeys(b, folded);
  if (double factor = plan.scoreFactor(); factor != 1.0)
    scores = b.mulf(scores, b.splat(factor));
  b.store(scores, at.scores, {block, b.mul(n, b.index(streamRows))});
}

void StreamKernels::scoreKeys(Value first, Value end) {
  b.loop(b.index(0), b.ceilDiv(at.rows, streamRows), 1, [&](Value block) {
    b.loop(first, end, plan.packedKeys(), [&](Value n) { scoreGroup(n, block); });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// `rows` rows and `chunks` chunks of columns stay in registers while `first` to `end` pass by.
void StreamKernels::addValues(Value first, Value end, Value row, int64_t rows, Value chunk,
                              int64_t chunks, bool isTail, bool strict) {
  Chunks c = plan.valueChunks();
  auto column = [&](int64_t i) {
    return b.add(b.mul(chunk, b.index(c.vectors * plan.lanes)), i * plan.lanes);
  };
  int64_t width = chunks * c.vectors;
  Value isFirst = b.compare(arith::CmpIPredicate::eq, first, b.index(0));
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r) {
    Value factor = memref::LoadOp::create(b, at.rescale, ValueRange{b.index(0), b.add(row, r)});
    factor = b.broadcast(b.select(isFirst, factor, b.f32(1)));
    for (int64_t i = 0; i < width; ++i)
      sums.push_back(
          b.mulf(b.load(at.accumulator, {b.add(row, r), column(i)}, b.f32Vector()), factor));
  }
  Value block = b.div(row, b.index(streamRows)), inBlock = b.rem(row, b.index(streamRows));
  sums = b.loop(first, end, 1, sums, [&](Value n, ValueRange args) {
    SmallVector<Value> next(args), values;
    RowIndex key = {at.batch, at.valueHead, b.add(at.first, n)};
    for (int64_t i = 0; i < chunks; ++i)
      llvm::append_range(
          values, loadChunk(b, c, at.values, key, b.add(chunk, i), isTail && i + 1 == chunks));
    Value packed = b.add(b.mul(n, b.index(streamRows)), inBlock);
    for (int64_t r = 0; r < rows; ++r) {
      Value weight = memref::LoadOp::create(b, at.weights, ValueRange{block, b.add(packed, r)}),
            factor = b.broadcast(weight);
      Value excluded =
          b.compare(arith::CmpIPredicate::eq, arith::BitcastOp::create(b, b.getI32Type(), weight),
                    b.i32(INT32_MIN));
      for (int64_t i = 0; i < width; ++i) {
        Value &sum = next[r * width + i];
        Value added = b.fma(values[i], factor, sum);
        sum = strict ? b.select(excluded, sum, added) : added;
      }
    }
    return next;
  });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < width; ++i)
      b.store(sums[r * width + i], at.accumulator, {b.add(row, r), column(i)});
}

/// Values of keys `first` to `end` for all rows.
void StreamKernels::addValueKeys(Value first, Value end, bool strict) {
  Chunks c = plan.valueChunks();
  // Sums that cover the latency; of wide vectors twice as many still fit, and half the visits.
  int64_t budget = plan.lanes == 16 ? 16 : 8;
  // A divisor of the four rows of a packed vector.
  int64_t rows = plan.registerValues >= 4 ? 4 : plan.registerValues >= 2 ? 2 : 1;
  int64_t chunks = std::max<int64_t>(1, std::min(c.chunks, budget / rows / c.vectors));
  b.loop(b.index(0), at.rows, rows, [&](Value row) {
    int64_t whole = (c.chunks - 1) / chunks * chunks;
    b.loop(b.index(0), b.index(whole), chunks,
           [&](Value chunk) { addValues(first, end, row, rows, chunk, chunks, false, strict); });
    addValues(first, end, row, rows, b.index(whole), c.chunks - whole, true, strict);
  });
}

func::FuncOp StreamKernels::emitStep() {
  func::FuncOp function = createFunction("_step");
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  readArguments(function);
  b.loop(b.index(0), b.maximum(at.count, at.nextCount), turnKeys, [&](Value first) {
    Value end = b.add(first, turnKeys), end0 = b.minimum(end, at.count),
          end1 = b.minimum(end, at.nextCount);
    b.when(b.compare(arith::CmpIPredicate::slt, first, end0),
           [&] { addValueKeys(first, end0, false); });
    b.when(b.compare(arith::CmpIPredicate::slt, first, end1), [&] { scoreKeys(first, end1); });
  });
  func::ReturnOp::create(b);
  return function;
}

func::FuncOp StreamKernels::emitStrict() {
  func::FuncOp function = createFunction("_values_strict");
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  readArguments(function);
  b.loop(b.index(0), at.count, turnKeys, [&](Value first) {
    addValueKeys(first, b.minimum(b.add(first, turnKeys), at.count), true);
  });
  func::ReturnOp::create(b);
  return function;
}
