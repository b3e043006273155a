//===- KernelBuilder.h - writes GPU kernels ----------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_KERNELBUILDER_H
#define ATTN_LIB_TARGET_NVGPU_KERNELBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

class KernelBuilder;

/// A scalar with operators: i32, i64, f32 or i1. A null one stands for "not there".
struct Val {
  KernelBuilder *b = nullptr;
  Value v;

  Val() = default;
  Val(KernelBuilder &b, Value v) : b(&b), v(v) {}
  explicit operator bool() const { return static_cast<bool>(v); }
  Type type() const { return v.getType(); }
  bool isReal() const { return type().isF32(); }
  /// `number` as a constant of this value's type.
  Val like(double number) const;

  Val operator+(Val o) const;
  Val operator-(Val o) const;
  Val operator*(Val o) const;
  Val operator&(Val o) const;
  Val operator|(Val o) const;
  Val operator^(Val o) const;
  Val operator>>(int64_t bits) const;
  Val operator<<(int64_t bits) const;
  Val operator+(int64_t o) const { return o == 0 ? *this : *this + like(static_cast<double>(o)); }
  Val operator-(int64_t o) const { return o == 0 ? *this : *this - like(static_cast<double>(o)); }
  Val operator*(int64_t o) const { return *this * like(static_cast<double>(o)); }
  Val operator&(int64_t o) const { return *this & like(static_cast<double>(o)); }
  Val operator^(int64_t o) const { return *this ^ like(static_cast<double>(o)); }
  /// Unsigned quotient.
  Val div(Val o) const;
  Val div(int64_t o) const { return o == 1 ? *this : div(like(static_cast<double>(o))); }
  /// Smaller and larger; for reals a NaN loses.
  Val min(Val o) const;
  Val max(Val o) const;
  Val min(int64_t o) const { return min(like(static_cast<double>(o))); }
  Val max(int64_t o) const { return max(like(static_cast<double>(o))); }
  /// Signed comparisons.
  Val cmp(arith::CmpIPredicate predicate, Val o) const;
  Val eq(Val o) const { return cmp(arith::CmpIPredicate::eq, o); }
  Val eq(int64_t o) const { return eq(like(static_cast<double>(o))); }
  Val ne(int64_t o) const { return cmp(arith::CmpIPredicate::ne, like(static_cast<double>(o))); }
  Val lt(Val o) const { return cmp(arith::CmpIPredicate::slt, o); }
  Val ge(Val o) const { return cmp(arith::CmpIPredicate::sge, o); }
  Val ge(int64_t o) const { return ge(like(static_cast<double>(o))); }
  Val realEq(double o) const;
  /// `this ? yes : no`.
  Val select(Val yes, Val no) const;
  Val wide() const;   // i32 -> i64
  Val narrow() const; // i64 -> i32, the low half
};

using Vals = SmallVector<Val>;

/// Scalars, structured control flow and inline PTX in an LLVM function under construction.
class KernelBuilder : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  Val val(Value v) { return Val(*this, v); }
  Val i32(int64_t number);
  Val i64(int64_t number);
  Val f32(double number);
  Val minusInfinity() { return f32(-std::numeric_limits<double>::infinity()); }

  /// A call of an LLVM intrinsic with one result.
  Val intrinsic(StringRef name, Type result, ArrayRef<Val> operands);
  void intrinsicNoResult(StringRef name, ArrayRef<Val> operands);
  Val exp2(Val x) { return intrinsic("llvm.nvvm.ex2.approx.ftz.f", getF32Type(), {x}); }
  Val log2(Val x) { return intrinsic("llvm.nvvm.lg2.approx.ftz.f", getF32Type(), {x}); }
  Val rcp(Val x) { return intrinsic("llvm.nvvm.rcp.approx.ftz.f", getF32Type(), {x}); }
  Val fma(Val x, Val y, Val z) { return intrinsic("llvm.fma.f32", getF32Type(), {x, y, z}); }
  Val special(StringRef name) {
    return intrinsic(("llvm.nvvm.read.ptx.sreg." + name).str(), getI32Type(), {});
  }
  /// The value of the lane whose number differs in the bits of `lanes`.
  Val shuffle(Val x, int64_t lanes);
  /// min, max or add of i32, among all lanes.
  Val reduced(StringRef operation, Val x);
  /// `x`, which all lanes share, in a register that is provably uniform: a warp reduction lands
  /// there, and loops and addresses that depend on it stay out of the vector registers.
  Val uniform(Val x);
  /// The same of the 64-bit address `x`.
  Val uniformAddress(Val x);
  Val bits(Val x, Type type) { return val(LLVM::BitcastOp::create(*this, type, x.v)); }

  /// Inline PTX. `$0…` are the tied values (in and out in one register), then results, then inputs.
  /// Text without effects is dead code when nobody uses its results.
  Vals ptx(const Twine &text, ArrayRef<Val> tied, ArrayRef<Type> results, ArrayRef<Val> inputs,
           bool hasEffects = true);
  void ptx(const Twine &text, ArrayRef<Val> inputs) { ptx(text, {}, {}, inputs); }

  Vals loop(Val from, Val to, ArrayRef<Val> init, function_ref<Vals(Val, Vals)> body);
  Vals loopWhile(ArrayRef<Val> init, function_ref<Val(ArrayRef<Val>)> condition,
                 function_ref<Vals(Vals)> body);
  void ifThen(Val condition, function_ref<void()> then, function_ref<void()> otherwise = nullptr);
  /// The values of one of two branches.
  Vals choose(Val condition, function_ref<Vals()> then, function_ref<Vals()> otherwise);

  Value pointerAt(Value base, Val byteOffset, unsigned space);

  /// The next launch may come as soon as there is room; this one touches no memory before the
  /// launch before it is done (attn_gpu_start.c).
  void followLaunchBefore() { letNextStart(), waitForLaunchBefore(); }
  void letNextStart() { ptx("griddepcontrol.launch_dependents;", {}); }
  void waitForLaunchBefore() { ptx("griddepcontrol.wait;", {}); }
  /// Whether kernels between attentions do so, too.
  bool followsLaunches = false;
};

/// Reduces `values` in `chains` independent chains, then those as a tree.
Val reduceInChains(ArrayRef<Val> values, size_t chains, function_ref<Val(Val, Val)> combine);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_KERNELBUILDER_H
