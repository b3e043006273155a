//===- TileSizes.h - what every tile of keys has ---------------------------*- C++ -*-===//
#ifndef ATTN_PLANNING_TILESIZES_H
#define ATTN_PLANNING_TILESIZES_H

#include <cstdint>

namespace mlir::attn {

/// Columns of queries and keys, columns of values, keys of a tile, tiles in flight.
struct TileSizes {
  int64_t qkSize = 0, vSize = 0, keys = 0, stages = 0;
  /// Registers that planning leaves to the code of the mask and the score program.
  int64_t codeRegisters = 0;
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_TILESIZES_H
