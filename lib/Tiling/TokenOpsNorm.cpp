//===- TokenOpsNorm.cpp - loops of normalisation and of the short convolution ---===//
#include "TokenOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// One head vector of a norm: where it lies and how long it is.
struct Vector {
  Value memref, batch, head, token;
  int64_t size;
  Value load(LoopBuilder &b, Value i) const {
    return loadF32(b, memref, ValueRange{batch, head, token, i});
  }
};

} // namespace

/// Mean of the elements, or null when the kind does not subtract one.
static Value meanOf(LoopBuilder &b, NormAttr norm, const Vector &x) {
  if (norm.getWord("kind") != "layer")
    return {};
  Value sum = sumOver(b, x.size, [&](Value i) { return x.load(b, i); });
  return arith::MulFOp::create(b, sum, f32Constant(b, 1.0 / static_cast<double>(x.size)));
}

static Value centred(LoopBuilder &b, const Vector &x, Value mean, Value i) {
  Value element = x.load(b, i);
  return mean ? arith::SubFOp::create(b, element, mean).getResult() : element;
}

/// What each (centred) element is multiplied by: scale / sqrt(sum or mean of squares + eps).
static Value inverseLength(LoopBuilder &b, NormAttr norm, const Vector &x, Value mean) {
  Value squares = sumOver(b, x.size, [&](Value i) {
    Value element = centred(b, x, mean, i);
    return arith::MulFOp::create(b, element, element);
  });
  if (norm.getWord("kind") != "l2")
    squares = arith::MulFOp::create(b, squares, f32Constant(b, 1.0 / static_cast<double>(x.size)));
  Value shifted = arith::AddFOp::create(b, squares, f32Constant(b, norm.getReal("eps")));
  return arith::DivFOp::create(b, f32Constant(b, norm.getReal("scale")),
                               math::SqrtOp::create(b, shifted));
}

/// `value * (gain + gain_offset)`; the gain is [size] or [heads, size].
static Value applyGain(LoopBuilder &b, NormAttr norm, Value value, Value gain, Value head,
                       Value i) {
  if (!gain)
    return value;
  bool perHead = cast<MemRefType>(gain.getType()).getRank() == 2;
  Value factor = loadF32(b, gain, perHead ? ValueRange{head, i} : ValueRange{i});
  if (norm.getReal("gain_offset") != 0)
    factor = arith::AddFOp::create(b, factor, f32Constant(b, norm.getReal("gain_offset")));
  return arith::MulFOp::create(b, value, factor);
}

void attn::tileNorm(LoopBuilder &b, NormOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], gain = inputs.size() > 1 ? inputs[1] : Value(), out = outputs[0];
  int64_t size = cast<MemRefType>(out.getType()).getDimSize(3);
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    Vector x{in, batch, head, token, size};
    Value mean = meanOf(b, op.getNorm(), x);
    Value factor = inverseLength(b, op.getNorm(), x, mean);
    forRange(b, 0, size, [&](Value i) {
      Value scaled = arith::MulFOp::create(b, centred(b, x, mean, i), factor);
      storeF32(b, applyGain(b, op.getNorm(), scaled, gain, head, i), out,
               ValueRange{batch, head, token, i});
    });
  });
}

/// First tap that reads an existing token: max(0, taps - 1 - token).
static Value firstTap(LoopBuilder &b, Value token, int64_t taps) {
  Value missing = arith::SubIOp::create(b, indexConstant(b, taps - 1), token);
  return arith::MaxSIOp::create(b, missing, indexConstant(b, 0));
}

void attn::tileShortConv(LoopBuilder &b, ShortConvOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], weight = inputs[1], out = outputs[0];
  Value before = inputs.size() > 2 ? inputs[2] : Value();
  int64_t taps = cast<MemRefType>(weight.getType()).getDimSize(1);
  int64_t size = cast<MemRefType>(out.getType()).getDimSize(3);
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    Value sums = memref::AllocaOp::create(b, MemRefType::get({size}, b.getF32Type()));
    forRange(b, 0, size,
             [&](Value c) { memref::StoreOp::create(b, f32Constant(b, 0.0), sums, c); });
    Value first = firstTap(b, token, taps);
    // Adds the taps [lower, upper) on the tokens of `from`, whose first one is token -`earlier`.
    auto addTaps = [&](Value from, Value earlier, Value lower, Value upper) {
      Value oldest = arith::SubIOp::create(b, token, indexConstant(b, taps - 1));
      oldest = arith::AddIOp::create(b, oldest, earlier);
      forRange(b, lower, upper, [&](Value tap) {
        Value at = arith::AddIOp::create(b, oldest, tap);
        forRange(b, 0, size, [&](Value c) {
          Value product = arith::MulFOp::create(b, loadF32(b, weight, ValueRange{head, tap, c}),
                                                loadF32(b, from, ValueRange{batch, head, at, c}));
          Value sum = memref::LoadOp::create(b, sums, c);
          memref::StoreOp::create(b, arith::AddFOp::create(b, sum, product), sums, c);
        });
      });
    };
    if (before)
      addTaps(before, sizeOf(b, before, 2), indexConstant(b, 0), first);
    addTaps(in, indexConstant(b, 0), first, indexConstant(b, taps));
    forRange(b, 0, size, [&](Value c) {
      storeF32(b, memref::LoadOp::create(b, sums, c), out, ValueRange{batch, head, token, c});
    });
  });
}
