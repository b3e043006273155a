//===- LatentWarpTile.h - a latent tile of warps ---------------------------*- C++ -*-===//
//
// Values are columns of the keys, in the portable form. 64 x 512 sums are more than a warp's
// registers hold, so all warps of a block have the same rows and divide the output's columns. The
// scores of 16 rows are the work of several warps, too, each of which multiplies a part of the
// columns of queries and keys. Planning bounds its choice by these sums and the lowering lays
// memory out by them.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_PLANNING_LATENTWARPTILE_H
#define ATTN_PLANNING_LATENTWARPTILE_H

#include "attn/Planning/WarpTile.h"

namespace mlir::attn {

/// All sizes in bytes.
struct LatentWarpTile : WarpTile {
  /// The weighted values of a tile multiply beside the scores of the next, which needs two tiles in
  /// memory and two places for weights.
  bool overlap = false;

  LatentWarpTile() { valueColumn = 0, rowTiles = 1; }
  LatentWarpTile(const WarpTile &tile, bool overlap) : WarpTile(tile), overlap(overlap) {}

  /// Whether `mma` and 16-byte copies can take these sizes, and the warps can divide them: at least
  /// one for each scheduler.
  bool isSupported() const {
    return qkSize % 16 == 0 && vSize > 0 && vSize <= 512 && valueColumn % 8 == 0 &&
           valueColumn + vSize <= qkSize && warps >= 4 && vSize % (storedColumns * warps) == 0 &&
           rowTiles > 0 && warps % rowTiles == 0 && (sharers() & (sharers() - 1)) == 0 &&
           keys > 0 && keys % 16 == 0 && tilesAhead() > 0;
  }

  /// The lanes of a quad store so many columns of a row, 16 bytes each.
  static constexpr int64_t storedColumns = 32;
  /// Warps that make the scores of the same 16 rows.
  int64_t sharers() const { return warps / rowTiles; }
  /// Of 16 columns, that each of them multiplies; the last ones may have fewer.
  int64_t stepsOfWarp() const { return (columnSteps(qkSize) + sharers() - 1) / sharers(); }
  int64_t partColumns() const { return vSize / warps; }

  /// Sums of a part of the columns that warps give each other: each thread's own scores.
  int64_t partialBytes() const { return sharers() > 1 ? 16 * keys * 4 : 0; }
  int64_t partialsOffset() const { return WarpTile::sharedBytes(); }
  /// Weights of a tile take the place of the parts that made them. With `overlap` the tile's before
  /// are still being read then, so there are two places of their own.
  bool hasOwnWeights() const { return overlap || sharers() == 1; }
  int64_t weightsOffset() const {
    return partialsOffset() + (hasOwnWeights() ? warps * partialBytes() : 0);
  }
  /// From one team's weights to the next's.
  int64_t teamBytes() const {
    return hasOwnWeights() ? 16 * rowBytes(keys) : sharers() * partialBytes();
  }
  int64_t weightsBytes() const { return rowTiles * teamBytes(); }
  int64_t places() const { return overlap ? 2 : 1; }
  /// Factors that bring each row's sums to its new reference.
  int64_t factorsOffset() const { return weightsOffset() + places() * weightsBytes(); }
  int64_t factorsBytes() const { return 4 * rows(); }
  /// References and sums of the rows, at the end.
  int64_t maximaOffset() const { return factorsOffset() + places() * factorsBytes(); }
  int64_t sumsOffset() const { return maximaOffset() + 4 * rows(); }
  int64_t sharedBytes() const { return sumsOffset() + 4 * rows(); }
  /// Tiles on their way while one is computed.
  int64_t tilesAhead() const { return stages - (overlap ? 2 : 1); }

  /// The accumulator; scores, and half of another warp's on their way; what masks and score
  /// programs need. Then operands, addresses and counters, as ptxas was seen to need them.
  int64_t neededRegisters() const {
    return rowTiles * partColumns() / 2 + keys / 2 + keys / 4 + codeRegisters + 36;
  }
  bool holds(int64_t blocks, int64_t sharedLimit) const {
    return neededRegisters() <= registersWith(blocks) &&
           blocks * (sharedBytes() + reservedBytes) <= sharedLimit + reservedBytes;
  }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_LATENTWARPTILE_H
