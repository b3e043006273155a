//===- TokenMemory.cpp - elements of memrefs in device memory ----------------===//
#include "TokenKernel.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include <numeric>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Alignment
//===----------------------------------------------------------------------===//

/// Elements in 16 bytes, which is as much as one access takes.
static int64_t widest(MemRefType type) {
  return std::max<int64_t>(1, 128 / type.getElementTypeBitWidth());
}

bool attn::isWideArgument(MemRefType type) {
  constexpr int64_t unit = 8; // elements of 16 bits in 16 bytes
  Type element = type.getElementType();
  return type.getRank() >= 3 && (element.isBF16() || element.isF16()) &&
         !type.isDynamicDim(type.getRank() - 1) && type.getShape().back() % unit == 0;
}

static int64_t rowsOf(MemRefType type) {
  if (type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1))
    return 1;
  return type.getRank() == 1 ? widest(type) : std::gcd(widest(type), type.getShape().back());
}

int64_t attn::rowAlignment(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  if (isa<BlockArgument>(memref))
    return isWideArgument(type) ? widest(type) : 1;
  Operation *op = memref.getDefiningOp();
  if (auto view = dyn_cast<memref::SubViewOp>(op)) {
    int64_t first = view.getStaticOffsets().back();
    return ShapedType::isDynamic(first) ? 1 : std::gcd(rowAlignment(view.getSource()), first);
  }
  if (isa<memref::ExpandShapeOp, memref::CastOp>(op))
    return rowAlignment(op->getOperand(0));
  return isa<memref::AllocOp, memref::AllocaOp, memref::GetGlobalOp>(op) ? rowsOf(type) : 1;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// In shared memory: one for the block, or one for each of its warps.
void TokenKernelEmitter::allocate(memref::AllocaOp op) {
  constexpr int64_t alignment = 16;
  MemRefType type = op.getType();
  int64_t bytes =
      llvm::alignTo(type.getNumElements() * type.getElementTypeBitWidth() / 8, alignment);
  if (!shared) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(b.getInsertionBlock()->getParentOp()->getParentOfType<LLVM::LLVMFuncOp>());
    auto none = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
    shared = LLVM::GlobalOp::create(b, none, /*isConstant=*/false, LLVM::Linkage::Internal,
                                    name + "_shared", Attribute(), alignment, /*addrSpace=*/3);
  }
  Value pointer = LLVM::AddressOfOp::create(b, shared);
  Value offset = constant(sharedBytes);
  if (level == Level::Warp)
    offset = arith::AddIOp::create(b, offset, arith::MulIOp::create(b, warp, constant(bytes)));
  Place &place = places[op];
  place.pointer = b.pointerAt(pointer, b.val(toI64(offset)), 3);
  place.known = type.getStridesAndOffset().first;
  place.strides.resize(place.known.size());
  place.isShared = true;
  place.alignment = rowAlignment(op);
  sharedBytes += bytes * (level == Level::Warp ? warps : 1);
}

/// The device's copy of a constant of the module.
Value TokenKernelEmitter::table(memref::GetGlobalOp op) {
  auto module = nest->getParentOfType<ModuleOp>();
  std::string symbol = ("device_" + op.getName()).str();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(symbol);
  if (!global) {
    auto source = module.lookupSymbol<memref::GlobalOp>(op.getName());
    auto elements = cast<DenseElementsAttr>(*source.getInitialValue());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto flat = elements.reshape(
        RankedTensorType::get({elements.getNumElements()}, elements.getElementType()));
    auto type = LLVM::LLVMArrayType::get(elements.getElementType(),
                                         static_cast<uint64_t>(elements.getNumElements()));
    global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                                    flat, /*alignment=*/16, /*addrSpace=*/1);
  }
  return LLVM::AddressOfOp::create(b, global);
}

