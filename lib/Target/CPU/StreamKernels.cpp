//===- StreamKernels.cpp - products with rows straight from memory -----------===//
#include "StreamKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;
using Chunks = WorkPlan::RowChunks;

/// Query rows that share a read of a key, and keys whose sums are reduced together.
static constexpr int64_t rowsAtOnce = 4, keysAtOnce = 4;
/// Keys between two visits of the same value columns: their rows stay in the first-level cache.
static constexpr int64_t valueKeys = 8;

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

func::FuncOp StreamKernels::createFunction(StringRef suffix, Value memref, ArrayRef<Type> slices) {
  SmallVector<Type> inputs = {memref.getType()};
  llvm::append_range(inputs, slices);
  inputs.append(5, b.getIndexType());
  return createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + suffix.str(),
                               inputs);
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

/// Four sums.
Value StreamKernels::sumOfEach(ArrayRef<Value> vectors) {
  Value folded = foldFour(b, vectors);
  SmallVector<Value> parts;
  for (int64_t first = 0; first < plan.lanes; first += 4)
    parts.push_back(vector::ExtractStridedSliceOp::create(
        b, folded, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{4}, ArrayRef<int64_t>{1}));
  for (size_t count = parts.size(); count > 1; count /= 2)
    for (size_t i = 0; i < count / 2; ++i)
      parts[i] = b.addf(parts[i], parts[i + count / 2]);
  return parts.front();
}

/// Adds the products of a chunk of one key with four rows to their sums.
SmallVector<Value> StreamKernels::addProducts(func::FuncOp function, const RowIndex &key,
                                              Value firstRow, Value chunk, bool isTail,
                                              ArrayRef<Value> sums) {
  Chunks c = plan.queryChunks();
  SmallVector<Value> next(sums),
      parts = loadChunk(b, c, function.getArgument(0), key, chunk, isTail);
  for (auto [i, part] : llvm::enumerate(parts))
    for (int64_t r = 0; r < rowsAtOnce; ++r) {
      Value column = b.add(b.mul(chunk, b.index(c.vectors * plan.lanes)),
                           static_cast<int64_t>(i) * plan.lanes);
      Value query = b.load(function.getArgument(1), {b.add(firstRow, r), column}, b.f32Vector());
      next[r] = plan.keyDots()
                    ? b.dotPairs(part, arith::BitcastOp::create(b, b.i32Vector(), query), next[r])
                    : b.fma(part, query, next[r]);
    }
  return next;
}

void StreamKernels::scoreKeys(func::FuncOp function, Value n, int64_t count, Value firstRow) {
  Chunks c = plan.queryChunks();
  constexpr int64_t mostAtOnce = 8;
  for (int64_t k = 0; k < count; ++k) {
    RowIndex key = {function.getArgument(3), function.getArgument(4),
                    b.add(function.getArgument(5), b.add(n, k))};
    SmallVector<Value> sums(rowsAtOnce, b.splat(0));
    int64_t whole = (c.chunks - 1) / mostAtOnce * mostAtOnce;
    if (whole > 0)
      sums =
          b.loop(b.index(0), b.index(whole), mostAtOnce, sums, [&](Value chunk, ValueRange args) {
            SmallVector<Value> inner(args);
            for (int64_t i = 0; i < mostAtOnce; ++i)
              inner = addProducts(function, key, firstRow, b.add(chunk, i), false, inner);
            return inner;
          });
    for (int64_t i = whole; i < c.chunks; ++i)
      sums = addProducts(function, key, firstRow, b.index(i), i + 1 == c.chunks, sums);
    Value four = sumOfEach(sums);
    if (double factor = plan.scoreFactor(); factor != 1.0)
      four = b.mulf(four, arith::ConstantOp::create(
                              b, DenseElementsAttr::get(cast<VectorType>(four.getType()),
                                                        static_cast<float>(factor))));
    b.store(four, function.getArgument(2), {b.add(n, k), firstRow});
  }
}

