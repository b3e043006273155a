//===- StreamTiles.cpp - products of the stream form on the matrix unit ------===//
//
// Tile register 0 is a sum of scores, 1 queries, 2 keys or values, 3 weights, 4 to 7 are sums of
// values.
//
//===----------------------------------------------------------------------===//
#include "StreamTiles.h"
#include "StreamKernels.h"
#include "TileInstructions.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Words of a row of a whole tile, and its rows.
static constexpr int64_t tileWords = 16;
static constexpr int64_t wordBytes = 4;
static constexpr int64_t scoreTile = 0, queryTile = 1, rightTile = 2, weightTile = 3, sumTile = 4,
                         sumTiles = 4;

void StreamTiles::configure() {
  TileSize columns = {tileWords, static_cast<uint8_t>(plan.scoreColumns() * wordBytes)};
  TileSize someRows = {static_cast<uint8_t>(plan.weightTileRows()), wholeTile.rowBytes};
  configureTiles(b,
                 {columns, columns, wholeTile, someRows, someRows, someRows, someRows, someRows});
}

void StreamTiles::move(StringRef name, int64_t tile, Value address, Value stride) {
  Value wide = arith::IndexCastOp::create(b, b.getI64Type(), stride);
  callTile(b, name, {tile}, {pointerTo(b, address), wide});
}

