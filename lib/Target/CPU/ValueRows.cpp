//===- ValueRows.cpp - rows straight from memory, lanes along the row --------===//
#include "ValueRows.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;
using Chunks = WorkPlan::RowChunks;

//===----------------------------------------------------------------------===//
// Chunks of a row
//===----------------------------------------------------------------------===//

/// Elements of the last chunk.
static int64_t tailElements(const Chunks &c) { return c.size - (c.chunks - 1) * c.elements; }

/// The elements of a chunk as they are, as many as there are.
static Value loadElements(CpuBuilder &b, const Chunks &c, Value source, const RowIndex &row,
                          Value chunk, bool isTail) {
  int64_t count = isTail ? tailElements(c) : c.elements;
  SmallVector<Value> at(row);
  at.push_back(b.mul(chunk, b.index(c.elements)));
  Type element = cast<MemRefType>(source.getType()).getElementType();
  return b.load(source, at, VectorType::get(count, element));
}

/// As above, 16-bit integers with zeros behind the row's end.
static Value loadHalfWords(CpuBuilder &b, const Chunks &c, Value source, const RowIndex &row,
                           Value chunk, bool isTail) {
  Value loaded = loadElements(b, c, source, row, chunk, isTail);
  auto type = cast<VectorType>(loaded.getType()).clone(b.getI16Type());
  return padVector(b, vector::BitCastOp::create(b, type, loaded), c.elements);
}

/// Words of the elements of two rows, the first row's in the low halves: of the lower (`half` 0) or
/// the upper four elements of each group of eight, which is one instruction.
static Value pairRows(CpuBuilder &b, Value even, Value odd, int64_t half) {
  auto count = cast<VectorType>(even.getType()).getNumElements();
  SmallVector<int64_t> order;
  for (int64_t group = 4 * half; group < count; group += 8)
    for (int64_t i = group; i < group + 4; ++i)
      order.append({i, count + i});
  Value words = vector::ShuffleOp::create(b, even, odd, order);
  return vector::BitCastOp::create(b, b.i32Vector(), words);
}

/// Order of the elements of both halves of `pairRows`, one behind the other.
static SmallVector<int64_t> unpairedOrder(int64_t elements) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < elements; ++i)
    order.push_back(i / 8 * 4 + i % 4 + (i % 8 < 4 ? 0 : elements / 2));
  return order;
}

SmallVector<Value> attn::loadChunk(CpuBuilder &b, const Chunks &c, Value source,
                                   const RowIndex &row, Value chunk, bool isTail) {
  if (c.byPairs) {
    // A bf16 in the high half of a word is that number in float32.
    Value halves = loadHalfWords(b, c, source, row, chunk, isTail);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(halves.getType()));
    auto numbers = [&](int64_t half) -> Value {
      return arith::BitcastOp::create(b, b.f32Vector(), pairRows(b, zero, halves, half));
    };
    return {numbers(0), numbers(1)};
  }
  Value loaded = loadElements(b, c, source, row, chunk, isTail);
  if (!c.words)
    return {padVector(b, b.widen(loaded), b.lanes())};
  int64_t count = cast<VectorType>(loaded.getType()).getNumElements();
  Value words = vector::BitCastOp::create(b, VectorType::get(count / 2, b.getI32Type()), loaded);
  words = padVector(b, words, b.lanes());
  if (c.vectors == 1)
    return {words};
  return {b.unpackHalf(words, 0), b.unpackHalf(words, 1)};
}

/// The elements of a chunk in the order of memory.
static Value joinChunk(CpuBuilder &b, const Chunks &c, ArrayRef<Value> vectors) {
  if (vectors.size() == 1)
    return vectors.front();
  if (c.byPairs)
    return vector::ShuffleOp::create(b, vectors[0], vectors[1], unpairedOrder(c.elements));
  return vector::InterleaveOp::create(b, vectors[0], vectors[1]);
}

