//===- TilePlaces.cpp - where the products find the keys and values of a tile ===//
//
// The products read rows one behind the other. Where memory holds them so, and in the products' own
// words, they are read there: a copy waits for memory while nothing is multiplied. Other tiles, and
// those at a ragged end, whose last register block would read behind the last row, are copied.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "MatrixKernels.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Whether the rows of a head are neighbours in memory.
static Value areNeighbours(CpuBuilder &b, Value memref) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  int64_t size = cast<MemRefType>(memref.getType()).getDimSize(3);
  return b.compare(arith::CmpIPredicate::eq, metadata.getStrides()[2], b.index(size));
}

/// Rows from number `first` of a head as a tile of `type`.
static Value rowsInMemory(CpuBuilder &b, Value memref, ArrayRef<Value> first, MemRefType type) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value offset = metadata.getOffset();
  for (auto [index, stride] : llvm::zip(first, metadata.getStrides()))
    offset = b.add(offset, b.mul(index, stride));
  return memref::ReinterpretCastOp::create(b, type, metadata.getBaseBuffer(), offset, ValueRange(),
                                           ValueRange(), ArrayRef<int64_t>{ShapedType::kDynamic},
                                           type.getShape(),
                                           cast<StridedLayoutAttr>(type.getLayout()).getStrides());
}

/// The tile in memory if it may be read there, or a copy that `pack` makes.
Value ItemFunction::placeRows(const TileRows &rows, Value isWhole, function_ref<void()> pack) {
  Value copied = memref::CastOp::create(b, rows.type, slice(rows.copy, rows.type.getElementType()));
  if (!rows.areWords) {
    pack();
    return copied;
  }
  Value direct = b.both(isWhole, areNeighbours(b, rows.memref));
  b.when(b.negate(direct), pack);
  return b.select(direct, rowsInMemory(b, rows.memref, rows.first, rows.type), copied);
}

/// Sets `keyTile`, `valueTile` and `finiteKeys` for the keys of a range.
void ItemFunction::placeTile(KeyRange keys) {
  Value live = b.sub(keys.high, keys.low), padded = paddedKeys(keys);
  if (plan.tiles)
    return placeMatrixTile(keys.low, live, padded);
  PanelKernels kernels(b, plan, name);
  Value isWhole = b.compare(arith::CmpIPredicate::sle, b.add(keys.low, padded), context.length);
  keyTile = placeRows({mapped(plan.work.getKey()),
                       {context.batch, keyHead, keys.low},
                       plan.keyTile,
                       kernels.keyTileType(),
                       plan.keysAreWords()},
                      isWhole, [&] { packKeys(keys.low, live, padded); });
  valueTile = plan.sharesTile ? valueColumns(kernels.valueTileType())
                              : placeRows({mapped(plan.work.getValue()),
                                           {context.batch, valueHead, keys.low},
                                           plan.valueTile,
                                           kernels.valueTileType(),
                                           plan.valuesAreWords()},
                                          isWhole, [&] { packValues(keys.low, live, padded); });
  auto rowOf = [&](Value key) { return plan.pairs ? b.div(key, b.index(2)) : key; };
  auto check = [&](Value n) { return checkValues(rowOf(n), rowOf(b.add(n, plan.keyStep()))); };
  finiteKeys = keysBeforeInfinite(checkValues(b.index(0), rowOf(padded)), padded, check);
}

void ItemFunction::placeMatrixTile(Value first, Value live, Value padded) {
  packKeyTiles(first, live, padded);
  Value finite = packValueTiles(first, live, padded);
  keyTile = slice(plan.keyTile, plan.wordType());
  valueTile = slice(plan.valueTile, plan.wordType());
  finiteKeys = keysBeforeInfinite(finite, padded, [&](Value n) { return checkValueTile(n); });
}

