//===- MaskOperands.cpp - masks that depend on data --------------------------===//
//
// Elements are read from device memory where the mask code runs. Indices outside of a tensor are
// clamped into it; what such rows and keys would see does not matter, they do not exist. A tensor
// without elements is never read as one: the host passes an address that is good to read.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

SmallVector<Type> KernelEmitter::maskArgumentTypes() {
  SmallVector<Type> types;
  for (size_t i = 0; i < plan.maskTypes.size(); ++i) {
    types.append(4, b.getI64Type());
    types.push_back(b.getI32Type());
  }
  return types;
}

void KernelEmitter::readMaskArguments(ValueRange arguments) {
  for (size_t i = 0; i < plan.maskTypes.size(); ++i) {
    auto of = [&](size_t n) { return b.val(arguments[5 * i + n]); };
    a.masks.push_back({of(0), {of(1), of(2), of(3)}, of(4)});
  }
}

static int64_t widthOf(Type element) {
  return element.isIndex() ? 8 : element.getIntOrFloatBitWidth() / 8;
}

/// The element of a mask operand at `address`, as i32 or i64.
Val KernelEmitter::loadInteger(Val address, Type element) {
  Type type = element.isIndex() ? Type(b.getI64Type()) : element;
  Value pointer =
      LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 1), address.v);
  Val loaded = b.val(LLVM::LoadOp::create(b, type, pointer));
  bool isNarrow = type.getIntOrFloatBitWidth() < 32;
  return isNarrow ? b.val(arith::ExtSIOp::create(b, b.getI32Type(), loaded.v)) : loaded;
}

static Val elementAddress(const MaskOperand &operand, Val elements, int64_t width) {
  return operand.address + elements * width;
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// Keys that a batch entry sees, within positions' range.
Val KernelEmitter::prefixLength(MaskAttr mask) {
  auto number = static_cast<size_t>(mask.getValues()[0]);
  Type element = plan.maskTypes[number].getElementType();
  const MaskOperand &operand = a.masks[number];
  Val length = loadInteger(
      elementAddress(operand, maskBatch.wide() * operand.strides[0], widthOf(element)), element);
  Val limited = length.max(0).min(int64_t(1) << 30);
  return limited.type().isInteger(64) ? b.val(arith::TruncIOp::create(b, b.getI32Type(), limited.v))
                                      : limited;
}

/// The document, by the ids of operand `number`, of a position that may lie outside of them.
Val KernelEmitter::documentOf(int64_t number, Val index) {
  Type element = plan.maskTypes[static_cast<size_t>(number)].getElementType();
  const MaskOperand &operand = a.masks[static_cast<size_t>(number)];
  Val inside = index.min(operand.size - 1).max(0);
  return loadInteger(elementAddress(operand, maskBatch.wide() * operand.strides[0] + inside.wide(),
                                    widthOf(element)),
                     element);
}

/// The same as 32 bits: ids beyond those are as large or small as can be.
Val KernelEmitter::shortDocumentOf(int64_t number, Val index) {
  Val id = documentOf(number, index);
  if (!id.type().isInteger(64))
    return id;
  Val limited = id.max(b.i64(leastDocument)).min(b.i64(mostDocument));
  return b.val(arith::TruncIOp::create(b, b.getI32Type(), limited.v));
}

/// A row whose position has no document sees nothing by this word.
Val KernelEmitter::isInDocument(MaskAttr mask, Val position, Val key, int64_t column,
                                unsigned row) {
  const MaskOperand &operand = a.masks[static_cast<size_t>(mask.getValues()[0])];
  Val own = perRow(mask, row, 0, [&] { return documentOf(mask.getValues()[0], position); });
  Val known = perRow(mask, row, 1, [&] { return position.ge(0) & position.lt(operand.size); });
  // Both rows of a thread compare with the same key: one load.
  Val other = perRow(mask, static_cast<unsigned>(column) + 2, 2,
                     [&] { return documentOf(mask.getValues()[0], key); });
  return known & own.eq(other);
}

/// Whether the word's tensor is not zero at the pair, or at the block that holds it.
Val KernelEmitter::isMarked(MaskAttr mask, Val position, Val key, Val head, unsigned row) {
  ArrayRef<int64_t> n = mask.getValues();
  bool isBlocks = mask.getKind() == MaskKind::Blocks;
  auto number = static_cast<size_t>(n.back());
  MemRefType type = plan.maskTypes[number];
  int64_t width = widthOf(type.getElementType());
  const MaskOperand &operand = a.masks[number];
  Val line = perRow(mask, row, 0, [&] {
    Val at = (position - a.offset).min(a.queries - 1).max(0).div(isBlocks ? n[0] : 1);
    return elementAddress(operand,
                          maskBatch.wide() * operand.strides[0] + head.wide() * operand.strides[1] +
                              at.wide() * operand.strides[2],
                          width);
  });
  Val column = key.min(a.keys - 1).max(0).div(isBlocks ? n[1] : 1);
  bool isShared = type.getDimSize(3) == 1;
  Val address = isShared ? line : line + column.wide() * width;
  return loadInteger(address, type.getElementType()).ne(0);
}

Val KernelEmitter::seesByOperand(MaskAttr mask, Val position, Val keyBase, int64_t column, Val head,
                                 unsigned row) {
  if (mask.getKind() == MaskKind::PrefixLength)
    return b.i32(column).lt(perRow(mask, 0, 0, [&] { return prefixLength(mask) - keyBase; }));
  Val key = keyBase + column;
  return mask.getKind() == MaskKind::Document ? isInDocument(mask, position, key, column, row)
                                              : isMarked(mask, position, key, head, row);
}
