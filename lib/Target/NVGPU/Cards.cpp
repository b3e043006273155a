//===- Cards.cpp - what a warpgroup does in a tile of rows ------------------------===//
//
// The query producer, which waits most of the time, works out heads, rows and key ranges and leaves
// them as nine words in shared memory, behind the same barrier as the queries. Consumers would
// spend some hundred dependent instructions on it before their first product.
//
// Cards are a ring of four: the number of a tile is published when the tile three before it is
// done.
//
//===----------------------------------------------------------------------===//
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

Val WarpgroupEmitter::cardAddress(Val number, Val consumer) {
  Val card = (number & (WarpgroupTile::cards - 1)) * t.consumers + consumer;
  return shared(at.cards) + card * WarpgroupTile::cardBytes;
}

/// The query producer's thread; its arrival at the queries' barrier comes later.
void WarpgroupEmitter::writeCard(QueryTile &tile, int64_t consumer) {
  tile.firstRow = tile.rowTile * t.rows() + 64 * consumer;
  rangesOf(tile, 64);
  if (plan.lazy) {
    Val exact = tile.word.ge(exactBit); // everything in the exact loop
    tile.edge = exact.select(tile.count, tile.edge);
    tile.edge2 = exact.select(tile.count, tile.edge2);
  }
  Val at0 = cardAddress(tile.number, b.i32(consumer));
  b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};\nst.shared.v4.b32 [$0+16], {$5, $6, $7, $8};\n"
        "st.shared.b32 [$0+32], $9;",
        {at0, tile.rowTile, tile.batch, tile.head, tile.word, tile.count, tile.skip, tile.edge,
         tile.edge2, tile.last});
}

/// A consumer, behind the queries' barrier. Loop bounds are made provably uniform.
void WarpgroupEmitter::readCard(QueryTile &tile) {
  SmallVector<Type> words(5, b.getI32Type());
  Vals card = b.ptx("ld.shared.v4.b32 {$0, $1, $2, $3}, [$5+16];\nld.shared.b32 $4, [$5+32];", {},
                    words, {cardAddress(tile.number, group)});
  tile.count = b.uniform(card[0]), tile.skip = b.uniform(card[1]);
  tile.edge = ends.right || plan.lazy ? b.uniform(card[2]) : tile.skip + 1;
  tile.edge2 = ends.left ? b.uniform(card[3]) : tile.count;
  tile.last = card[4];
  tile.keepsReference = tile.edge.lt(tile.edge2);
  placeRows(tile);
}

/// Rows, heads and the tile's number, read from memory: nothing of it stays in registers from the
/// start of a tile to its results, nor from tile to tile what depends on the thread alone.
void WarpgroupEmitter::placeRows(QueryTile &tile) {
  SmallVector<Type> words(5, b.getI32Type());
  Vals card = b.ptx("ld.shared.v4.b32 {$0, $1, $2, $3}, [$5];\nmov.u32 $4, %tid.x;", {}, words,
                    {cardAddress(tile.number, group)});
  tile.rowTile = card[0], tile.batch = card[1], tile.head = card[2], tile.word = card[3];
  maskBatch = tile.batch;
  tile.lane = card[4] & 31, tile.warp = (card[4] >> 5) & 3;
  tile.firstRow = tile.rowTile * t.rows() + (group << 6);
  tile.row = tile.firstRow + (tile.warp << 4) + (tile.lane >> 2);
}