/// Between a tile register and the rows of a slice of words.
void StreamTiles::load(int64_t tile, Value memref, ArrayRef<Value> at) {
  int64_t columns = cast<MemRefType>(memref.getType()).getDimSize(1);
  move("llvm.x86.tileloadd64", tile, elementAddress(b, memref, at), b.index(columns * wordBytes));
}
void StreamTiles::store(int64_t tile, Value memref, ArrayRef<Value> at) {
  int64_t columns = cast<MemRefType>(memref.getType()).getDimSize(1);
  move("llvm.x86.tilestored64", tile, elementAddress(b, memref, at), b.index(columns * wordBytes));
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Row of the slice of queries that is an operand of a step.
Value StreamTiles::rowOf(Value number, int64_t step) {
  return b.add(b.mul(number, b.index(steps())), step);
}

/// Words of two bf16 from vectors of their values, which bf16 holds.
static Value joinHalves(CpuBuilder &b, Value even, Value odd) {
  auto bits = [&](Value v) -> Value { return arith::BitcastOp::create(b, b.i32Vector(), v); };
  Value low = arith::ShRUIOp::create(b, bits(even), b.splatI32(16));
  return b.either(low, b.both(bits(odd), b.splatI32(-65536)));
}

void StreamTiles::packQueries(Value query, Value tiles, Value block) {
  auto interleave = [&](Value x, Value y) -> Value {
    return vector::InterleaveOp::create(b, x, y);
  };
  for (int64_t step = 0; step < steps(); ++step) {
    SmallVector<Value> words;
    for (int64_t r = 0; r < streamRows; ++r) {
      Value row = b.add(b.mul(block, b.index(streamRows)), r);
      auto half = [&](int64_t i) {
        return b.load(query, {row, queryColumn(b, plan, b.index(step), i)}, b.f32Vector());
      };
      words.push_back(joinHalves(b, half(0), half(1)));
    }
    Value all = interleave(interleave(words[0], words[2]), interleave(words[1], words[3]));
    auto floats = VectorType::get(tileWords * streamRows, b.getF32Type());
    storeColumns(vector::BitCastOp::create(b, floats, all), tiles, block, step);
  }
}

/// Four columns of the operand of a step.
void StreamTiles::storeColumns(Value words, Value tiles, Value block, int64_t step) {
  int64_t columns = plan.scoreColumns(), blocks = columns / streamRows;
  Value row = rowOf(b.div(block, b.index(blocks)), step);
  if (blocks == 1)
    return b.store(words, tiles, {row, b.index(0)});
  Value column = b.mul(b.rem(block, b.index(blocks)), b.index(streamRows));
  for (int64_t word = 0; word < tileWords; ++word) {
    Value four =
        vector::ExtractStridedSliceOp::create(b, words, ArrayRef<int64_t>{word * streamRows},
                                              ArrayRef<int64_t>{streamRows}, ArrayRef<int64_t>{1});
    b.store(four, tiles, {row, b.add(column, word * columns)});
  }
}

void StreamTiles::score(Value source, const RowIndex &first, Value tiles, const Scores &scores,
                        function_ref<void(int64_t)> between) {
  auto strides = memref::ExtractStridedMetadataOp::create(b, source).getStrides();
  int64_t bytes = cast<MemRefType>(source.getType()).getElementTypeBitWidth() / 8;
  Value stride = b.mul(strides[first.size() - 1], b.index(bytes));
  Value address = elementAddress(b, source, first);
  Value queryBytes = b.index(plan.scoreColumns() * wordBytes);
  callTile(b, "llvm.x86.tilezero", {scoreTile});
  for (int64_t step = 0; step < steps(); ++step) {
    Value words = elementAddress(b, tiles, {rowOf(scores.number, step), b.index(0)});
    move("llvm.x86.tileloadd64", queryTile, words, queryBytes);
    move("llvm.x86.tileloadd64", rightTile, b.add(address, step * tileWords * wordBytes), stride);
    callTile(b, "llvm.x86.tdpbf16ps", {scoreTile, rightTile, queryTile});
    between(step);
  }
  if (plan.weightTiles)
    return store(scoreTile, scores.memref,
                 {scores.n, b.mul(scores.number, b.index(plan.scoreColumns()))});
  SmallVector<Value> at = {scores.number, b.mul(scores.n, b.index(streamRows))};
  move("llvm.x86.tilestored64", scoreTile, elementAddress(b, scores.memref, at), queryBytes);
}

Value StreamTiles::packScores(Value scores, Value block, Value n) {
  auto four = VectorType::get(streamRows, b.getF32Type());
  Value packed = b.splat(0), column = b.mul(block, b.index(streamRows));
  for (int64_t key = 0; key < plan.packedKeys(); ++key)
    packed = vector::InsertStridedSliceOp::create(b, b.load(scores, {b.add(n, key), column}, four),
                                                  packed, ArrayRef<int64_t>{key * streamRows},
                                                  ArrayRef<int64_t>{1});
  return packed;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void StreamTiles::storeWeights(Value first, Value second, Value weights, Value row, Value n) {
  int64_t keys = 2 * b.lanes() / streamRows;
  SmallVector<int64_t> order;
  for (int64_t r = 0; r < streamRows; ++r)
    for (int64_t key = 0; key < keys; ++key)
      order.push_back(key * streamRows + r);
  Value halves = vector::ShuffleOp::create(b, b.narrow(first, b.getBF16Type()),
                                           b.narrow(second, b.getBF16Type()), order);
  Value words = vector::BitCastOp::create(b, b.f32Vector(), halves);
  for (int64_t r = 0; r < streamRows; ++r) {
    Value part =
        vector::ExtractStridedSliceOp::create(b, words, ArrayRef<int64_t>{r * keys / 2},
                                              ArrayRef<int64_t>{keys / 2}, ArrayRef<int64_t>{1});
    b.store(part, weights, {b.add(row, r), b.div(n, b.index(2))});
  }
}

void StreamTiles::weaveValues(const ValueRows &values, Value first, Value words, Value row) {
  b.loop(b.index(0), b.index(scoreKeys), 2, [&](Value n) {
    if (values.ask)
      values.ask(b.add(first, n));
    for (int64_t i = 0; i < values.chunks.chunks; ++i) {
      auto pair = loadPairs(b, values, b.add(first, n), b.index(i));
      for (auto [half, vector] : llvm::enumerate(pair)) {
        Value column = b.index((2 * i + static_cast<int64_t>(half)) * b.lanes());
        Value floats = arith::BitcastOp::create(b, b.f32Vector(), vector);
        b.store(floats, words, {b.add(row, b.div(n, b.index(2))), column});
      }
    }
  });
}

int64_t StreamTiles::columnTiles() const { return plan.vSize / tileWords; }

/// Up to `sumTiles` tiles of columns.
void StreamTiles::addColumns(const Columns &c, function_ref<void(int64_t)> between) {
  auto columnOf = [&](int64_t tile) -> Value { return b.index((c.first + tile) * tileWords); };
  load(weightTile, c.weights, {c.row, b.div(c.n, b.index(2))});
  for (int64_t tile = 0; tile < c.tiles; ++tile)
    load(sumTile + tile, c.accumulator, {c.row, columnOf(tile)});
  for (int64_t tile = 0; tile < c.tiles; ++tile) {
    load(rightTile, c.words, {b.index(0), columnOf(tile)});
    callTile(b, "llvm.x86.tdpbf16ps", {sumTile + tile, weightTile, rightTile});
    between(c.first + tile);
  }
  for (int64_t tile = 0; tile < c.tiles; ++tile)
    store(sumTile + tile, c.accumulator, {c.row, columnOf(tile)});
}

void StreamTiles::addValues(Value weights, Value words, Value accumulator, Value rows, Value n,
                            function_ref<void(Value, int64_t)> between) {
  b.loop(b.index(0), rows, plan.weightTileRows(), [&](Value row) {
    for (int64_t tile = 0; tile < columnTiles(); tile += sumTiles)
      addColumns(
          {weights, words, accumulator, row, n, tile, std::min(sumTiles, columnTiles() - tile)},
          [&](int64_t product) { between(row, product); });
  });
}
