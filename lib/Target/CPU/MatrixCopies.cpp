//===- MatrixCopies.cpp - key and value tiles for the matrix unit ------------===//
//
// A tile register reads 16 rows of 64 bytes. Its 1 KiB is contiguous in the workspace, and tiles
// follow each other as the products read them.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "MatrixKernels.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// bf16 elements of a row of a tile, and keys or value columns of a block of two tiles.
static constexpr int64_t rowElements = 32, blockRows = 32;

/// Key rows as they lie, zeros behind a row's end and in the rows from `live` to `padded`.
void ItemFunction::packKeyTiles(Value first, Value live, Value padded) {
  Value source = mapped(plan.work.getKey()), target = slice(plan.keyTile, b.getBF16Type());
  b.loop(b.index(0), live, 1, [&](Value row) {
    SmallVector<Value> at = {context.batch, keyHead, b.add(first, row)};
    forColumns(plan.qkSize, rowElements, [&](Value d, int64_t count) {
      Value part = padVector(b, loadRow(b, source, at, d, count), rowElements);
      Value step = b.div(d, b.index(rowElements));
      b.store(part, target, {keyTileRow(b, plan, row, step), b.index(0)});
    });
  });
  auto type = VectorType::get(rowElements, b.getBF16Type());
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  b.loop(live, padded, 1, [&](Value row) {
    b.loop(b.index(0), b.index(plan.rowWords() / plan.lanes), 1, [&](Value step) {
      b.store(zeros, target, {keyTileRow(b, plan, row, step), b.index(0)});
    });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Words of the elements of two rows in the same columns: the even columns of both, or the odd
/// ones.
static Value pairColumns(CpuBuilder &b, Value first, Value second, bool odd) {
  Value sixteen = b.splatI32(16), high = b.splatI32(-65536), low = b.splatI32(65535);
  if (odd)
    return b.either(arith::ShRUIOp::create(b, first, sixteen), b.both(second, high));
  return b.either(b.both(first, low), arith::ShLIOp::create(b, second, sixteen));
}

/// The largest magnitude so far, as 16 bits: infinity and NaN have the largest bit patterns.
static Value addMagnitudes(CpuBuilder &b, Value words, Value most) {
  Value bits = vector::BitCastOp::create(b, most.getType(), words);
  auto mask = DenseElementsAttr::get(cast<ShapedType>(most.getType()), int16_t(0x7fff));
  return arith::MaxUIOp::create(b, most, b.both(bits, arith::ConstantOp::create(b, mask)));
}

/// Transposes 32 keys from `n` by `count` value columns from `d` in registers: 32 columns as two
/// squares of 16 words, of the even and of the odd columns; fewer as one. `check` collects the
/// magnitudes.
Value ItemFunction::packValueBlock(Value first, Value n, Value d, int64_t count, Value check) {
  Value source = mapped(plan.work.getValue()), words = slice(plan.valueTile, b.getI32Type());
  Value top = valueTileAt(b, plan, d, b.div(n, b.index(2))).front();
  auto row = [&](int64_t i) {
    Value part =
        loadRow(b, source, {context.batch, valueHead, b.add(first, b.add(n, i))}, d, count);
    return padVector(b, part, count == rowElements ? count : plan.lanes);
  };
  auto store = [&](SmallVector<Value> rows, int64_t columns, int64_t start, int64_t step) {
    for (auto [i, column] : llvm::enumerate(transposeWords(b, std::move(rows))))
      if (auto c = static_cast<int64_t>(i); c < columns)
        b.store(column, words, {b.add(top, start + c * step), b.index(0)});
  };
  SmallVector<Value> rows, even, odd;
  for (int64_t i = 0; i < plan.lanes; ++i) {
    if (count < rowElements) {
      Value pair = vector::InterleaveOp::create(b, row(2 * i), row(2 * i + 1));
      rows.push_back(vector::BitCastOp::create(b, b.i32Vector(), pair));
      check = addMagnitudes(b, rows.back(), check);
      continue;
    }
    Value upper = vector::BitCastOp::create(b, b.i32Vector(), row(2 * i)),
          lower = vector::BitCastOp::create(b, b.i32Vector(), row(2 * i + 1));
    check = addMagnitudes(b, lower, addMagnitudes(b, upper, check));
    even.push_back(pairColumns(b, upper, lower, false));
    odd.push_back(pairColumns(b, upper, lower, true));
  }
  if (count < rowElements)
    return store(rows, count, 0, 1), check;
  store(even, plan.lanes, 0, 2);
  store(odd, plan.lanes, 1, 2);
  return check;
}

/// Key `n` of the tile element by element, or zeros.
void ItemFunction::copyValueKey(Value first, Value n, bool isLive) {
  Value source = mapped(plan.work.getValue()), halves = slice(plan.valueTile, b.getBF16Type());
  b.loop(b.index(0), b.index(plan.vSize), 1, [&](Value d) {
    Value element = isLive
                        ? Value(memref::LoadOp::create(
                              b, source, ValueRange{context.batch, valueHead, b.add(first, n), d}))
                        : b.narrow(b.f32(0), b.getBF16Type());
    SmallVector<Value> at = valueTileAt(b, plan, d, b.div(n, b.index(2)));
    at[1] = b.add(b.mul(at[1], b.index(2)), b.rem(n, b.index(2)));
    memref::StoreOp::create(b, element, halves, at);
  });
}

/// Asks for the values of a block of keys from `key`: a block reads 32 rows a line at a time, which
/// the processor does not foresee.
void ItemFunction::askForValues(Value key) {
  constexpr int64_t secondLevel = 2;
  Value source = mapped(plan.work.getValue());
  b.loop(b.index(0), b.index(blockRows), 1, [&](Value i) {
    b.prefetch(source, {context.batch, valueHead, b.add(key, i)}, plan.vSize, secondLevel);
  });
}

/// Words of keys 2n and 2n + 1, a row for each value column. The last block of a short tile is
/// copied element by element, with zeros behind. Gives whether all values are finite.
Value ItemFunction::packValueTiles(Value first, Value live, Value padded) {
  auto bits = VectorType::get(2 * plan.lanes, b.getI16Type());
  Value check = arith::ConstantOp::create(b, b.getZeroAttr(bits));
  Value whole = b.mul(b.div(live, b.index(blockRows)), b.index(blockRows));
  int64_t wide = plan.vSize / rowElements * rowElements;
  auto packBlocks = [&](Value n, ValueRange args) {
    SmallVector<Value> most(args);
    askForValues(b.add(first, b.add(n, b.index(blockRows))));
    if (wide > 0)
      most = b.loop(b.index(0), b.index(wide), rowElements, most, [&](Value d, ValueRange inner) {
        return SmallVector<Value>{packValueBlock(first, n, d, rowElements, inner.front())};
      });
    for (int64_t d = wide; d < plan.vSize; d += plan.lanes)
      most = {
          packValueBlock(first, n, b.index(d), std::min(plan.lanes, plan.vSize - d), most.front())};
    return most;
  };
  check = b.loop(b.index(0), whole, blockRows, check, packBlocks).front();

  Value none = arith::ConstantOp::create(
      b, b.getZeroAttr(VectorType::get(checkWidth(plan), b.getF32Type())));
  SmallVector<Value> sums(checkChains, none);
  sums = b.loop(whole, live, 1, sums, [&](Value n, ValueRange args) {
    copyValueKey(first, n, true);
    SmallVector<Value> at = {context.batch, valueHead, b.add(first, n)}, next(args);
    addToCheck(mapped(plan.work.getValue()), at, next);
    return next;
  });
  Value sum = b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3]));
  b.loop(live, padded, 1, [&](Value n) { copyValueKey(first, n, false); });

  auto infinity = DenseElementsAttr::get(cast<ShapedType>(bits), int16_t(0x7f80));
  Value small = b.compare(arith::CmpIPredicate::ult, check, arith::ConstantOp::create(b, infinity));
  Value ordered = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, sum, sum);
  return b.both(vector::ReductionOp::create(b, vector::CombiningKind::AND, small),
                vector::ReductionOp::create(b, vector::CombiningKind::AND, ordered));
}
