//===- Kernel.cpp - arguments, tiles of rows and their key ranges ------------===//
#include "Kernel.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// The module's constant table of these entries; tables of one purpose are numbered.
static LLVM::GlobalOp constantTable(KernelBuilder &b, ModuleOp module, const std::string &purpose,
                                    ArrayRef<int64_t> table) {
  SmallVector<int32_t> entries(table.begin(), table.end());
  auto values = b.getI32TensorAttr(entries);
  std::string symbol = purpose;
  for (int number = 2; auto known = module.lookupSymbol<LLVM::GlobalOp>(symbol); ++number) {
    if (known.getValueAttr() == values)
      return known;
    symbol = purpose + std::to_string(number);
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI32Type(), static_cast<unsigned>(entries.size()));
  return LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                                values, /*alignment=*/4, /*addrSpace=*/4);
}

/// An element of a constant table of the module.
Val KernelEmitter::tableEntry(ArrayRef<int64_t> table, Val index, StringRef what) {
  LLVM::GlobalOp global =
      constantTable(b, plan.function->getParentOfType<ModuleOp>(), name + "_" + what.str(), table);
  Value pointer = LLVM::AddressOfOp::create(b, global);
  pointer = b.pointerAt(pointer, index << 2, 4);
  return b.val(LLVM::LoadOp::create(b, b.getI32Type(), pointer));
}

