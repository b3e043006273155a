//===- QueryFragments.cpp - queries that stay in registers -------------------===//
//
// The tensor cores read their left operand from registers or from shared memory. From there it
// costs the other instructions of the multiprocessor more: they wait for operands. Small head sizes
// have few columns, so the queries of a whole tile are loaded once and stay, and the next tile's
// may arrive.
//
//===----------------------------------------------------------------------===//
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

/// The left operands of all steps of 16 columns, four registers each. The copy engine left chunks
/// of 64 rows whose 16-byte units are permuted: bits 7 and up of a unit's address, as many as a row
/// has units, turn its number within the row.
Vals WarpgroupEmitter::loadQueries(Val buffer) {
  int64_t columns = WarpgroupTile::chunkColumns(t.qkSize), rowBytes = 2 * columns,
          units = rowBytes / 16;
  Val row = (((thread >> 5) & 3) << 4) + (lane & 15),
      turn = (lane >> llvm::Log2_64(static_cast<uint64_t>(128 / rowBytes))) & (units - 1);
  Val unit = ((lane >> 4) ^ turn) << 4;
  Val tile = base + (buffer * t.consumers + group) * t.queryBytesPerGroup() + row * rowBytes;
  Vals all;
  for (int64_t at = 0; at < t.qkSize; at += 16) {
    SmallVector<Type> words(4, b.getI32Type());
    Val address = tile + (at / columns * 64 * rowBytes) + (unit ^ (at % columns * 2));
    llvm::append_range(all, b.ptx("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, "
                                  "[$4];",
                                  {}, words, {address}));
  }
  return all;
}
