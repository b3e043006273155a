//===- MaskLanes.cpp - the mask of single pairs, lanes are rows --------------===//
#include "MaskCode.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// One global per distinct content.
static Value constantTable(CpuBuilder &b, DenseElementsAttr content) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto type = MemRefType::get(content.getType().getShape(), content.getElementType());
  memref::GlobalOp global;
  for (auto existing : module.getOps<memref::GlobalOp>())
    if (existing.getInitialValue() == Attribute(content) && existing.getConstant())
      global = existing;
  if (!global) {
    // Made outside the module, so that the symbol table can give it a free name.
    OpBuilder detached(b.getContext());
    global = memref::GlobalOp::create(detached, b.getLoc(), "attn_table",
                                      b.getStringAttr("private"), type, content,
                                      /*constant=*/true, /*alignment=*/IntegerAttr());
    SymbolTable(module).insert(global, module.getBody()->begin());
  }
  return memref::GetGlobalOp::create(b, type, global.getSymName());
}

Value attn::constantTable(CpuBuilder &b, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), b.getIndexType());
  return ::constantTable(b, DenseElementsAttr(DenseIntElementsAttr::get(type, values)));
}

Value attn::constantTable(CpuBuilder &b, ArrayRef<double> values) {
  SmallVector<float> numbers =
      llvm::map_to_vector(values, [](double v) { return static_cast<float>(v); });
  auto type = RankedTensorType::get(static_cast<int64_t>(numbers.size()), b.getF32Type());
  return ::constantTable(b, DenseElementsAttr::get(type, ArrayRef<float>(numbers)));
}

Value attn::extractLane(CpuBuilder &b, Value vector, int64_t i) {
  return vector::ExtractOp::create(b, vector, i);
}

Value attn::emitByLane(CpuBuilder &b, Value lanes, Type element,
                       function_ref<Value(Value)> scalar) {
  Value result = arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(b.lanes(), element)));
  for (int64_t i = 0; i < b.lanes(); ++i) {
    Value lane = vector::ExtractOp::create(b, lanes, i);
    Value number = lane.getType().isIndex()
                       ? lane
                       : Value(arith::IndexCastOp::create(b, b.getIndexType(), lane));
    result = vector::InsertOp::create(b, scalar(number), result, i);
  }
  return result;
}

Value LaneMask::compare(Predicate predicate, Value x, Value y) {
  return b.compare(predicate, x, y);
}
Value LaneMask::keyVector(Value key, int64_t plus) {
  return b.broadcast(b.toI32(b.add(key, plus)));
}

/// Loads that depend on the rows alone come before the loop over keys: LLVM cannot move them out
/// itself, because the loop stores.
void LaneMask::prepare(MaskAttr part) {
  if (prepared.count(part))
    return;
  if (part.getKind() == MaskKind::Document)
    prepareDocument(part);
  if (part.getKind() == MaskKind::PerHead) {
    Value table = constantTable(b, part.getValues());
    prepared[part] = {emitByLane(b, heads, b.getI32Type(), [&](Value head) {
      return b.toI32(memref::LoadOp::create(b, table, head));
    })};
  }
  for (Attribute child : part.getChildren())
    prepare(cast<MaskAttr>(child));
}

/// The document of each row's own position; a row outside the documents sees nothing.
void LaneMask::prepareDocument(MaskAttr part) {
  Value ids = context.operands[part.getValues()[0]];
  Value size = memref::DimOp::create(b, ids, 1);
  Value last = b.toI32(b.add(size, -1));
  Value inside = b.both(compare(Predicate::sge, positions, b.splatI32(0)),
                        compare(Predicate::sle, positions, b.broadcast(last)));
  Value clamped = arith::MaxSIOp::create(b, arith::MinSIOp::create(b, positions, b.broadcast(last)),
                                         b.splatI32(0));
  Type element = cast<MemRefType>(ids.getType()).getElementType();
  Value own = emitByLane(b, clamped, element, [&](Value position) -> Value {
    return memref::LoadOp::create(b, ids, ValueRange{context.batch, position});
  });
  prepared[part] = {own, inside};
}

Value LaneMask::joined(MaskAttr part, Value key) {
  Value result;
  for (auto [i, attribute] : llvm::enumerate(part.getChildren())) {
    Value child = visible(cast<MaskAttr>(attribute), key);
    if (part.getKind() == MaskKind::PerHead)
      child = b.both(
          child, compare(Predicate::eq, prepared[part][0], b.splatI32(static_cast<int64_t>(i))));
    if (!result)
      result = child;
    else
      result = part.getKind() == MaskKind::And ? b.both(result, child) : b.either(result, child);
  }
  return result;
}