/// An even map is arithmetic, any other a table.
Val KernelEmitter::headFrom(ArrayRef<int64_t> map, Val head, StringRef what) {
  auto count = static_cast<int64_t>(map.size());
  int64_t most = *llvm::max_element(map) + 1;
  int64_t share = count % most == 0 ? count / most : 0;
  for (int64_t h = 0; share && h < count; ++h)
    if (map[static_cast<size_t>(h)] != h / share)
      share = 0;
  return share ? head.div(share) : tableEntry(map, head, what);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Tile number -> rows and heads. Longest first inside groups of heads whose keys and values stay
/// in the second-level cache.
QueryTile KernelEmitter::placeOf(Val number) {
  QueryTile tile;
  auto heads = static_cast<int64_t>(plan.heads.query.size());
  Val batchHead;
  if (plan.longestFirst) {
    Val perGroup = a.rowTiles * a.headsAtOnce;
    Val groupNumber = number.div(perGroup);
    Val rest = number - groupNumber * perGroup;
    Val firstHead = groupNumber * a.headsAtOnce;
    Val here = a.headsAtOnce.min(a.batchHeads - firstHead);
    Val fromEnd = rest.div(here);
    tile.rowTile = a.rowTiles - 1 - fromEnd;
    batchHead = firstHead + (rest - fromEnd * here);
  } else {
    batchHead = number.div(a.rowTiles);
    tile.rowTile = number - batchHead * a.rowTiles;
  }
  tile.batch = batchHead.div(heads);
  tile.head = batchHead - tile.batch * heads;
  tile.queryHead = headFrom(plan.heads.query, tile.head, "query_heads");
  tile.keyHead = headFrom(plan.heads.key, tile.head, "key_heads");
  tile.valueHead = headFrom(plan.heads.value, tile.head, "value_heads");
  return tile;
}

/// Tile number -> heads, rows (`rows` of them) and key range.
QueryTile KernelEmitter::tileOf(Val number, int64_t rows) {
  QueryTile tile = placeOf(number);
  maskBatch = tile.batch;
  Val first = tile.rowTile * rows;
  Val last = (first + rows).min(a.queries) - 1;
  KeyBounds bounds = boundsOf(plan.mask, first + a.offset, last + a.offset, tile.head);
  // Rows without keys still visit one tile, all of it masked.
  Val high = (bounds.high ? bounds.high.min(a.keys) : a.keys).max(1);
  Val end = (high + (sizes.keys - 1)).div(sizes.keys);
  tile.last = end - 1;
  tile.count = bounds.low ? end - bounds.low.max(0).min(high - 1).div(sizes.keys) : end;
  return tile;
}

KeyEnds KernelEmitter::endsOf(MaskAttr mask) {
  // Only which bounds exist: what this computes is dead.
  maskBatch = b.i32(0);
  KeyBounds bounds = boundsOf(mask, b.i32(0), b.i32(0), b.i32(0));
  return {static_cast<bool>(bounds.fullLow), static_cast<bool>(bounds.fullHigh)};
}

/// Numbers of the key tiles of `rows` rows from `firstRow` on: which they skip, which need mask
/// code.
void KernelEmitter::rangesOf(QueryTile &tile, int64_t rows) {
  Val lastRow = (tile.firstRow + rows).min(a.queries) - 1;
  KeyBounds bounds = boundsOf(plan.mask, tile.firstRow + a.offset, lastRow + a.offset, tile.head);
  Val most = tile.count - 1;
  tile.skip = b.i32(0);
  if (bounds.high) {
    Val end = (bounds.high.min(a.keys).max(1) + (sizes.keys - 1)).div(sizes.keys);
    tile.skip = (tile.last + 1 - end).max(0).min(most);
  }
  // No rows at all: pass everything on but one tile.
  tile.skip = tile.firstRow.lt(a.queries).select(tile.skip, most);
  tile.edge = tile.skip + 1, tile.edge2 = tile.count;
  if (bounds.fullHigh) {
    Val fullEnd = bounds.fullHigh.max(0).min(a.keys).div(sizes.keys);
    tile.edge = (tile.last + 1 - fullEnd).max(tile.edge).min(tile.count);
  }
  if (bounds.fullLow) {
    Val fullStart = (bounds.fullLow.max(0) + (sizes.keys - 1)).div(sizes.keys);
    tile.edge2 = (tile.last + 1 - fullStart).max(tile.edge).min(tile.count);
  }
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

SmallVector<Type> attn::commonArgumentTypes(KernelBuilder &b) {
  SmallVector<Type> types(3, LLVM::LLVMPointerType::get(b.getContext(), 1));
  types.append(8, b.getI32Type());
  types.append(6, b.getI64Type());
  return types;
}

void KernelEmitter::readCommonArguments(ValueRange arguments) {
  a.out = arguments[0], a.lse = arguments[1], a.sinks = arguments[2];
  Val *numbers[] = {&a.slot,   &a.queries,     &a.keys,    &a.batchHeads, &a.rowTiles,
                    &a.tiles,  &a.headsAtOnce, &a.offset,  &a.outBatch,   &a.outHead,
                    &a.outRow, &a.lseBatch,    &a.lseHead, &a.lseRow};
  for (auto [i, number] : llvm::enumerate(numbers))
    *number = b.val(arguments[3 + i]);
}

LLVM::LLVMFuncOp attn::beginKernel(KernelBuilder &b, StringRef name, ArrayRef<Type> types,
                                   int64_t threads, int64_t blocks) {
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
  auto function = LLVM::LLVMFuncOp::create(b, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    b.getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(blocks));
  function.setDenormalFpMathF32("preserve-sign");
  b.setInsertionPointToStart(function.addEntryBlock(b));
  return function;
}

LLVM::GlobalOp attn::sharedMemory(KernelBuilder &b, ModuleOp module) {
  if (auto known = module.lookupSymbol<LLVM::GlobalOp>("attn_shared"))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto counters = LLVM::LLVMArrayType::get(b.getI32Type(), 2 * numCounterPairs);
  LLVM::GlobalOp::create(
      b, counters, false, LLVM::Linkage::Internal, countersName,
      b.getZeroAttr(RankedTensorType::get({2 * numCounterPairs}, b.getI32Type())), 8, 1);
  return LLVM::GlobalOp::create(b, LLVM::LLVMArrayType::get(b.getI8Type(), 0), false,
                                LLVM::Linkage::External, "attn_shared", Attribute(), 1024, 3);
}
