//===- WarpTile.h - registers and shared memory of a tile of warps ---------*- C++ -*-===//
//
// The portable form, from Ampere on: warps load key tiles together with asynchronous copies and
// multiply with `mma.sync`. Planning bounds its choice by these sums and the lowering lays memory
// out by them.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_PLANNING_WARPTILE_H
#define ATTN_PLANNING_WARPTILE_H

#include "attn/Planning/TileSizes.h"
#include <algorithm>

namespace mlir::attn {

/// `warps` warps of `rowTiles` times 16 query rows each, and a ring of `stages` key tiles and value
/// tiles. Elements have 16 bits. All sizes in bytes.
struct WarpTile : TileSizes {
  int64_t warps = 0, rowTiles = 0;
  /// Keys whose scores are in registers at once: all of a tile, or a part of it.
  int64_t partKeys = 0;
  /// Queries are read from shared memory once, not once per key tile.
  bool queriesInRegisters = false;
  /// maximum = lazy: no factors of the rows while the accumulator is scaled.
  bool keepsReference = false;
  /// Values are the keys' columns from this one on; -1 for a tensor of their own. All warps then
  /// have the same rows, `rowTiles` times 16: see LatentWarpTile.h.
  int64_t valueColumn = -1;

  /// Packed rows: all warps have the same 16, and each its own keys of a tile, the first quarter,
  /// the second, and so on. What they have found comes together at the end.
  bool sharesRows = false;

  bool isLatent() const { return valueColumn >= 0; }
  int64_t warpRows() const { return 16 * rowTiles; }
  int64_t rows() const { return (isLatent() || sharesRows ? 1 : warps) * warpRows(); }
  /// Keys of a tile that a warp multiplies.
  int64_t warpKeys() const { return sharesRows ? keys / warps : keys; }
  int64_t threads() const { return 32 * warps; }
  int64_t parts() const { return warpKeys() / partKeys; }

  /// Steps of 16 columns that cover a row.
  static int64_t columnSteps(int64_t size) { return (size + 15) / 16; }
  /// Rows in shared memory are whole steps and 16 bytes more: an odd number of 16-byte pieces, so
  /// that pieces of eight rows one below the other, which `ldmatrix` reads at once, lie in
  /// different banks.
  static int64_t rowBytes(int64_t size) { return 32 * columnSteps(size) + 16; }

  int64_t queryBytes() const { return rows() * rowBytes(qkSize); }
  int64_t keyBytes() const { return keys * rowBytes(qkSize); }
  int64_t valueBytes() const { return isLatent() ? 0 : keys * rowBytes(vSize); }
  int64_t keyOffset() const { return queryBytes(); }
  int64_t valueOffset() const { return keyOffset() + stages * keyBytes(); }
  /// Where the keys' and the values' copies start from: an address and a stride each.
  static constexpr int64_t sourceBytes = 16;
  int64_t keySourceOffset() const { return valueOffset() + stages * valueBytes(); }
  int64_t valueSourceOffset() const { return keySourceOffset() + sourceBytes; }
  /// Facts of the block's tile of rows, as words.
  static constexpr int64_t cardBytes = 32;
  int64_t cardOffset() const { return valueSourceOffset() + sourceBytes; }
  /// Warps that share rows leave sums, references and accumulator over the value tiles: beside
  /// those of the keys there are zeros.
  static int64_t sharedWords(int64_t vSize) { return vSize / 2 + 4; }
  int64_t stateBytes() const { return sharesRows ? warps * 32 * 4 * sharedWords(vSize) : 0; }
  /// A word for those who merge parts of a key range.
  int64_t flagOffset() const { return cardOffset() + cardBytes; }
  int64_t sharedBytes() const { return flagOffset() + 16; }

  /// Registers of a thread for `blocks` blocks on a multiprocessor, whose file has 65536 words:
  /// they are handed out in eights, and an instruction can name 255.
  int64_t registersWith(int64_t blocks) const {
    return std::min<int64_t>(255, 65536 / (blocks * threads()) / 8 * 8);
  }
  /// Per tile of rows: scores of a part (whose places the weights take) and, with several parts,
  /// weights of the one before; accumulator; queries or three steps of them on their way; what
  /// masks and score programs need. Then one step of keys, and addresses, references, sums and
  /// counters, as ptxas was seen to need them.
  int64_t neededRegisters() const {
    int64_t scores = partKeys / 2 + (parts() > 1 ? partKeys / 4 : 0);
    int64_t operands = queriesInRegisters ? 4 * columnSteps(qkSize) : 12;
    int64_t perTile = scores + vSize / 2 + operands + codeRegisters;
    return rowTiles * perTile + std::min<int64_t>(16, partKeys / 4) + (keepsReference ? 55 : 59);
  }
  /// Each block takes a kilobyte of shared memory for itself, which a multiprocessor has beyond the
  /// most that one block can ask for.
  static constexpr int64_t reservedBytes = 1024;
  bool holds(int64_t blocks, int64_t sharedLimit) const {
    return neededRegisters() <= registersWith(blocks) && stateBytes() <= stages * valueBytes() &&
           blocks * (sharedBytes() + reservedBytes) <= sharedLimit + reservedBytes;
  }
  /// Blocks that a multiprocessor holds, at most `most`; 0 when not even one.
  int64_t blocks(int64_t sharedLimit, int64_t most = 4) const {
    while (most > 0 && !holds(most, sharedLimit))
      --most;
    return most;
  }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_WARPTILE_H