/// The first columns of the key tile.
Value ItemFunction::valueColumns(MemRefType type) {
  const int64_t zeros[] = {0, 0}, ones[] = {1, 1};
  return memref::SubViewOp::create(b, type, keyTile, ValueRange(), ValueRange(), ValueRange(),
                                   zeros, type.getShape(), ones);
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

/// bf16 without its sign; infinity, which only NaNs exceed.
static constexpr int16_t withoutSign = 0x7fff, infiniteBits = 0x7f80;

static Value splatBits(CpuBuilder &b, VectorType type, int16_t bits) {
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
}

/// Of pairs the largest bits; of float32 sums of 0 * value, NaN after an infinity or NaN.
static Value addWords(CpuBuilder &b, Value words, Value check, bool pairs) {
  Value clean = arith::ConstantOp::create(b, b.getZeroAttr(check.getType()));
  if (!pairs)
    return b.fma(words, clean, check);
  auto type = cast<VectorType>(check.getType());
  Value bits = vector::BitCastOp::create(b, type, words);
  return arith::MaxUIOp::create(b, b.both(bits, splatBits(b, type, withoutSign)), check);
}

static Value isClean(CpuBuilder &b, ArrayRef<Value> checks, bool pairs) {
  Value joined = checks.front();
  for (Value check : checks.drop_front())
    joined = pairs ? Value(arith::MaxUIOp::create(b, joined, check)) : b.addf(joined, check);
  Value clean;
  if (pairs)
    clean = b.compare(arith::CmpIPredicate::ult, joined,
                      splatBits(b, cast<VectorType>(joined.getType()), infiniteBits));
  else
    clean = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, joined, joined);
  return vector::ReductionOp::create(b, vector::CombiningKind::AND, clean);
}

/// Keys of the tile in front of the first block with a value that is not finite, all of a tile if
/// there is none: `isFinite` tells of the block from key `n` on. Nothing is searched where all
/// `padded` keys are finite.
Value ItemFunction::keysBeforeInfinite(Value finite, Value padded,
                                       function_ref<Value(Value n)> isFinite) {
  Value all = b.index(plan.keys), searched = b.select(finite, b.index(0), padded);
  auto search = [&](Value n, ValueRange args) {
    Value found = b.select(isFinite(n), all, n);
    return SmallVector<Value>{b.minimum(args.front(), found)};
  };
  return b.loop(b.index(0), searched, plan.keyStep(), all, search).front();
}

/// Whether rows [from, to) of the value tile are finite. The last vector overlaps.
Value ItemFunction::checkValues(Value from, Value to) {
  int64_t width = checkWidth(plan);
  auto type = VectorType::get(width, plan.wordType());
  auto checked = plan.pairs ? VectorType::get(2 * width, b.getI16Type()) : type;
  Value clean = arith::ConstantOp::create(b, b.getZeroAttr(checked));
  SmallVector<Value> starts(checkChains, clean);
  SmallVector<Value> checks = b.loop(from, to, 1, starts, [&](Value row, ValueRange args) {
    SmallVector<Value> next(args);
    int64_t chain = 0;
    for (int64_t d = 0; d < plan.vSize; d += width) {
      Value words = b.load(valueTile, {row, b.index(std::min(d, plan.vSize - width))}, type);
      Value &check = next[chain++ % checkChains];
      check = addWords(b, words, check, plan.pairs);
    }
    return next;
  });
  return isClean(b, checks, plan.pairs);
}

/// Whether the values of a block of keys from `n` on, in matrix tiles, are finite.
Value ItemFunction::checkValueTile(Value n) {
  auto words = VectorType::get(plan.keyStep() / 2, plan.wordType());
  auto bits = VectorType::get(plan.keyStep(), b.getI16Type());
  Value clean = arith::ConstantOp::create(b, b.getZeroAttr(bits)), word = b.div(n, b.index(2));
  auto addColumn = [&](Value d, ValueRange args) {
    Value column = b.load(valueTile, valueTileAt(b, plan, d, word), words);
    return SmallVector<Value>{addWords(b, column, args.front(), /*pairs=*/true)};
  };
  SmallVector<Value> check = b.loop(b.index(0), b.index(plan.vSize), 1, clean, addColumn);
  return isClean(b, check, /*pairs=*/true);
}
