//===- TokenOpsRope.cpp - loops of the rotary embedding, sine and cosine included ---===//
#include "TokenOps.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

struct SineCosine {
  Value sine, cosine;
};

/// Short spellings of float64 arithmetic. Only sums, products and selections, so that the loop over
/// pairs becomes vector code on every target, with no call of a mathematical library.
struct F64 {
  LoopBuilder &b;
  Value constant(double value) { return f64Constant(b, value); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value negate(Value x) { return arith::NegFOp::create(b, x); }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, condition, x, y);
  }
  Value equal(Value x, double y) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, constant(y));
  }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, x, y); }
  /// Nearest integer, ties to even, of |x| < 2^51: the sum has no bits below one.
  Value round(Value x) {
    Value magic = constant(0x1.8p52);
    return sub(add(x, magic), magic);
  }
  /// c[0] + x (c[1] + x (c[2] + ...)).
  Value polynomial(Value x, ArrayRef<double> c) {
    Value result = constant(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      result = add(mul(result, x), constant(coefficient));
    return result;
  }
};

} // namespace

/// Sine and cosine on [-pi/4, pi/4] by their Taylor series: the first term left out is below
/// 7e-12, far under half a float32 ulp of one.
static SineCosine kernelSineCosine(F64 &f, Value r) {
  static const double sine[] = {1.0,         -1.0 / 6,     1.0 / 120,
                                -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800};
  static const double cosine[] = {1.0,         -1.0 / 2,       1.0 / 24,       -1.0 / 720,
                                  1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600};
  Value square = f.mul(r, r);
  return {f.mul(r, f.polynomial(square, sine)), f.polynomial(square, cosine)};
}

/// angle - n pi/2. Two pieces of pi/2 have 22 bits, so that their products with any |n| < 2^31 are
/// exact without a fused multiply-add (Cody and Waite).
static Value reduce(F64 &f, Value angle, Value n) {
  const double pieces[] = {0x1.921fbp0, 0x1.5110bp-22, 0x1.18469898cc517p-44};
  for (double piece : pieces)
    angle = f.sub(angle, f.mul(n, f.constant(piece)));
  return angle;
}

/// Sine and cosine of a float64 angle of at most 2^31 right angles.
static SineCosine sineCosine(LoopBuilder &b, Value angle) {
  F64 f{b};
  Value n = f.round(f.mul(angle, f.constant(0x1.45f306dc9c883p-1))); // 2/pi
  SineCosine kernel = kernelSineCosine(f, reduce(f, angle, n));
  // n mod 4: n/4 - 3/8 lies within 3/8 of floor(n/4).
  Value fours = f.round(f.sub(f.mul(n, f.constant(0.25)), f.constant(0.375)));
  Value quadrant = f.sub(n, f.mul(fours, f.constant(4.0)));
  Value one = f.equal(quadrant, 1.0), two = f.equal(quadrant, 2.0), three = f.equal(quadrant, 3.0);
  Value odd = f.either(one, three);
  Value sine = f.select(odd, kernel.cosine, kernel.sine);
  Value cosine = f.select(odd, kernel.sine, kernel.cosine);
  return {f.select(f.either(two, three), f.negate(sine), sine),
          f.select(f.either(one, two), f.negate(cosine), cosine)};
}

namespace {

/// The tables of one token (and one head, if heads differ): sine and cosine of each pair.
struct Tables {
  Value frequencies;  // [1 or heads][pairs], f64
  Value sine, cosine; // [pairs], f32
  int64_t pairs;
};

} // namespace

/// Frequencies of all heads, one row when heads agree, as a constant of the module.
static Value frequencyTable(LoopBuilder &b, RopeAttr rope, int64_t heads) {
  int64_t rows = rope.has("bases") ? heads : 1;
  SmallVector<double> values;
  for (int64_t head = 0; head < rows; ++head)
    llvm::append_range(values, rope.getFrequencies(head));
  auto type = RankedTensorType::get({rows, rope.getDims() / 2}, b.getF64Type());
  return constantTable(b, "attn_frequencies", DenseFPElementsAttr::get(type, values));
}

