//===- MatrixPowers.cpp - weights of scores, rounded to bf16 -----------------===//
//
// The matrix unit takes the place of one of two multiply-adders, so that what only the other port
// computes (multiply-adds, maxima, shifts, scalef and reduce) decides.
//
//===----------------------------------------------------------------------===//
#include "MatrixPowers.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

Value attn::weightExp2(CpuBuilder &b, Value x) {
  static constexpr double coefficients[] = {1.0, 0.695116786, 0.227644991, 0.0770670420};
  Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1)), rounding = b.i32(4);
  Value down = b.i32(9); // towards -infinity, no exceptions
  auto call = [&](StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, b.f32Vector(), b.getStringAttr(name), operands)
        .getResult(0);
  };
  Value fraction = call("llvm.x86.avx512.mask.reduce.ps.512", {x, down, b.splat(0), all, rounding});
  Value p = b.splat(coefficients[3]);
  for (int64_t i = 2; i >= 0; --i)
    p = b.fma(p, fraction, b.splat(coefficients[i]));
  return call("llvm.x86.avx512.mask.scalef.ps.512", {p, x, b.splat(0), all, rounding});
}

Value attn::packWeights(CpuBuilder &b, Value first, Value second) {
  auto rounded = [&](Value weight) -> Value {
    Value bits = arith::BitcastOp::create(b, b.i32Vector(), weight);
    return arith::AddIOp::create(b, bits, b.splatI32(0x8000));
  };
  Value low = arith::ShRUIOp::create(b, rounded(first), b.splatI32(16)), high = rounded(second);
  Value select = b.i32(0xf8); // first | (second & third)
  return LLVM::CallIntrinsicOp::create(b, b.i32Vector(),
                                       b.getStringAttr("llvm.x86.avx512.pternlog.d.512"),
                                       ValueRange{low, high, b.splatI32(-65536), select})
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

TableForm attn::tableForm(StringRef powers) {
  if (powers == "short_table")
    return {98304, 7, -16384, 0x47c00000};
  return {49152, 8, -32768, 0x47400000};
}

static Value bytes(CpuBuilder &b, function_ref<int8_t(int64_t)> byteOf) {
  SmallVector<int8_t> values;
  for (int64_t i = 0; i < 64; ++i)
    values.push_back(byteOf(i));
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get(64, b.getI8Type()), ArrayRef(values)));
}

/// Corrections of fractions i / 128, with eight bits also of those half a step on, from number
/// `first` on, in units of the last bit.
static Value corrections(CpuBuilder &b, const TableForm &form, int64_t first) {
  double unit = std::exp2(static_cast<double>(form.fraction)), half = form.fraction == 8 ? 0.25 : 0;
  return bytes(b, [&](int64_t i) {
    double f = (static_cast<double>(first + i) + half) / 128;
    return static_cast<int8_t>(std::lround(unit * (f - (std::exp2(f) - 1))));
  });
}

/// An instruction with a mask of bytes. LLVM would make two of it: it takes a constant mask for
/// something that another instruction does.
static Value maskedBytes(CpuBuilder &b, Type type, ValueRange operands, int64_t mask,
                         StringRef text, StringRef constraints) {
  SmallVector<Value> all(operands);
  all.push_back(arith::ConstantOp::create(b, b.getI64IntegerAttr(mask)));
  return LLVM::InlineAsmOp::create(b, type, all, text, constraints, false, false,
                                   LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
                                   ArrayAttr())
      .getResult(0);
}

/// The low halves of two vectors side by side.
static Value interleaveLow(CpuBuilder &b, Value first, Value second) {
  Value moves = bytes(b, [](int64_t i) { return static_cast<int8_t>(i % 16 - 2); });
  auto upperHalves = static_cast<int64_t>(0xcccccccccccccccc);
  return maskedBytes(b, first.getType(), {second, moves, first}, upperHalves,
                     "vpshufb $2, $1, $0 {$4}", "=v,v,v,0,^Yk");
}

/// Of each word of 16 bits what the low byte finds in a table of 128 bytes.
static Value lookUp(CpuBuilder &b, Value numbers, Value lower, Value upper) {
  return maskedBytes(b, numbers.getType(), {numbers, lower, upper}, 0x5555555555555555,
                     "vpermi2b $3, $2, $0 {$4} {z}", "=v,0,v,v,^Yk");
}

Value attn::tableWords(CpuBuilder &b, const TableForm &form, Value first, Value second) {
  auto halves = VectorType::get(32, b.getI16Type());
  auto cast = [&](VectorType type, Value value) -> Value {
    return vector::BitCastOp::create(b, type, value);
  };
  auto splat = [&](int16_t value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(halves, value));
  };
  Value bits = cast(halves, interleaveLow(b, first, second));
  auto dropBit = [&](Value value) -> Value {
    return form.fraction == 8 ? Value(arith::ShRUIOp::create(b, value, splat(1))) : value;
  };
  Value correction = lookUp(b, dropBit(bits), corrections(b, form, 0), corrections(b, form, 64));
  Value power = arith::SubIOp::create(b, bits, correction);
  return cast(b.i32Vector(), dropBit(power));
}
