//===- TileInstructions.h - instructions of the matrix unit ------------------===//
#ifndef ATTN_LIB_TARGET_CPU_TILEINSTRUCTIONS_H
#define ATTN_LIB_TARGET_CPU_TILEINSTRUCTIONS_H

#include "CpuBuilder.h"

namespace mlir::attn {

/// Calls an intrinsic of AMX with the numbers of its tile registers. They are named by number, so
/// that no allocation can spill them.
void callTile(CpuBuilder &b, StringRef name, ArrayRef<int64_t> tiles, ValueRange further = {});
/// An address in bytes as an LLVM pointer.
Value pointerTo(CpuBuilder &b, Value address);

/// Where an element lies in memory, in bytes.
Value elementAddress(CpuBuilder &b, Value memref, ArrayRef<Value> indices);

/// Rows of a tile register, and bytes of a row.
struct TileSize {
  uint8_t rows = 0, rowBytes = 0;
};
inline constexpr TileSize wholeTile = {16, 64};
/// Sets the sizes of all eight tile registers.
void configureTiles(CpuBuilder &b, ArrayRef<TileSize> sizes);
/// Their release.
void releaseTiles(CpuBuilder &b);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_TILEINSTRUCTIONS_H