TokenKernelEmitter::Place &TokenKernelEmitter::placeOf(Value memref) {
  auto global = memref.getDefiningOp<memref::GetGlobalOp>();
  if (!global)
    return places.find(memref)->second;
  // Written anew wherever it is named, so that it dominates its use.
  Place &place = places[memref];
  place.pointer = table(global);
  place.known = global.getType().getStridesAndOffset().first;
  place.strides.resize(place.known.size());
  place.alignment = rowAlignment(memref);
  return place;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// In elements, without what is known to be zero.
Value TokenKernelEmitter::offsetOf(const Place &place, OperandRange indices, unsigned copy) {
  Value offset;
  for (auto [i, index] : llvm::enumerate(indices)) {
    if (isConstantIntValue(index, 0))
      continue;
    Value term = get(index, copy);
    if (place.strides[i])
      term = arith::MulIOp::create(b, term, place.strides[i]);
    else if (place.known[i] != 1)
      term = arith::MulIOp::create(b, term, constant(place.known[i]));
    offset = offset ? arith::AddIOp::create(b, offset, term).getResult() : term;
  }
  return offset ? toI64(offset) : b.i64(0).v;
}

/// The last index as this loop's lanes see it, if all others are the same for all neighbours.
std::optional<LinearIndex> TokenKernelEmitter::lastIndex(OperandRange indices) const {
  if (level != Level::Lane || indices.empty() || copiesOf(indices.drop_back()) > 1)
    return std::nullopt;
  return linearIn(indices.back(), lanes.loop);
}

/// Neighbours lie at known distances from the first, so that their accesses can be joined.
Value TokenKernelEmitter::addressOf(MemRefType type, const Place &place, OperandRange indices,
                                    unsigned copy) {
  std::optional<LinearIndex> last = lastIndex(indices);
  Type element = type.getElementType();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), place.isShared ? 3 : 1);
  auto step = [&](Value base, Value by) -> Value {
    return LLVM::GEPOp::create(b, pointer, element, base, ArrayRef<LLVM::GEPArg>{by});
  };
  if (copy == 0 || !last)
    return step(place.pointer, offsetOf(place, indices, copy));
  Value first = step(place.pointer, offsetOf(place, indices, 0));
  return step(first, b.i64(last->factor * static_cast<int64_t>(copy)).v);
}

int64_t TokenKernelEmitter::alignmentOf(MemRefType type, const Place &place, OperandRange indices,
                                        unsigned copy) {
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  std::optional<LinearIndex> last = lastIndex(indices);
  if (!last || !last->rest.empty())
    return bytes;
  int64_t own = last->factor * lanes.copies, here = last->factor * copy + last->constant;
  std::optional<int64_t> lower = getConstantIntValue(lanes.loop.getLowerBound());
  if (!lower)
    return bytes;
  return bytes * std::gcd(std::gcd(place.alignment, own), here + last->factor * *lower);
}

void TokenKernelEmitter::load(memref::LoadOp op) {
  Place &place = placeOf(op.getMemRef());
  MemRefType type = op.getMemRefType();
  SmallVector<Value> loaded;
  for (unsigned copy = 0; copy < copiesOf(op.getIndices()); ++copy)
    loaded.push_back(LLVM::LoadOp::create(
        b, type.getElementType(), addressOf(type, place, op.getIndices(), copy),
        static_cast<unsigned>(alignmentOf(type, place, op.getIndices(), copy))));
  set(op.getResult(), loaded);
}

/// Outside of lanes all have the same value, and one writes it.
void TokenKernelEmitter::store(memref::StoreOp op) {
  Place &place = placeOf(op.getMemRef());
  MemRefType type = op.getMemRefType();
  auto write = [&](unsigned copy) {
    LLVM::StoreOp::create(b, get(op.getValue(), copy),
                          addressOf(type, place, op.getIndices(), copy),
                          static_cast<unsigned>(alignmentOf(type, place, op.getIndices(), copy)));
  };
  if (level == Level::Lane) {
    for (unsigned copy = 0; copy < copiesOf(op->getOperands()); ++copy)
      write(copy);
    return;
  }
  Val who = b.val(level == Level::Block ? thread : lane);
  Val first = b.val(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, who.v, constant(0)));
  b.ifThen(first, [&] { write(0); });
  meet(op);
}

void TokenKernelEmitter::dim(memref::DimOp op) {
  auto type = cast<MemRefType>(op.getSource().getType());
  auto axis = static_cast<unsigned>(*op.getConstantIndex());
  if (!type.isDynamicDim(axis))
    return set(op.getResult(), {constant(type.getDimSize(axis))});
  set(op.getResult(), {sizesOfMemref.find(op.getSource())->second[axis]});
}
