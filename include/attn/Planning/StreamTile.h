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

/// A block is one warpgroup of 64 packed rows and one warp whose first thread drives the copy
/// engine through a ring of `stages` key tiles and value tiles. All sizes in bytes.
struct StreamTile : WarpgroupTile {
  StreamTile() { consumers = 1; }
  explicit StreamTile(const WarpgroupTile &tile) : WarpgroupTile(tile) {
    consumers = queryBuffers = 1;
  }
  static constexpr int64_t threadsOfBlock() { return 128 + 32; }

  /// Full and empty barriers of both rings and of the unit numbers, two numbers, one word.
  int64_t sharedBytesOfBlock() const { return barrierOffset() + 4 * 8 * stages + 4 * 8 + 2 * 8; }
  int64_t bytesPerStage() const { return keyBytes() + valueBytes(); }

  /// Two blocks per multiprocessor: one streams while the other begins or ends a unit. Each takes
  /// a kilobyte of shared memory for itself. Warps are dealt to four schedulers with 512 registers
  /// per lane each, so the one with most warps decides; registers come in eights.
  static constexpr int64_t mostBlocks = 2, reservedBytes = 1024;
  int64_t registersWith(int64_t blocks) const {
    int64_t warps = (blocks * threadsOfBlock() / 32 + 3) / 4;
    return std::min<int64_t>(248, 512 / warps / 8 * 8);
  }
  bool holds(int64_t blocks, int64_t sharedLimit) const {
    return neededRegisters() <= registersWith(blocks) &&
           blocks * (sharedBytesOfBlock() + reservedBytes) <= sharedLimit + reservedBytes;
  }
  /// Blocks that a multiprocessor holds, at most two; 0 when not even one.
  int64_t blocks(int64_t sharedLimit) const {
    int64_t count = mostBlocks;
    while (count > 0 && !holds(count, sharedLimit))
      --count;
    return count;
  }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_STREAMTILE_H