/// `value` as the index of an axis of size 1 (always 0) or of full size.
static Value clampToAxis(CpuBuilder &b, Value memref, int64_t axis, Value value) {
  int64_t size = cast<MemRefType>(memref.getType()).getDimSize(axis);
  if (size == 1)
    return b.index(0);
  if (!ShapedType::isDynamic(size))
    return value;
  Value isOne = b.compare(Predicate::eq, memref::DimOp::create(b, memref, axis), b.index(1));
  return b.select(isOne, b.index(0), value);
}

/// Dense and block masks: one load per lane.
Value LaneMask::visibleOperand(MaskAttr part, Value key) {
  bool blocks = part.getKind() == MaskKind::Blocks;
  int64_t rowStep = blocks ? part.getValues()[0] : 1, keyStep = blocks ? part.getValues()[1] : 1;
  Value operand = context.operands[part.getValues().back()];
  Type element = cast<MemRefType>(operand.getType()).getElementType();
  Value batch = clampToAxis(b, operand, 0, context.batch);
  Value column = clampToAxis(b, operand, 3, b.div(key, b.index(keyStep)));
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value result = arith::ConstantOp::create(b, b.getZeroAttr(b.i1Vector()));
  for (int64_t i = 0; i < b.lanes(); ++i) {
    auto lane = [&](Value vector) -> Value {
      return arith::IndexCastOp::create(b, b.getIndexType(),
                                        vector::ExtractOp::create(b, vector, i));
    };
    Value row = b.div(b.sub(lane(positions), context.offset), b.index(rowStep));
    SmallVector<Value> at = {batch, clampToAxis(b, operand, 1, lane(heads)),
                             clampToAxis(b, operand, 2, row), column};
    Value bit = b.compare(Predicate::ne, memref::LoadOp::create(b, operand, at), zero);
    result = vector::InsertOp::create(b, bit, result, i);
  }
  return result;
}

/// Lengths beyond 2^30 mean "no limit" to 32-bit positions.
static int64_t limited(int64_t length) { return std::min<int64_t>(length, int64_t(1) << 30); }

Value LaneMask::visible(MaskAttr part, Value key) {
  ArrayRef<int64_t> n = part.getValues();
  switch (part.getKind()) {
  case MaskKind::All:
  case MaskKind::None:
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(b.i1Vector(), part.getKind() == MaskKind::All));
  case MaskKind::Causal:
    return compare(Predicate::sle, keyVector(key), positions);
  case MaskKind::Window: {
    Value left = compare(Predicate::sgt, keyVector(key, limited(n[0])), positions);
    if (n.size() == 1)
      return left;
    return b.both(left, compare(Predicate::slt, keyVector(key, -limited(n[1])), positions));
  }
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return b.broadcast(b.compare(Predicate::slt, key, b.index(n[0])));
  case MaskKind::Chunk: {
    Value chunks = arith::FloorDivSIOp::create(b, positions, b.splatI32(limited(n[0])));
    return compare(Predicate::eq, b.broadcast(b.toI32(b.floorDiv(key, limited(n[0])))), chunks);
  }
  case MaskKind::Stride: {
    Value last = b.compare(Predicate::eq, b.rem(b.add(key, 1), b.index(n[0])), b.index(0));
    return b.either(compare(Predicate::eq, keyVector(key), positions), b.broadcast(last));
  }
  case MaskKind::PrefixLength: {
    Value length = memref::LoadOp::create(b, context.operands[n[0]], context.batch);
    Value lengthIndex = arith::IndexCastOp::create(b, b.getIndexType(), length);
    return b.broadcast(b.compare(Predicate::slt, key, lengthIndex));
  }
  case MaskKind::Document: {
    Value id = memref::LoadOp::create(b, context.operands[n[0]], ValueRange{context.batch, key});
    return b.both(prepared[part][1], compare(Predicate::eq, prepared[part][0], b.broadcast(id)));
  }
  case MaskKind::Dense:
  case MaskKind::Blocks:
    return visibleOperand(part, key);
  case MaskKind::Not:
    return b.negate(visible(part.getChild(0), key));
  case MaskKind::PerHead:
  case MaskKind::And:
  case MaskKind::Or:
    return joined(part, key);
  }
  llvm_unreachable("all kinds are handled");
}
