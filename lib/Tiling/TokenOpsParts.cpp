//===- TokenOpsParts.cpp - loops of merge and gated_sum ---===//
#include "TokenOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::attn;

static Value minusInfinity(LoopBuilder &b) {
  return arith::ConstantOp::create(
      b, b.getFloatAttr(b.getF32Type(), APFloat::getInf(APFloat::IEEEsingle(), true)));
}

static Value isMinusInfinity(LoopBuilder &b, Value value) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, value, minusInfinity(b));
}

/// `condition ? 0 : value`.
static Value zeroIf(LoopBuilder &b, Value condition, Value value) {
  return arith::SelectOp::create(b, condition, f32Constant(b, 0.0), value);
}

/// `ln sum exp(l_p)`; -infinity when every part is, and parts that are take no part.
static Value mergedLse(LoopBuilder &b, ArrayRef<Value> lses, ArrayRef<Value> empty) {
  Value largest = lses.front();
  for (Value lse : lses.drop_front())
    largest = arith::MaximumFOp::create(b, largest, lse);
  Value sum = f32Constant(b, 0.0);
  for (auto [lse, isEmpty] : llvm::zip(lses, empty)) {
    Value weight = math::ExpOp::create(b, arith::SubFOp::create(b, lse, largest));
    sum = arith::AddFOp::create(b, sum, zeroIf(b, isEmpty, weight));
  }
  Value lse = arith::AddFOp::create(b, largest, math::LogOp::create(b, sum));
  return arith::SelectOp::create(b, isMinusInfinity(b, largest), minusInfinity(b), lse);
}

void attn::tileMerge(LoopBuilder &b, MergeOp op, ValueRange inputs, ValueRange outputs) {
  size_t count = op.getOuts().size();
  ValueRange outs = inputs.take_front(count), lseInputs = inputs.drop_front(count);
  Value out = outputs[0], lseOut = outputs[1];
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    SmallVector<Value> lses, empty, weights;
    for (Value input : lseInputs) {
      lses.push_back(memref::LoadOp::create(b, input, ValueRange{batch, head, token}));
      empty.push_back(isMinusInfinity(b, lses.back()));
    }
    Value lse = mergedLse(b, lses, empty);
    memref::StoreOp::create(b, lse, lseOut, ValueRange{batch, head, token});
    for (Value part : lses)
      weights.push_back(math::ExpOp::create(b, arith::SubFOp::create(b, part, lse)));
    forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), [&](Value i) {
      SmallVector<Value, 4> at = {batch, head, token, i};
      Value sum = f32Constant(b, 0.0);
      for (size_t p = 0; p < count; ++p) {
        Value term = arith::MulFOp::create(b, weights[p], loadF32(b, outs[p], at));
        // Skipped, not multiplied by zero: an empty part may hold anything.
        sum = arith::AddFOp::create(b, sum, zeroIf(b, empty[p], term));
      }
      storeF32(b, sum, out, at);
    });
  });
}

void attn::tileGatedSum(LoopBuilder &b, GatedSumOp op, ValueRange inputs, ValueRange outputs) {
  size_t count = op.getParts().size();
  ValueRange parts = inputs.take_front(count), gates = inputs.drop_front(count);
  Value out = outputs[0];
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    SmallVector<Value> factors, closed;
    for (Value gate : gates) {
      factors.push_back(memref::LoadOp::create(b, gate, ValueRange{batch, head, token}));
      closed.push_back(
          arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, factors.back(), f32Constant(b, 0.0)));
    }
    forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), [&](Value i) {
      SmallVector<Value, 4> at = {batch, head, token, i};
      Value sum = f32Constant(b, 0.0);
      for (size_t p = 0; p < count; ++p) {
        Value term = arith::MulFOp::create(b, factors[p], loadF32(b, parts[p], at));
        // Skipped, not multiplied by zero: what is gated out may hold anything.
        sum = arith::AddFOp::create(b, sum, zeroIf(b, closed[p], term));
      }
      storeF32(b, sum, out, at);
    });
  });
}