/// Float32 sine and cosine of `position * frequency`, times the magnitude.
static void fillTables(LoopBuilder &b, RopeAttr rope, const Tables &tables, Value position,
                       Value row) {
  forRange(b, 0, tables.pairs, [&](Value pair) {
    Value frequency = memref::LoadOp::create(b, tables.frequencies, ValueRange{row, pair});
    SineCosine both = sineCosine(b, arith::MulFOp::create(b, position, frequency));
    Value magnitude = f64Constant(b, rope.getReal("magnitude"));
    auto store = [&](Value value, Value table) {
      value = arith::MulFOp::create(b, value, magnitude);
      value = arith::TruncFOp::create(b, b.getF32Type(), value);
      memref::StoreOp::create(b, value, table, pair);
    };
    store(both.sine, tables.sine);
    store(both.cosine, tables.cosine);
  });
}

/// Turns the pairs of one head vector.
static void rotatePairs(LoopBuilder &b, RopeAttr rope, const Tables &tables, Value in, Value out,
                        ArrayRef<Value> vector) {
  auto at = [&](Value element) {
    SmallVector<Value> indices(vector);
    indices.push_back(element);
    return indices;
  };
  forRange(b, 0, tables.pairs, [&](Value pair) {
    Value left = pair, right = addIndex(b, pair, tables.pairs);
    if (rope.isInterleaved()) {
      left = arith::AddIOp::create(b, pair, pair);
      right = addIndex(b, left, 1);
    }
    left = addIndex(b, left, rope.getStart());
    right = addIndex(b, right, rope.getStart());
    Value sine = memref::LoadOp::create(b, tables.sine, pair);
    Value cosine = memref::LoadOp::create(b, tables.cosine, pair);
    Value x = loadF32(b, in, at(left)), y = loadF32(b, in, at(right));
    auto mul = [&](Value p, Value q) { return arith::MulFOp::create(b, p, q).getResult(); };
    storeF32(b, arith::SubFOp::create(b, mul(x, cosine), mul(y, sine)), out, at(left));
    storeF32(b, arith::AddFOp::create(b, mul(y, cosine), mul(x, sine)), out, at(right));
  });
}

/// Copies elements [first, last), which the embedding leaves alone.
static void copyRange(LoopBuilder &b, Value in, Value out, ArrayRef<Value> vector, int64_t first,
                      int64_t last) {
  if (first == last)
    return;
  forRange(b, first, last, [&](Value i) {
    SmallVector<Value> at(vector);
    at.push_back(i);
    memref::StoreOp::create(b, memref::LoadOp::create(b, in, at), out, at);
  });
}

void attn::tileRope(LoopBuilder &b, RopeOp op, ValueRange inputs, ValueRange outputs) {
  RopeAttr rope = op.getRope();
  Value in = inputs[0], out = outputs[0];
  Value start = inputs.size() > 1 ? inputs[1] : indexConstant(b, 0);
  auto type = cast<MemRefType>(out.getType());
  int64_t heads = type.getDimSize(1), pairs = rope.getDims() / 2;
  Value frequencies = frequencyTable(b, rope, heads);
  bool perHead = rope.has("bases");

  // Token outside, head inside: all heads of a token share its sines and cosines.
  parallelFor(b, {sizeOf(b, out, 0), sizeOf(b, out, 2)}, [&](ValueRange at) {
    auto tableType = MemRefType::get({pairs}, b.getF32Type());
    Tables tables{frequencies, memref::AllocaOp::create(b, tableType),
                  memref::AllocaOp::create(b, tableType), pairs};
    Value position =
        arith::IndexCastOp::create(b, b.getI64Type(), arith::AddIOp::create(b, start, at[1]));
    position = arith::SIToFPOp::create(b, b.getF64Type(), position);
    if (!perHead)
      fillTables(b, rope, tables, position, indexConstant(b, 0));
    forRange(b, 0, heads, [&](Value head) {
      if (perHead)
        fillTables(b, rope, tables, position, head);
      Value vector[] = {at[0], head, at[1]};
      copyRange(b, in, out, vector, 0, rope.getStart());
      rotatePairs(b, rope, tables, in, out, vector);
      copyRange(b, in, out, vector, rope.getStart() + rope.getDims(), type.getDimSize(3));
    });
  });
}
