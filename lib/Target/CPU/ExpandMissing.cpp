//===- ExpandMissing.cpp - code for instructions a processor lacks -----------===//
#include "ExpandMissing.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
/// Integer and float32 code on scalars or on vectors of one shape.
class BitBuilder : public ImplicitLocOpBuilder {
public:
  BitBuilder(Operation *op, PatternRewriter &rewriter)
      : ImplicitLocOpBuilder(op->getLoc(), rewriter), like(op->getResult(0).getType()) {}

  /// `element` in the shape of the operation.
  Type shaped(Type element) const {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }
  Type i32() { return shaped(getI32Type()); }
  Type f32() { return shaped(getF32Type()); }

  Value constant(uint32_t bits) {
    auto number = getI32IntegerAttr(static_cast<int32_t>(bits));
    auto vector = dyn_cast<VectorType>(i32());
    return arith::ConstantOp::create(
        *this,
        vector ? TypedAttr(DenseElementsAttr::get(vector, Attribute(number))) : TypedAttr(number));
  }
  Value land(Value x, uint32_t mask) { return arith::AndIOp::create(*this, x, constant(mask)); }
  Value lor(Value x, Value y) { return arith::OrIOp::create(*this, x, y); }
  Value plus(Value x, uint32_t y) { return arith::AddIOp::create(*this, x, constant(y)); }
  Value left(Value x, uint32_t n) { return arith::ShLIOp::create(*this, x, constant(n)); }
  Value right(Value x, uint32_t n) { return arith::ShRUIOp::create(*this, x, constant(n)); }
  Value asFloat(Value x) { return arith::BitcastOp::create(*this, f32(), x); }
  Value asBits(Value x) { return arith::BitcastOp::create(*this, i32(), x); }
  Value below(Value x, uint32_t y) {
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, x, constant(y));
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(*this, condition, x, y);
  }

private:
  Type like;
};

/// float16 to float32, exact. The exponent moves up by 112; infinities and NaN move by as much
/// again, and a subnormal, read as 2^-14 too large, loses that by subtraction.
struct ExpandHalfToFloat : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn()).isF16() || !getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    BitBuilder b(op, rewriter);
    Value half = arith::BitcastOp::create(b, b.shaped(b.getI16Type()), op.getIn());
    Value bits = arith::ExtUIOp::create(b, b.i32(), half);
    Value moved = b.plus(b.left(b.land(bits, 0x7fff), 13), 112u << 23);
    Value huge = b.plus(moved, 112u << 23);
    Value tiny = arith::SubFOp::create(b, b.asFloat(b.plus(moved, 1u << 23)),
                                       b.asFloat(b.constant(113u << 23)));
    Value size = b.select(b.below(moved, 113u << 23), b.asBits(tiny),
                          b.select(b.below(moved, 143u << 23), moved, huge));
    rewriter.replaceOp(op, b.asFloat(b.lor(size, b.left(b.land(bits, 0x8000), 16))));
    return success();
  }
};

/// float32 to float16, to nearest even. A result that is subnormal is rounded by adding 1/2, whose
/// unit in the last place is the smallest float16; the carry of a normal one runs into exponent and
/// infinity.
struct ExpandFloatToHalf : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn()).isF32() || !getElementTypeOrSelf(op.getType()).isF16() ||
        op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
            arith::RoundingMode::to_nearest_even)
      return failure();
    BitBuilder b(op, rewriter);
    Value bits = b.asBits(op.getIn()), size = b.land(bits, 0x7fffffff);
    constexpr uint32_t oneHalf = 126u << 23;
    Value tiny =
        b.plus(b.asBits(arith::AddFOp::create(b, b.asFloat(size), b.asFloat(b.constant(oneHalf)))),
               0u - oneHalf);
    Value odd = b.land(b.right(size, 13), 1);
    Value normal = b.right(arith::AddIOp::create(b, b.plus(size, 0xfff - (112u << 23)), odd), 13);
    Value special =
        b.select(b.below(size, (255u << 23) + 1), b.constant(0x7c00), b.constant(0x7e00));
    Value half = b.select(b.below(size, 113u << 23), tiny,
                          b.select(b.below(size, 143u << 23), normal, special));
    half = b.lor(half, b.land(b.right(bits, 16), 0x8000));
    half = arith::TruncIOp::create(b, b.shaped(b.getI16Type()), half);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), half);
    return success();
  }
};

struct ExpandFma : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    Value product = arith::MulFOp::create(rewriter, op.getLoc(), op.getA(), op.getB());
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, product, op.getC());
    return success();
  }
};

/// floor and ceil of float32. Adding 2^23 to a smaller number rounds to the nearest integer; if
/// that went the wrong way, one step back. Numbers from 2^23 on are integers, or NaN.
template <typename Op, arith::CmpFPredicate isWrong, int32_t back>
struct ExpandRounding : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    BitBuilder b(op, rewriter);
    Value x = op.getOperand(), bits = b.asBits(x), size = b.land(bits, 0x7fffffff);
    auto signedLike = [&](Value y) {
      return b.asFloat(b.lor(b.asBits(y), b.land(bits, 0x80000000)));
    };
    Value limit = b.asFloat(b.constant(150u << 23));
    Value near = arith::SubFOp::create(b, arith::AddFOp::create(b, b.asFloat(size), limit), limit);
    near = signedLike(near);
    Value step = b.asFloat(b.constant(back > 0 ? 0x3f800000 : 0xbf800000));
    Value moved = signedLike(arith::AddFOp::create(b, near, step));
    Value wrong = arith::CmpFOp::create(b, isWrong, near, x);
    Value result = b.select(wrong, moved, near);
    rewriter.replaceOp(op, b.select(b.below(size, 150u << 23), result, x));
    return success();
  }
};
using ExpandFloor = ExpandRounding<math::FloorOp, arith::CmpFPredicate::OGT, -1>;
using ExpandCeil = ExpandRounding<math::CeilOp, arith::CmpFPredicate::OLT, 1>;
} // namespace

/// x86-64 rounds to integers since SSE4.1, AArch64 always.
static bool lacksRounding(TargetAttr target) {
  return target.getWord("triple").starts_with("x86") &&
         !target.getWord("features").contains("+sse4.1");
}

void attn::populateMissingInstructionPatterns(RewritePatternSet &patterns, TargetAttr target) {
  if (!target.getFlag("fused"))
    patterns.add<ExpandFma>(patterns.getContext());
  if (!target.getFlag("f16_convert"))
    patterns.add<ExpandHalfToFloat, ExpandFloatToHalf>(patterns.getContext());
  if (lacksRounding(target))
    patterns.add<ExpandFloor, ExpandCeil>(patterns.getContext());
}
