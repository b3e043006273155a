//===- LatentTile.h - registers and shared memory of a latent tile --------*- C++ -*-===//
//
// Planning bounds its choice by these sums and the lowering lays memory out by them.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_PLANNING_LATENTTILE_H
#define ATTN_PLANNING_LATENTTILE_H

#include "attn/Planning/WarpgroupTile.h"

namespace mlir::attn {

/// 64 rows (query position, head) against tiles of 64 keys whose columns hold the values, too:
/// value column c is key column `valueColumn + c`. Two consumer warpgroups each own half of the
/// output's columns, since one warpgroup's registers cannot hold 64 x 512 sums. Elements have
/// 16 bits. All sizes in bytes.
struct LatentTile {
  static constexpr int64_t rows = 64, keys = 64, parts = 2, chunkColumns = 64;
  static constexpr int64_t chunkBytes = 64 * chunkColumns * 2;

  int64_t qkSize = 0, vSize = 0, valueColumn = 0, stages = 2;

  /// Whether the copy engine and the tensor cores can take these sizes at all.
  bool isSupported() const {
    return qkSize % 32 == 0 && vSize % (parts * chunkColumns) == 0 && vSize > 0 && vSize <= 512 &&
           valueColumn % chunkColumns == 0 && valueColumn + vSize <= qkSize;
  }

  int64_t chunks() const { return (qkSize + chunkColumns - 1) / chunkColumns; }
  int64_t firstValueChunk() const { return valueColumn / chunkColumns; }
  int64_t chunksPerPart() const { return vSize / (parts * chunkColumns); }
  int64_t partColumns() const { return vSize / parts; }
  bool isValueChunk(int64_t chunk) const {
    return chunk >= firstValueChunk() && chunk < firstValueChunk() + parts * chunksPerPart();
  }
  /// A chunk of the key tile that is no value is free once its scores are made: the weights that
  /// the warpgroups exchange go there. -1: there is none, weights have memory of their own.
  int64_t weightsChunk() const {
    for (int64_t chunk = chunks() - 1; chunk >= 0; --chunk)
      if (!isValueChunk(chunk))
        return chunk;
    return -1;
  }

  int64_t queryBytes() const { return chunks() * chunkBytes; }
  int64_t tileBytes() const { return chunks() * chunkBytes; }
  int64_t tileOffset() const { return queryBytes(); }
  int64_t weightsOffset() const { return tileOffset() + stages * tileBytes(); }
  int64_t maximaOffset() const {
    return weightsOffset() + (weightsChunk() < 0 ? stages * chunkBytes : 0);
  }
  /// Row sums that the warpgroups exchange at the end of a unit. Units take two places in turn: a
  /// unit without further tiles may leave its sums before those of the unit before it are read.
  static constexpr int64_t sumPlaces = 2, sumsBytes = parts * rows * 4;
  int64_t sumsOffset() const { return maximaOffset() + stages * rows * 4; }
  int64_t barrierOffset() const { return sumsOffset() + sumPlaces * sumsBytes; }
  /// Per stage: one barrier for each chunk, two that free the halves, one for the weights; then
  /// those of the queries, and one word.
  int64_t sharedBytes() const {
    return barrierOffset() + 8 * stages * (chunks() + parts + 1) + 2 * 8 + 8;
  }

  int64_t neededRegisters() const { return keys / 2 + keys / 4 + partColumns() / 2 + 30; }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_LATENTTILE_H
