//===- TokenMath.cpp - exp and log of token transforms -----------------------===//
#include "TokenKernel.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr double log2OfE = 1.4426950408889634;

/// 2^(x log2 e): the product's rounding error is put back as a factor, so that the result is as
/// precise for large x as near zero. Where 2^p is 0 or infinite there is nothing to correct.
static Val exponential(KernelBuilder &b, Val x) {
  auto high = static_cast<float>(log2OfE);
  double low = log2OfE - high, ln2 = 0.6931471805599453;
  Val product = x * b.f32(high);
  Val error = b.fma(x, b.f32(high), product * b.f32(-1)) + x * b.f32(low);
  Val power = b.exp2(product);
  Val corrected = b.fma(power, error * b.f32(ln2), power);
  Val isPlain = b.val(arith::CmpFOp::create(
      b, arith::CmpFPredicate::OLT, b.intrinsic("llvm.fabs.f32", b.getF32Type(), {product}).v,
      b.f32(126).v));
  return isPlain.select(corrected, power);
}

static Val logarithm(KernelBuilder &b, Val x) { return b.log2(x) * b.f32(1 / log2OfE); }

/// Null for an operation that converts to LLVM by itself.
Value TokenKernelEmitter::elementary(Operation &op, ArrayRef<Value> operands) {
  if (isa<math::ExpOp>(op))
    return exponential(b, b.val(operands[0])).v;
  if (isa<math::LogOp>(op))
    return logarithm(b, b.val(operands[0])).v;
  if (isa<math::SqrtOp>(op))
    return b.intrinsic("llvm.sqrt.f32", b.getF32Type(), {b.val(operands[0])}).v;
  return {};
}
