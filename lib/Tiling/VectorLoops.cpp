//===- VectorLoops.cpp - loops of products, on vectors ---===//
#include "VectorLoops.h"

using namespace mlir;
using namespace mlir::attn;

int64_t attn::dividingPower(int64_t size, int64_t limit) {
  while (size % limit != 0)
    limit /= 2;
  return limit;
}

Value attn::loadVector(LoopBuilder &b, Value memref, ValueRange at, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value loaded = vector::LoadOp::create(b, VectorType::get({lanes}, element), memref, at);
  auto wide = VectorType::get({lanes}, b.getF32Type());
  return element.isF32() ? loaded : arith::ExtFOp::create(b, wide, loaded).getResult();
}

void attn::storeVector(LoopBuilder &b, Value value, Value memref, ValueRange at) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto narrow = VectorType::get(cast<VectorType>(value.getType()).getShape(), element);
  if (!element.isF32())
    value = arith::TruncFOp::create(b, narrow, value);
  vector::StoreOp::create(b, value, memref, at);
}

/// `for k in [0, upper) step` with the given sums.
static SmallVector<Value> accumulateFrom(LoopBuilder &b, Value upper, Value step, ValueRange sums,
                                         function_ref<void(Value k, SmallVector<Value> &)> body) {
  auto loop = scf::ForOp::create(b, indexConstant(b, 0), upper, step, sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> carried(loop.getRegionIterArgs());
  body(loop.getInductionVar(), carried);
  scf::YieldOp::create(b, carried);
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> attn::accumulate(LoopBuilder &b, Value upper, ValueRange sums,
                                    function_ref<void(Value k, SmallVector<Value> &)> body) {
  return accumulateFrom(b, upper, indexConstant(b, 1), sums, body);
}

SmallVector<Value> attn::accumulate(LoopBuilder &b, int64_t upper, int64_t step, int64_t lanes,
                                    int64_t count,
                                    function_ref<void(Value k, SmallVector<Value> &)> body) {
  auto type = VectorType::get({lanes}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return accumulateFrom(b, indexConstant(b, upper), indexConstant(b, step),
                        SmallVector<Value>(count, zero), body);
}

/// Turns of a loop that are written out: where there are so few, a loop costs as much as its body.
static constexpr int64_t fewTurns = 2;

void attn::forStep(LoopBuilder &b, int64_t upper, int64_t step, function_ref<void(Value)> body) {
  if (upper <= fewTurns * step) {
    for (int64_t i = 0; i < upper; i += step)
      body(indexConstant(b, i));
    return;
  }
  auto loop =
      scf::ForOp::create(b, indexConstant(b, 0), indexConstant(b, upper), indexConstant(b, step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}
