//===- TileInstructions.cpp - instructions of the matrix unit ----------------===//
#include "TileInstructions.h"
#include "MaskCode.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::attn;

void attn::callTile(CpuBuilder &b, StringRef name, ArrayRef<int64_t> tiles, ValueRange further) {
  SmallVector<Value> operands;
  for (int64_t tile : tiles)
    operands.push_back(
        LLVM::ConstantOp::create(b, b.getI8Type(), b.getI8IntegerAttr(static_cast<int8_t>(tile))));
  llvm::append_range(operands, further);
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr(name), operands);
}

Value attn::pointerTo(CpuBuilder &b, Value address) {
  Value number = arith::IndexCastOp::create(b, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), number);
}

Value attn::elementAddress(CpuBuilder &b, Value memref, ArrayRef<Value> indices) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value element = metadata.getOffset();
  for (auto [index, stride] : llvm::zip(indices, metadata.getStrides()))
    element = b.add(element, b.mul(index, stride));
  int64_t bytes = cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8;
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  return b.add(base, b.mul(element, b.index(bytes)));
}

/// The processor reads 64 bytes: palette 1, from byte 16 on 16 bits for the bytes of a row of each
/// tile, from byte 48 on 8 bits for its rows.
void attn::configureTiles(CpuBuilder &b, ArrayRef<TileSize> sizes) {
  constexpr size_t widths = 16 / 8, heights = 48 / 8;
  int64_t words[8] = {1};
  for (auto [i, size] : llvm::enumerate(sizes)) {
    words[widths + i / 4] |= static_cast<int64_t>(size.rowBytes) << (16 * (i % 4));
    words[heights] |= static_cast<int64_t>(size.rows) << (8 * i);
  }
  Value table = constantTable(b, ArrayRef<int64_t>(words));
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, table);
  callTile(b, "llvm.x86.ldtilecfg", {}, pointerTo(b, address));
}

void attn::releaseTiles(CpuBuilder &b) { callTile(b, "llvm.x86.tilerelease", {}); }
