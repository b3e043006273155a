//===- StreamQueries.cpp - packed queries of a stream kernel ----------------===//
//
// Pairs (position, head) are no box, so threads gather the rows, in the layout that the products
// read: chunks of columns, 16-byte pieces permuted by the swizzle. Rows that are not live hold what
// happens to lie there: rows do not mix, and nobody stores theirs.
//
//===----------------------------------------------------------------------===//
#include "WarpgroupStream.h"

using namespace mlir;
using namespace mlir::attn;

/// Up to this many rows, the place of 64 holds the queries of two units.
static constexpr int64_t rowsOfHalf = 32;

WarpgroupStreamEmitter::QuerySlot WarpgroupStreamEmitter::querySlot(Val number) {
  if (!hasTwoQueryBuffers())
    return {b.i32(0), number & 1};
  Val isHalf = s.rows.lt(b.i32(rowsOfHalf + 1));
  return {isHalf.select(number & 1, b.i32(0)), isHalf.select((number >> 1) & 1, number & 1)};
}

Val WarpgroupStreamEmitter::queryAddress(const QuerySlot &slot) {
  return shared(0) + slot.buffer * (rowsOfHalf * 2 * WarpgroupTile::chunkColumns(t.qkSize));
}

/// A quarter, `sub`, of the 16-byte pieces of a row. Columns up to the end of the chunk are zero.
void WarpgroupStreamEmitter::gatherRow(const StreamUnit &unit, Val target, Val inTile, Val sub) {
  int64_t rowBytes = 2 * WarpgroupTile::chunkColumns(t.qkSize), perChunk = rowBytes / 16;
  int64_t pieces = WarpgroupTile::chunks(t.qkSize) * perChunk, filled = t.qkSize / 8;
  Row row = rowOfTile(unit, inTile);
  Val head = headFrom(plan.heads.query, row.head, "query_heads");
  Val start = (unit.batch.wide() * s.queryBatch + head.wide() * s.queryHead +
               row.position.wide() * s.queryRow)
              << 1;
  Value line = b.pointerAt(s.query, start, 1);
  Val from = b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), line)), at0 = inTile * rowBytes;
  Val swizzle = ((at0 >> 7) & (perChunk - 1)) << 4;
  for (int64_t first = 0; first < pieces; first += 4) {
    Val piece = sub + first, bytes = row.isLive.select(b.i32(16), b.i32(0));
    if (first + 4 > filled)
      bytes = piece.lt(b.i32(filled)).select(bytes, b.i32(0));
    Val within = ((sub + first % perChunk) << 4) ^ swizzle;
    Val to = target + at0 + within + first / perChunk * (64 * rowBytes);
    // Nothing is read where nothing is there.
    Val source = from + bytes.ne(0).select(piece << 4, b.i32(0)).wide();
    auto copy = [&] {
      b.ptx("cp.async.cg.shared.global [$0], [$1], 16, $2;", {to, source, bytes});
    };
    if (first + 4 > pieces)
      b.ifThen(piece.lt(b.i32(pieces)), copy);
    else
      copy();
  }
}

/// Some threads, of which this is number `number`: queries of the next unit arrive while this one
/// is computed.
void WarpgroupStreamEmitter::emitQueryLoader(Val number, int64_t threads) {
  int64_t atOnce = threads / 4;
  walk({b.i32(0)}, [&](const StreamUnit &unit, Vals it) -> Vals {
    QuerySlot slot = querySlot(it[0]);
    beginUnit(it[0]);
    wait(queryBarrier(queryEmpty, slot), slot.parity ^ 1);
    Val live = (a.queries * groups.size - unit.firstRow).min(64);
    b.loop(b.i32(0), (live + (atOnce - 1)).div(atOnce), {}, [&](Val pass, Vals) -> Vals {
      Val row = pass * atOnce + (number >> 2);
      b.ifThen(row.lt(live), [&] { gatherRow(unit, queryAddress(slot), row, number & 3); });
      return {};
    });
    b.ptx("cp.async.wait_all;\nfence.proxy.async.shared::cta;\n"
          "mbarrier.arrive.release.cta.shared::cta.b64 _, [$0];",
          {queryBarrier(queryFull, slot)});
    return {it[0] + 1};
  });
}
