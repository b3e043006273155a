//===- TileCopies.cpp - key and value tiles from memory to the workspace -----===//
#include "ItemFunction.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::attn;

/// Pieces of `width` columns, then what is left of `size`.
void ItemFunction::forColumns(int64_t size, int64_t width,
                              function_ref<void(Value, int64_t)> body) {
  int64_t whole = size / width * width;
  if (whole > 0)
    b.loop(b.index(0), b.index(whole), width, [&](Value first) { body(first, width); });
  if (whole < size)
    body(b.index(whole), size - whole);
}

/// `count` elements of a row, as they are.
Value attn::loadRow(CpuBuilder &b, Value memref, ValueRange at, Value column, int64_t count) {
  SmallVector<Value> indices(at);
  indices.push_back(column);
  return b.load(memref, indices,
                VectorType::get(count, cast<MemRefType>(memref.getType()).getElementType()));
}

/// `count` elements of a row as float32.
Value ItemFunction::loadWide(Value memref, ValueRange at, Value column, int64_t count) {
  return b.widen(loadRow(b, memref, at, column, count));
}

static Value zeros(CpuBuilder &b, int64_t count, Type element) {
  return arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(count, element)));
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// Copies a key tile to the workspace, as float32 or as it is. Rows from `live` to `padded` become
/// zero; their memory is not read.
void ItemFunction::packKeys(Value first, Value live, Value padded) {
  Value source = mapped(plan.work.getKey());
  Type element = plan.pairs ? Type(b.getBF16Type()) : Type(b.getF32Type());
  Value target = slice(plan.keyTile, element);
  b.loop(b.index(0), live, 1, [&](Value row) {
    SmallVector<Value> at = {context.batch, keyHead, b.add(first, row)};
    forColumns(plan.qkSize, plan.pairs ? 2 * plan.lanes : plan.lanes, [&](Value d, int64_t count) {
      Value part = loadRow(b, source, at, d, count);
      b.store(plan.pairs ? part : b.widen(part), target, {row, d});
    });
    if (plan.pairs && plan.qkSize < 2 * plan.rowWords())
      b.store(zeros(b, 2 * plan.rowWords() - plan.qkSize, element), target,
              {row, b.index(plan.qkSize)});
  });
  Value words = slice(plan.keyTile, plan.wordType());
  b.loop(live, padded, 1, [&](Value row) {
    forColumns(plan.rowWords(), plan.lanes, [&](Value d, int64_t count) {
      b.store(zeros(b, count, plan.wordType()), words, {row, d});
    });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Width of the vectors that look for values that are not finite.
int64_t attn::checkWidth(const WorkPlan &plan) {
  return static_cast<int64_t>(
      llvm::bit_floor(static_cast<uint64_t>(std::min(plan.lanes, plan.vSize))));
}

/// Adds 0 * row to the sums in turn: zero as long as all values are finite, NaN after an infinity
/// or NaN. The last vector overlaps.
void ItemFunction::addToCheck(Value source, ValueRange at, SmallVector<Value> &sums) {
  int64_t width = checkWidth(plan);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(sums.front().getType()));
  int64_t chain = 0;
  for (int64_t d = 0; d < plan.vSize; d += width) {
    Value first = b.index(std::min(d, plan.vSize - width));
    Value &sum = sums[chain++ % checkChains];
    sum = b.fma(loadWide(source, at, first, width), zero, sum);
  }
}

/// Copies the rows of a value tile to the workspace as words. Rows from `live` to `padded` become
/// zero; their memory is not read.
void ItemFunction::packValues(Value first, Value live, Value padded) {
  plan.pairs ? packValuePairs(first, live) : copyValues(first, live);
  Value target = slice(plan.valueTile, plan.wordType());
  Value used = plan.pairs ? b.ceilDiv(live, 2) : live,
        end = plan.pairs ? b.div(padded, b.index(2)) : padded;
  b.loop(used, end, 1, [&](Value row) {
    forColumns(plan.vSize, plan.lanes, [&](Value d, int64_t count) {
      b.store(zeros(b, count, plan.wordType()), target, {row, d});
    });
  });
}

/// Rows as float32.
void ItemFunction::copyValues(Value first, Value live) {
  Value source = mapped(plan.work.getValue()), target = slice(plan.valueTile, b.getF32Type());
  b.loop(b.index(0), live, 1, [&](Value row) {
    SmallVector<Value> at = {context.batch, valueHead, b.add(first, row)};
    forColumns(plan.vSize, plan.lanes, [&](Value d, int64_t count) {
      b.store(loadWide(source, at, d, count), target, {row, d});
    });
  });
}

/// Words of rows 2n and 2n + 1; the partner of an odd last row is zero.
void ItemFunction::packValuePairs(Value first, Value live) {
  Value source = mapped(plan.work.getValue());
  Type bf16 = b.getBF16Type();
  Value target = slice(plan.valueTile, bf16);
  auto packRow = [&](Value pair, bool isLast) {
    Value row = b.add(first, b.mul(pair, b.index(2)));
    forColumns(plan.vSize, 2 * plan.lanes, [&](Value d, int64_t count) {
      Value even = loadRow(b, source, {context.batch, valueHead, row}, d, count);
      Value odd = isLast ? zeros(b, count, bf16)
                         : loadRow(b, source, {context.batch, valueHead, b.add(row, 1)}, d, count);
      b.store(vector::InterleaveOp::create(b, even, odd), target, {pair, b.mul(d, b.index(2))});
    });
  };
  Value whole = b.div(live, b.index(2));
  b.loop(b.index(0), whole, 1, [&](Value pair) { packRow(pair, false); });
  b.when(b.compare(arith::CmpIPredicate::ne, b.mul(whole, b.index(2)), live),
         [&] { packRow(whole, true); });
}
