//===- StreamTile.h - registers and shared memory of the stream form ------*- C++ -*-===//
//
// Few query rows, long keys: memory decides. Planning bounds its choice by these sums and the
// lowering lays memory out by them.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_PLANNING_STREAMTILE_H
#define ATTN_PLANNING_STREAMTILE_H

#include "attn/Planning/WarpgroupTile.h"

namespace mlir::attn {

/// A block is one warpgroup of 64 packed rows, one warp whose first thread drives the copy engine
/// through a ring of `stages` key tiles and value tiles, and one warp that loads queries. All sizes
/// in bytes.
struct StreamTile : WarpgroupTile {
  StreamTile() { consumers = 1; }
  explicit StreamTile(const WarpgroupTile &tile) : WarpgroupTile(tile) {
    consumers = queryBuffers = 1;
  }
  static constexpr int64_t threadsOfBlock() { return 128 + 2 * 32; }

  /// Full and empty barriers of both rings and of two units' queries, one word.
  int64_t sharedBytesOfBlock() const { return barrierOffset() + 4 * 8 * stages + 4 * 8 + 8; }
  int64_t bytesPerStage() const { return keyBytes() + valueBytes(); }
  /// What comes from memory: columns that fill up a chunk are not read.
  int64_t bytesRead() const { return 2 * keys * (qkSize + vSize); }

  /// A block has its multiprocessor to itself: two of them would have twice the bytes in flight,
  /// and the next launch's blocks could sit down beside this one's, two in one place. More than
  /// half of a multiprocessor's 228 KB, of which each block takes one more.
  static constexpr int64_t aloneBytes = 114 << 10;
  int64_t launchedBytes() const { return std::max(sharedBytesOfBlock(), aloneBytes); }

  /// Warps are dealt to four schedulers with 512 registers per lane each; registers come in eights.
  static int64_t registers() {
    int64_t warps = (threadsOfBlock() / 32 + 3) / 4;
    return std::min<int64_t>(248, 512 / warps / 8 * 8);
  }
  bool holds(int64_t sharedLimit) const {
    return neededRegisters() <= registers() && sharedBytesOfBlock() <= sharedLimit;
  }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_STREAMTILE_H
