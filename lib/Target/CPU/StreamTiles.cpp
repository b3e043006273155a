//===- StreamTiles.cpp - scores of the stream form on the matrix unit --------===//
//
// Tile registers 0 and 1 are sums, 2 and 3 keys, 4 to 7 queries.
//
//===----------------------------------------------------------------------===//
#include "StreamTiles.h"
#include "StreamKernels.h"
#include "TileInstructions.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Words of a row of keys in a tile: as many rows has a tile of queries.
static constexpr int64_t tileWords = 16;
static constexpr int64_t wordBytes = 4, queryRowBytes = streamRows * wordBytes;
static constexpr int64_t sumTile = 0, keyTile = 2, queryTile = 4;

void StreamTiles::configure(CpuBuilder &b) {
  constexpr TileSize fourColumns = {16, queryRowBytes};
  configureTiles(b, {fourColumns, fourColumns, wholeTile, wholeTile, fourColumns, fourColumns,
                     fourColumns, fourColumns});
}

/// Row of the slice of queries that is a block's operand of a step.
Value StreamTiles::rowOf(Value block, int64_t step) {
  return b.add(b.mul(block, b.index(steps())), step);
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
        return b.load(query, {row, b.index((2 * step + i) * plan.lanes)}, b.f32Vector());
      };
      words.push_back(joinHalves(b, half(0), half(1)));
    }
    Value all = interleave(interleave(words[0], words[2]), interleave(words[1], words[3]));
    auto floats = VectorType::get(tileWords * streamRows, b.getF32Type());
    b.store(vector::BitCastOp::create(b, floats, all), tiles, {rowOf(block, step), b.index(0)});
  }
}

void StreamTiles::score(Value source, const RowIndex &first, Value tiles, Value scores, Value block,
                        Value n) {
  auto wide = [&](Value number) -> Value {
    return arith::IndexCastOp::create(b, b.getI64Type(), number);
  };
  auto strides = memref::ExtractStridedMetadataOp::create(b, source).getStrides();
  int64_t bytes = cast<MemRefType>(source.getType()).getElementTypeBitWidth() / 8;
  Value keyStride = wide(b.mul(strides[first.size() - 1], b.index(bytes)));
  Value rowStride = wide(b.index(queryRowBytes));
  Value keyAddress = elementAddress(b, source, first);
  callTile(b, "llvm.x86.tilezero", {sumTile});
  for (int64_t step = 0; step < steps(); ++step) {
    int64_t key = keyTile + step % 2, query = queryTile + step % 4;
    callTile(b, "llvm.x86.tileloadd64", {query},
             {pointerTo(b, elementAddress(b, tiles, {rowOf(block, step), b.index(0)})), rowStride});
    Value address = b.add(keyAddress, step * tileWords * wordBytes);
    callTile(b, "llvm.x86.tileloadd64", {key}, {pointerTo(b, address), keyStride});
    callTile(b, "llvm.x86.tdpbf16ps", {sumTile, key, query});
  }
  Value to = elementAddress(b, scores, {block, b.mul(n, b.index(streamRows))});
  callTile(b, "llvm.x86.tilestored64", {sumTile}, {pointerTo(b, to), rowStride});
}