func::FuncOp StreamKernels::emitScores() {
  func::FuncOp function =
      createFunction("_scores", plan.work.getKey(), {typeOf(plan.query), typeOf(plan.scores)});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  Value count = function.getArgument(6), rows = function.getArgument(7);
  Value whole = b.mul(b.div(count, b.index(keysAtOnce)), b.index(keysAtOnce));
  auto visit = [&](Value n, int64_t keys) {
    b.loop(b.index(0), rows, rowsAtOnce, [&](Value row) { scoreKeys(function, n, keys, row); });
  };
  b.loop(b.index(0), whole, keysAtOnce, [&](Value n) { visit(n, keysAtOnce); });
  b.loop(whole, count, 1, [&](Value n) { visit(n, 1); });
  func::ReturnOp::create(b);
  return function;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// `rows` rows and `chunks` chunks of columns stay in registers while `first` to `end` pass by.
void StreamKernels::addValues(func::FuncOp function, Value first, Value end, Value row,
                              int64_t rows, Value chunk, int64_t chunks, bool isTail, bool strict) {
  Chunks c = plan.valueChunks();
  Value weights = function.getArgument(1), accumulator = function.getArgument(2),
        rescale = function.getArgument(3);
  auto column = [&](int64_t i) {
    return b.add(b.mul(chunk, b.index(c.vectors * plan.lanes)), i * plan.lanes);
  };
  int64_t width = chunks * c.vectors;
  Value isFirst = b.compare(arith::CmpIPredicate::eq, first, b.index(0));
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r) {
    Value factor = memref::LoadOp::create(b, rescale, ValueRange{b.index(0), b.add(row, r)});
    factor = b.broadcast(b.select(isFirst, factor, b.f32(1)));
    for (int64_t i = 0; i < width; ++i)
      sums.push_back(
          b.mulf(b.load(accumulator, {b.add(row, r), column(i)}, b.f32Vector()), factor));
  }
  sums = b.loop(first, end, 1, sums, [&](Value n, ValueRange args) {
    SmallVector<Value> next(args), values;
    RowIndex key = {function.getArgument(4), function.getArgument(5),
                    b.add(function.getArgument(6), n)};
    for (int64_t i = 0; i < chunks; ++i)
      llvm::append_range(values, loadChunk(b, c, function.getArgument(0), key, b.add(chunk, i),
                                           isTail && i + 1 == chunks));
    for (int64_t r = 0; r < rows; ++r) {
      Value weight = memref::LoadOp::create(b, weights, ValueRange{n, b.add(row, r)}),
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
      b.store(sums[r * width + i], accumulator, {b.add(row, r), column(i)});
}

func::FuncOp StreamKernels::emitValues(bool strict) {
  func::FuncOp function =
      createFunction(strict ? "_values_strict" : "_values", plan.work.getValue(),
                     {typeOf(plan.scores), typeOf(plan.accumulator), typeOf(plan.rescale)});
  // Arguments: values, weights, accumulator, rescale, batch, head, first, count, rows.
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  Chunks c = plan.valueChunks();
  int64_t budget = plan.target.getInt("vector_registers") == 32 ? 16 : 8;
  int64_t rows = std::min(plan.registerValues, rowsAtOnce);
  int64_t chunks = std::max<int64_t>(1, std::min(c.chunks, budget / rows / c.vectors));
  Value count = function.getArgument(7);
  b.loop(b.index(0), count, valueKeys, [&](Value first) {
    Value end = b.minimum(b.add(first, valueKeys), count);
    b.loop(b.index(0), function.getArgument(8), rows, [&](Value row) {
      int64_t whole = (c.chunks - 1) / chunks * chunks;
      b.loop(b.index(0), b.index(whole), chunks, [&](Value chunk) {
        addValues(function, first, end, row, rows, chunk, chunks, false, strict);
      });
      addValues(function, first, end, row, rows, b.index(whole), c.chunks - whole, true, strict);
    });
  });
  func::ReturnOp::create(b);
  return function;
}
