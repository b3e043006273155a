//===- CpuBuilder.cpp - vector code of one processor -------------------------===//
#include "CpuBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

CpuBuilder::CpuBuilder(Location loc, OpBuilder &builder, TargetAttr target, int64_t lanes)
    : ImplicitLocOpBuilder(loc, builder), laneCount(lanes > 0 ? lanes : target.getInt("lanes")),
      fused(target.getFlag("fused")), masked(target.getFlag("masked")) {
  restoreInsertionPoint(builder.saveInsertionPoint());
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value CpuBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value CpuBuilder::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(value)));
}
Value CpuBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(static_cast<int32_t>(value)));
}
Value CpuBuilder::boolean(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}
Value CpuBuilder::add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value CpuBuilder::add(Value a, int64_t b) { return b == 0 ? a : add(a, index(b)); }
Value CpuBuilder::sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
Value CpuBuilder::mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
Value CpuBuilder::div(Value a, Value b) { return arith::DivUIOp::create(*this, a, b); }
Value CpuBuilder::rem(Value a, Value b) { return arith::RemUIOp::create(*this, a, b); }
Value CpuBuilder::ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), index(b)); }
Value CpuBuilder::ceilDiv(Value a, Value b) { return div(add(a, add(b, -1)), b); }
Value CpuBuilder::floorDiv(Value a, int64_t b) {
  return arith::FloorDivSIOp::create(*this, a, index(b));
}
Value CpuBuilder::minimum(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
Value CpuBuilder::maximum(Value a, Value b) { return arith::MaxSIOp::create(*this, a, b); }
Value CpuBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return arith::CmpIOp::create(*this, predicate, a, b);
}
Value CpuBuilder::both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
Value CpuBuilder::either(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
Value CpuBuilder::negate(Value a) {
  Value ones = isa<VectorType>(a.getType())
                   ? Value(arith::ConstantOp::create(
                         *this, DenseElementsAttr::get(cast<ShapedType>(a.getType()), true)))
                   : boolean(true);
  return arith::XOrIOp::create(*this, a, ones);
}
Value CpuBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value CpuBuilder::toI32(Value value) {
  return arith::IndexCastOp::create(*this, getI32Type(), value);
}

/// `type` with its element replaced, keeping a vector a vector.
static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

Value CpuBuilder::widen(Value value) {
  if (getElementTypeOrSelf(value).isF32())
    return value;
  return arith::ExtFOp::create(*this, withElement(value.getType(), getF32Type()), value);
}
Value CpuBuilder::narrow(Value value, Type element) {
  if (element.isF32())
    return value;
  return arith::TruncFOp::create(*this, withElement(value.getType(), element), value);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value CpuBuilder::splat(double value) {
  return arith::ConstantOp::create(*this,
                                   DenseElementsAttr::get(f32Vector(), static_cast<float>(value)));
}
Value CpuBuilder::splatI32(int64_t value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(i32Vector(), static_cast<int32_t>(value)));
}
Value CpuBuilder::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, VectorType::get(laneCount, scalar.getType()), scalar);
}
Value CpuBuilder::load(Value memref, ValueRange indices, VectorType type) {
  return vector::LoadOp::create(*this, type, memref, indices);
}
void CpuBuilder::store(Value vector, Value memref, ValueRange indices) {
  vector::StoreOp::create(*this, vector, memref, indices);
}
void CpuBuilder::prefetch(Value memref, ValueRange row, int64_t size, int64_t level) {
  constexpr int64_t lineBits = 512;
  auto element = cast<MemRefType>(memref.getType()).getElementType();
  for (int64_t d = 0; d < size; d += lineBits / element.getIntOrFloatBitWidth()) {
    SmallVector<Value> indices(row);
    indices.push_back(index(d));
    prefetch(memref, indices, level);
  }
}
void CpuBuilder::prefetch(Value memref, ValueRange indices, int64_t level) {
  auto locality = static_cast<uint32_t>(4 - level);
  memref::PrefetchOp::create(*this, memref, indices, /*isWrite=*/false, locality,
                             /*isDataCache=*/true);
}
void CpuBuilder::keepOrder() {
  LLVM::FenceOp::create(*this, LLVM::AtomicOrdering::acq_rel, "singlethread");
}
Value CpuBuilder::fma(Value a, Value b, Value c) {
  if (fused)
    return vector::FMAOp::create(*this, a, b, c);
  return addf(mulf(a, b), c);
}
Value CpuBuilder::addf(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value CpuBuilder::subf(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value CpuBuilder::mulf(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value CpuBuilder::maxf(Value a, Value b) {
  return select(arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b), a, b);
}

/// Minimax polynomials of 2^f on [-1/2, 1/2], error 9e-8 and 1e-4. The constant is exactly 1:
/// otherwise every key tile would rescale the sums by one ulp although the maximum did not move.
Value CpuBuilder::polynomial(Value fraction, bool forBf16) {
  static constexpr double exact[] = {1.0,          0.693146978,   0.240222421,
                                     0.0555073374, 0.00967151264, 0.00132647272};
  static constexpr double coarse[] = {1.0, 0.693282927, 0.242210959, 0.0550089311};
  ArrayRef<double> coefficients = forBf16 ? ArrayRef<double>(coarse) : ArrayRef<double>(exact);
  Value p = splat(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    p = fma(p, fraction, splat(coefficient));
  return p;
}

/// An intrinsic that LLVM has for vectors of each width, whose bits end its name.
Value CpuBuilder::callVectorIntrinsic(Type result, StringRef name, ValueRange operands) {
  std::string full = (name + Twine(32 * laneCount)).str();
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(full), operands).getResult(0);
}

Value CpuBuilder::dotPairs(Value a, Value b, Value sum) {
  auto type = VectorType::get(2 * laneCount, getBF16Type());
  Value pairsA = vector::BitCastOp::create(*this, type, a),
        pairsB = vector::BitCastOp::create(*this, type, b);
  return callVectorIntrinsic(f32Vector(), "llvm.x86.avx512bf16.dpbf16ps.", {sum, pairsA, pairsB});
}

/// One conversion of both vectors, one behind the other, and a permutation that pairs them.
Value CpuBuilder::packPairs(Value first, Value second) {
  auto type = VectorType::get(2 * laneCount, getBF16Type());
  Value halves = callVectorIntrinsic(type, "llvm.x86.avx512bf16.cvtne2ps2bf16.", {second, first});
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < laneCount; ++i)
    order.append({i, i + laneCount});
  Value pairs = vector::ShuffleOp::create(*this, halves, halves, order);
  return vector::BitCastOp::create(*this, i32Vector(), pairs);
}

Value CpuBuilder::unpackHalf(Value words, int64_t half) {
  Value bits = half == 0 ? Value(arith::ShLIOp::create(*this, words, splatI32(16)))
                         : both(words, splatI32(-65536));
  return arith::BitcastOp::create(*this, f32Vector(), bits);
}

/// AVX-512: scalef multiplies by a power of two, and gives 0 for a NaN fraction with n = -infinity.
Value CpuBuilder::exp2Scaled(Value x, bool forBf16) {
  Value n = math::RoundEvenOp::create(*this, x);
  Value p = polynomial(subf(x, n), forBf16);
  constexpr int64_t wholeRegister = 16;
  bool isWhole = laneCount == wholeRegister;
  auto mask = getIntegerType(isWhole ? 16 : 8);
  Value all = arith::ConstantOp::create(*this, getIntegerAttr(mask, -1));
  SmallVector<Value> operands = {p, n, splat(0), all};
  constexpr int64_t currentRounding = 4;
  if (isWhole) // the others round as the mode says
    operands.push_back(i32(currentRounding));
  return callVectorIntrinsic(f32Vector(), "llvm.x86.avx512.mask.scalef.ps.", operands);
}

/// Any vector unit: adding 1.5 * 2^23 + 127 rounds to an integer with the exponent's bias in the
/// low bits; the power of two is made from them. A product, not an addition of exponents, so that a
/// NaN stays one whatever its payload; -127 makes the factor 0.
Value CpuBuilder::exp2Portable(Value x, bool forBf16) {
  Value low = splat(-127);
  x = select(arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, low, x), low, x);
  Value magic = splat(12582912.0 + 127);
  Value shifted = addf(x, magic);
  Value p = polynomial(subf(x, subf(shifted, magic)), forBf16);
  Value bits = arith::BitcastOp::create(*this, i32Vector(), shifted);
  bits = arith::ShLIOp::create(*this, bits, splatI32(23));
  return mulf(p, arith::BitcastOp::create(*this, f32Vector(), bits));
}

Value CpuBuilder::exp2(Value x, bool forBf16) {
  return masked && laneCount >= 8 ? exp2Scaled(x, forBf16) : exp2Portable(x, forBf16);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> CpuBuilder::loop(Value lower, Value upper, int64_t step, ValueRange inits,
                                    LoopBody body) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), inits);
  OpBuilder::InsertionGuard guard(*this);
  // A loop without results comes with its terminator.
  if (!loop.getBody()->empty())
    setInsertionPoint(loop.getBody()->getTerminator());
  else
    setInsertionPointToStart(loop.getBody());
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!results.empty())
    scf::YieldOp::create(*this, results);
  return SmallVector<Value>(loop.getResults());
}

void CpuBuilder::loop(Value lower, Value upper, int64_t step, function_ref<void(Value)> body) {
  loop(lower, upper, step, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
    body(i);
    return {};
  });
}

void CpuBuilder::when(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto branch =
      scf::IfOp::create(*this, condition, /*withElseRegion=*/static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenYield());
  then();
  if (!otherwise)
    return;
  setInsertionPoint(branch.elseYield());
  otherwise();
}
