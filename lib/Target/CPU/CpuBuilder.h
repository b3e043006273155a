//===- CpuBuilder.h - vector code of one processor ---------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_CPUBUILDER_H
#define ATTN_LIB_TARGET_CPU_CPUBUILDER_H

#include "attn/IR/AttnAttrs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

/// Emits at its insertion point; knows the vector unit from the target's facts. `lanes`: of the
/// vectors to write, those of the target if 0.
class CpuBuilder : public ImplicitLocOpBuilder {
public:
  CpuBuilder(Location loc, OpBuilder &builder, TargetAttr target, int64_t lanes = 0);

  int64_t lanes() const { return laneCount; }
  VectorType f32Vector() const {
    return VectorType::get(laneCount, Float32Type::get(getContext()));
  }
  VectorType i32Vector() const {
    return VectorType::get(laneCount, IntegerType::get(getContext(), 32));
  }
  VectorType i1Vector() const {
    return VectorType::get(laneCount, IntegerType::get(getContext(), 1));
  }
  VectorType indexVector() const {
    return VectorType::get(laneCount, IndexType::get(getContext()));
  }

  // Scalars.
  Value index(int64_t value);
  Value f32(double value);
  Value i32(int64_t value);
  Value boolean(bool value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);        // non-negative index
  Value rem(Value a, Value b);        // non-negative index
  Value ceilDiv(Value a, int64_t b);  // non-negative index
  Value ceilDiv(Value a, Value b);    // non-negative index
  Value floorDiv(Value a, int64_t b); // any sign
  Value minimum(Value a, Value b);    // signed
  Value maximum(Value a, Value b);    // signed
  Value compare(arith::CmpIPredicate predicate, Value a, Value b);
  Value both(Value a, Value b);
  Value either(Value a, Value b);
  Value negate(Value a);
  Value select(Value condition, Value a, Value b);
  Value toI32(Value index);
  /// Element as float32, widened if it is narrower; and back, rounded to nearest even.
  Value widen(Value value);
  Value narrow(Value value, Type element);

  // Vectors of `lanes`.
  Value splat(double value);
  Value splatI32(int64_t value);
  /// A scalar in every lane.
  Value broadcast(Value scalar);
  Value load(Value memref, ValueRange indices, VectorType type);
  void store(Value vector, Value memref, ValueRange indices);
  /// Asks for `size` elements from the first of a row, a cache line at a time, to come to the cache
  /// of `level` (1 or 2). The row need not exist.
  void prefetch(Value memref, ValueRange row, int64_t size, int64_t level);
  /// The line of one element.
  void prefetch(Value memref, ValueRange indices, int64_t level);
  Value fma(Value a, Value b, Value c);
  Value addf(Value a, Value b);
  Value subf(Value a, Value b);
  Value mulf(Value a, Value b);
  /// The larger; the second operand if they do not compare (one is NaN).
  Value maxf(Value a, Value b);
  /// 2^x, at most 1 ulp off in [-126, 0]; exactly 0 below -127 and for -infinity; NaN for NaN;
  /// x must not exceed 127. `forBf16`: 1e-4 off, a fortieth of the spacing of bf16.
  Value exp2(Value x, bool forBf16 = false);
  /// sum + a0 * b0 + a1 * b1 in each lane, of words that hold two bf16 (i32 vectors). Needs
  /// bf16_dot.
  Value dotPairs(Value a, Value b, Value sum);
  /// Words of two bf16, rounded to nearest even, the first in the low half. Needs bf16_dot.
  Value packPairs(Value first, Value second);
  /// Half 0 or 1 of words of two bf16, as float32.
  Value unpackHalf(Value words, int64_t half);

  /// Keeps loads and stores in front of this point from passing those behind it. No instruction
  /// comes of it.
  void keepOrder();

  // Control.
  using LoopBody = function_ref<SmallVector<Value>(Value, ValueRange)>;
  SmallVector<Value> loop(Value lower, Value upper, int64_t step, ValueRange inits, LoopBody body);
  void loop(Value lower, Value upper, int64_t step, function_ref<void(Value)> body);
  void when(Value condition, function_ref<void()> then, function_ref<void()> otherwise = nullptr);

private:
  Value callVectorIntrinsic(Type result, StringRef name, ValueRange operands);
  Value polynomial(Value fraction, bool forBf16);
  Value exp2Scaled(Value x, bool forBf16);
  Value exp2Portable(Value x, bool forBf16);

  int64_t laneCount;
  bool fused, masked;
};

/// Transposes n vectors of n words, n a power of two.
SmallVector<Value> transposeWords(CpuBuilder &b, SmallVector<Value> rows);
/// `vector` with zeros behind it, `count` elements in all.
Value padVector(CpuBuilder &b, Value vector, int64_t count);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_CPUBUILDER_H