void attn::storeChunk(CpuBuilder &b, const Chunks &c, ArrayRef<Value> vectors, Value target,
                      const RowIndex &row, Value chunk, bool isTail) {
  int64_t count = isTail ? tailElements(c) : c.elements;
  Value all = joinChunk(b, c, vectors);
  if (count != cast<VectorType>(all.getType()).getNumElements())
    all = vector::ExtractStridedSliceOp::create(b, all, ArrayRef<int64_t>{0},
                                                ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
  SmallVector<Value> at(row);
  at.push_back(b.mul(chunk, b.index(c.elements)));
  b.store(b.narrow(all, cast<MemRefType>(target.getType()).getElementType()), target, at);
}

void attn::forChunks(CpuBuilder &b, const Chunks &c, int64_t step,
                     function_ref<void(Value, int64_t, bool)> body) {
  int64_t whole = c.size / c.elements / step * step;
  if (whole == step)
    body(b.index(0), step, false);
  else if (whole > 0)
    b.loop(b.index(0), b.index(whole), step, [&](Value chunk) { body(chunk, step, false); });
  if (whole < c.chunks)
    body(b.index(whole), c.chunks - whole, true);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

int64_t attn::sumRegisters(const WorkPlan &plan) {
  return plan.target.getInt("vector_registers") / 2;
}

int64_t attn::rowRegisters(const WorkPlan &plan) {
  constexpr int64_t passing = 8;
  return plan.target.getInt("vector_registers") - passing;
}

int64_t attn::chunksOfBlock(const WorkPlan &plan, const Chunks &c, int64_t rows) {
  return std::max<int64_t>(1, std::min(c.chunks, sumRegisters(plan) / rows / c.vectors));
}

namespace {
/// The product of one block while it is written.
class BlockProduct {
public:
  BlockProduct(CpuBuilder &b, const ValueRows &v, const ValueBlock &block)
      : b(b), v(v), block(block), width(block.vector ? 1 : block.chunks * v.chunks.vectors) {}

  SmallVector<Value> loadSums(Value isFirst);
  void storeSums(ArrayRef<Value> sums);
  SmallVector<Value> addKey(Value n, ValueRange sums);

private:
  /// `excluded`: whether the weight's key takes no part, null where every one does.
  struct Weight {
    Value number, excluded;
  };
  Value row(int64_t r) { return b.add(block.row, r); }
  Value column(int64_t i) {
    int64_t elements = v.chunks.vectors * b.lanes();
    return b.add(b.mul(block.chunk, b.index(elements)), (i + block.vector.value_or(0)) * b.lanes());
  }
  SmallVector<Value> loadKey(Value n, Value chunk, bool isTail);
  SmallVector<Value> loadPairOfRows(Value n);
  RowIndex rowOf(Value key) const {
    RowIndex at(v.place);
    at.push_back(b.add(v.first, key));
    return at;
  }
  Weight loadWeight(Value n, int64_t r);
  Value added(Value value, const Weight &weight, Value sum);

  CpuBuilder &b;
  const ValueRows &v;
  ValueBlock block;
  int64_t width; // vectors of a row
};
} // namespace

SmallVector<Value> BlockProduct::loadSums(Value isFirst) {
  SmallVector<Value> sums;
  for (int64_t r = 0; r < block.rows; ++r) {
    Value factor = memref::LoadOp::create(b, v.rescale, ValueRange{b.index(0), row(r)});
    factor = b.broadcast(b.select(isFirst, factor, b.f32(1)));
    for (int64_t i = 0; i < width; ++i)
      sums.push_back(b.mulf(b.load(v.accumulator, {row(r), column(i)}, b.f32Vector()), factor));
  }
  return sums;
}

void BlockProduct::storeSums(ArrayRef<Value> sums) {
  for (int64_t r = 0; r < block.rows; ++r)
    for (int64_t i = 0; i < width; ++i)
      b.store(sums[r * width + i], v.accumulator, {row(r), column(i)});
}

/// The block's vectors of a chunk of key `n`, or words of keys n and n + 1.
SmallVector<Value> BlockProduct::loadKey(Value n, Value chunk, bool isTail) {
  SmallVector<Value> all;
  if (v.step != ValueStep::Pairs) {
    all = loadChunk(b, v.chunks, v.source, rowOf(n), chunk, isTail);
  } else {
    Value even = loadHalfWords(b, v.chunks, v.source, rowOf(n), chunk, isTail),
          odd = loadHalfWords(b, v.chunks, v.source, rowOf(b.add(n, 1)), chunk, isTail);
    all = {pairRows(b, even, odd, 0), pairRows(b, even, odd, 1)};
  }
  return block.vector ? SmallVector<Value>{all[*block.vector]} : all;
}

/// As `loadKey` with pairs for all chunks of the block: first the one row, then the other, as
/// memory has them. Hardware fetches ahead what is read in the order of addresses.
SmallVector<Value> BlockProduct::loadPairOfRows(Value n) {
  auto load = [&](Value key, int64_t i) {
    return loadHalfWords(b, v.chunks, v.source, rowOf(key), b.add(block.chunk, i),
                         block.isTail && i + 1 == block.chunks);
  };
  SmallVector<Value> even, all;
  for (int64_t i = 0; i < block.chunks; ++i) {
    even.push_back(load(n, i));
    b.keepOrder();
  }
  for (int64_t i = 0; i < block.chunks; ++i) {
    Value odd = load(b.add(n, 1), i);
    all.append({pairRows(b, even[i], odd, 0), pairRows(b, even[i], odd, 1)});
  }
  return all;
}

Value BlockProduct::added(Value value, const Weight &weight, Value sum) {
  if (v.step == ValueStep::Pairs)
    return b.dotPairs(value, weight.number, sum);
  Value next = b.fma(value, weight.number, sum);
  return weight.excluded ? b.select(weight.excluded, sum, next) : next;
}

/// Weight of row `r` for key `n`, in every lane.
BlockProduct::Weight BlockProduct::loadWeight(Value n, int64_t r) {
  Value weight = v.weight(n, block.row, r), excluded;
  if (v.step == ValueStep::Strict)
    excluded = b.compare(arith::CmpIPredicate::eq,
                         arith::BitcastOp::create(b, b.getI32Type(), weight), b.i32(INT32_MIN));
  return {b.broadcast(weight), excluded};
}

/// The fewer of a key's values and weights are loaded first, so that registers hold them while the
/// others pass by.
SmallVector<Value> BlockProduct::addKey(Value n, ValueRange sums) {
  SmallVector<Value> next(sums), values;
  auto loadValues = [&](int64_t i) {
    llvm::append_range(values,
                       loadKey(n, b.add(block.chunk, i), block.isTail && i + 1 == block.chunks));
  };
  auto addTo = [&](int64_t r, int64_t i, const Weight &weight) {
    Value &sum = next[r * width + i];
    sum = added(values[i], weight, sum);
  };
  if (width <= block.rows) {
    for (int64_t i = 0; i < block.chunks; ++i)
      loadValues(i);
    for (int64_t r = 0; r < block.rows; ++r) {
      Weight weight = loadWeight(n, r);
      for (int64_t i = 0; i < width; ++i)
        addTo(r, i, weight);
    }
    return next;
  }
  SmallVector<Weight> weights;
  for (int64_t r = 0; r < block.rows; ++r)
    weights.push_back(loadWeight(n, r));
  if (block.rows == 1 && v.step == ValueStep::Pairs) {
    values = loadPairOfRows(n);
    for (int64_t i = 0; i < width; ++i)
      addTo(0, i, weights[0]);
    return next;
  }
  for (int64_t chunk = 0, i = 0; chunk < block.chunks; ++chunk)
    for (loadValues(chunk); i < static_cast<int64_t>(values.size()); ++i)
      for (int64_t r = 0; r < block.rows; ++r)
        addTo(r, i, weights[r]);
  return next;
}

SmallVector<Value> attn::loadPairs(CpuBuilder &b, const ValueRows &values, Value n, Value chunk) {
  auto load = [&](Value key) {
    RowIndex at(values.place);
    at.push_back(b.add(values.first, key));
    return loadHalfWords(b, values.chunks, values.source, at, chunk, /*isTail=*/false);
  };
  Value even = load(n), odd = load(b.add(n, 1));
  return {pairRows(b, even, odd, 0), pairRows(b, even, odd, 1)};
}

void attn::addValueBlock(CpuBuilder &b, const ValueRows &values, const ValueBlock &block,
                         Value first, Value end) {
  BlockProduct product(b, values, block);
  SmallVector<Value> sums =
      product.loadSums(b.compare(arith::CmpIPredicate::eq, first, b.index(0)));
  sums = b.loop(first, end, values.step == ValueStep::Pairs ? 2 : 1, sums,
                [&](Value n, ValueRange args) {
                  if (values.ask)
                    values.ask(n);
                  return product.addKey(n, args);
                });
  product.storeSums(sums);
}

namespace {
/// A turn of `weaveValueRows`.
class WovenTurn {
public:
  WovenTurn(CpuBuilder &b, const ValueRows &v, const ValueWeave &weave, Value row, Value first)
      : b(b), v(v), weave(weave), row(row), first(first),
        before(b.sub(first, b.index(weave.keys(v.chunks)))), pieces(weave.pieces(v.chunks)) {}

  void emit();

private:
  BlockProduct productOf(Value firstRow, int64_t rows, Value chunk, int64_t chunks) {
    return {b, v, ValueBlock{firstRow, rows, chunk, chunks, false}};
  }
  SmallVector<Value> addPiece(Value piece, Value wasFirst, ValueRange whole);
  SmallVector<Value> addKey(BlockProduct &others, Value key, Value number, ValueRange sums);

  CpuBuilder &b;
  const ValueRows &v;
  const ValueWeave &weave;
  Value row, first, before;
  int64_t pieces;
};
} // namespace

/// Adds new key `key` to the row's sums, a piece at a time, and behind each piece one of the keys
/// before, from `number` times the pieces on, to those of the other rows, which follow them.
SmallVector<Value> WovenTurn::addKey(BlockProduct &others, Value key, Value number,
                                     ValueRange sums) {
  int64_t part = weave.chunks * v.chunks.vectors;
  SmallVector<Value> next, rest(sums.drop_front(pieces * part));
  for (int64_t n = 0; n < pieces; ++n) {
    BlockProduct some = productOf(row, 1, b.index(n * weave.chunks), weave.chunks);
    llvm::append_range(next, some.addKey(key, sums.slice(n * part, part)));
    b.keepOrder(); // the weight leaves its register
    rest = others.addKey(b.add(before, b.add(b.mul(number, b.index(pieces)), n)), rest);
    b.keepOrder();
  }
  llvm::append_range(next, rest);
  return next;
}

/// The new keys of a piece, and all keys before for that piece of the other rows' columns.
SmallVector<Value> WovenTurn::addPiece(Value piece, Value wasFirst, ValueRange whole) {
  BlockProduct others =
      productOf(b.add(row, 1), weave.others, b.mul(piece, b.index(weave.chunks)), weave.chunks);
  SmallVector<Value> sums(whole);
  llvm::append_range(sums, others.loadSums(wasFirst));
  Value start = b.add(first, b.mul(piece, b.index(weave.perPiece)));
  sums = b.loop(b.index(0), b.index(weave.perPiece), 1, sums,
                [&](Value i, ValueRange args) { return addKey(others, b.add(start, i), i, args); });
  others.storeSums(ArrayRef<Value>(sums).drop_front(whole.size()));
  sums.resize(whole.size());
  return sums;
}

void WovenTurn::emit() {
  Value wasFirst = b.compare(arith::CmpIPredicate::eq, before, b.index(0));
  BlockProduct whole = productOf(row, 1, b.index(0), v.chunks.chunks);
  SmallVector<Value> sums = whole.loadSums(b.boolean(false));
  whole.storeSums(b.loop(b.index(0), b.index(pieces), 1, sums, [&](Value piece, ValueRange args) {
    return addPiece(piece, wasFirst, args);
  }));
}

void attn::weaveValueRows(CpuBuilder &b, const ValueRows &values, const ValueWeave &weave,
                          Value row, Value first) {
  WovenTurn(b, values, weave, row, first).emit();
}
