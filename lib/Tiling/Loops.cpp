//===- Loops.cpp - short spellings of the loops token transforms are made of ---===//
#include "Loops.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::attn;

Value attn::indexConstant(LoopBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value attn::f32Constant(LoopBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(value)));
}

Value attn::f64Constant(LoopBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
}

Value attn::sizeOf(LoopBuilder &b, Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return indexConstant(b, type.getDimSize(dimension));
  return memref::DimOp::create(b, memref, dimension);
}

Value attn::addIndex(LoopBuilder &b, Value value, int64_t offset) {
  if (offset == 0)
    return value;
  return arith::AddIOp::create(b, value, indexConstant(b, offset));
}

Value attn::loadF32(LoopBuilder &b, Value memref, ValueRange indices) {
  Value element = memref::LoadOp::create(b, memref, indices);
  if (element.getType().isF32())
    return element;
  return arith::ExtFOp::create(b, b.getF32Type(), element);
}

void attn::storeF32(LoopBuilder &b, Value value, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  if (!element.isF32())
    value = arith::TruncFOp::create(b, element, value);
  memref::StoreOp::create(b, value, memref, indices);
}

void attn::parallelFor(LoopBuilder &b, ValueRange sizes, function_ref<void(ValueRange)> body) {
  SmallVector<Value> zeros(sizes.size(), indexConstant(b, 0));
  SmallVector<Value> ones(sizes.size(), indexConstant(b, 1));
  auto loop = scf::ParallelOp::create(b, zeros, sizes, ones);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVars());
}

void attn::forRange(LoopBuilder &b, Value lower, Value upper, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, lower, upper, indexConstant(b, 1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void attn::forRange(LoopBuilder &b, int64_t lower, int64_t upper, function_ref<void(Value)> body) {
  forRange(b, indexConstant(b, lower), indexConstant(b, upper), body);
}

void attn::ifElse(LoopBuilder &b, Value condition, function_ref<void()> then,
                  function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

Value attn::sumOver(LoopBuilder &b, int64_t upper, function_ref<Value(Value)> term) {
  auto loop = scf::ForOp::create(b, indexConstant(b, 0), indexConstant(b, upper),
                                 indexConstant(b, 1), ValueRange{f32Constant(b, 0.0)});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  auto sum = arith::AddFOp::create(b, loop.getRegionIterArg(0), term(loop.getInductionVar()));
  sum.setFastmath(arith::FastMathFlags::reassoc | arith::FastMathFlags::contract);
  scf::YieldOp::create(b, sum.getResult());
  return loop.getResult(0);
}

void attn::forTokens(LoopBuilder &b, Value memref, function_ref<void(Value, Value, Value)> body) {
  SmallVector<Value> sizes = {sizeOf(b, memref, 0), sizeOf(b, memref, 1), sizeOf(b, memref, 2)};
  parallelFor(b, sizes, [&](ValueRange at) { body(at[0], at[1], at[2]); });
}

static memref::GlobalOp findTable(ModuleOp module, DenseElementsAttr values, MemRefType type) {
  for (auto global : module.getOps<memref::GlobalOp>())
    if (global.getConstant() && global.getInitialValueAttr() == values && global.getType() == type)
      return global;
  return {};
}

Value attn::constantTable(LoopBuilder &b, StringRef name, DenseElementsAttr values) {
  Block *block = b.getInsertionBlock();
  auto module = block->getParentOp()->getParentOfType<ModuleOp>();
  auto type = MemRefType::get(values.getType().getShape(), values.getElementType());
  memref::GlobalOp global = findTable(module, values, type);
  if (!global) {
    OpBuilder detached(b.getContext());
    global = memref::GlobalOp::create(detached, b.getLoc(), name, b.getStringAttr("private"), type,
                                      values, /*constant=*/true, b.getI64IntegerAttr(64));
    SymbolTable(module).insert(global, module.getBody()->begin());
  }
  return memref::GetGlobalOp::create(b, type, global.getSymName());
}

void attn::copyElements(LoopBuilder &b, Value from, Value to) {
  int64_t rank = cast<MemRefType>(from.getType()).getRank();
  auto move = [&](ValueRange at) {
    memref::StoreOp::create(b, memref::LoadOp::create(b, from, at), to, at);
  };
  if (rank == 0)
    return move({});
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < rank; ++i)
    sizes.push_back(sizeOf(b, to, i));
  auto copyRow = [&](ValueRange outer) {
    forRange(b, indexConstant(b, 0), sizes.back(), [&](Value i) {
      SmallVector<Value> at(outer);
      at.push_back(i);
      move(at);
    });
  };
  if (rank == 1)
    return copyRow({});
  parallelFor(b, ValueRange(sizes).drop_back(), copyRow);
}
