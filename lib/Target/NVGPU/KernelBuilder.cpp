//===- KernelBuilder.cpp - writes GPU kernels --------------------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

Val Val::like(double number) const {
  if (isReal())
    return b->f32(number);
  return type().isInteger(64) ? b->i64(static_cast<int64_t>(number))
                              : b->i32(static_cast<int64_t>(number));
}

template <typename IntOp, typename RealOp> static Val arithmetic(const Val &x, const Val &y) {
  KernelBuilder &b = *x.b;
  return x.isReal() ? b.val(RealOp::create(b, x.v, y.v)) : b.val(IntOp::create(b, x.v, y.v));
}

Val Val::operator+(Val o) const { return arithmetic<arith::AddIOp, arith::AddFOp>(*this, o); }
Val Val::operator-(Val o) const { return arithmetic<arith::SubIOp, arith::SubFOp>(*this, o); }
Val Val::operator*(Val o) const { return arithmetic<arith::MulIOp, arith::MulFOp>(*this, o); }
Val Val::min(Val o) const { return arithmetic<arith::MinSIOp, arith::MinNumFOp>(*this, o); }
Val Val::max(Val o) const { return arithmetic<arith::MaxSIOp, arith::MaxNumFOp>(*this, o); }
Val Val::operator&(Val o) const { return b->val(arith::AndIOp::create(*b, v, o.v)); }
Val Val::operator|(Val o) const { return b->val(arith::OrIOp::create(*b, v, o.v)); }
Val Val::operator^(Val o) const { return b->val(arith::XOrIOp::create(*b, v, o.v)); }
Val Val::operator>>(int64_t bits) const {
  return b->val(arith::ShRUIOp::create(*b, v, like(static_cast<double>(bits)).v));
}
Val Val::operator<<(int64_t bits) const {
  return b->val(arith::ShLIOp::create(*b, v, like(static_cast<double>(bits)).v));
}
Val Val::div(Val o) const { return b->val(arith::DivUIOp::create(*b, v, o.v)); }
Val Val::cmp(arith::CmpIPredicate predicate, Val o) const {
  return b->val(arith::CmpIOp::create(*b, predicate, v, o.v));
}
Val Val::realEq(double o) const {
  return b->val(arith::CmpFOp::create(*b, arith::CmpFPredicate::OEQ, v, b->f32(o).v));
}
Val Val::select(Val yes, Val no) const {
  return b->val(arith::SelectOp::create(*b, v, yes.v, no.v));
}
Val Val::wide() const { return b->val(arith::ExtSIOp::create(*b, b->getI64Type(), v)); }
Val Val::narrow() const { return b->val(arith::TruncIOp::create(*b, b->getI32Type(), v)); }

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Val KernelBuilder::i32(int64_t number) {
  return val(arith::ConstantOp::create(
      *this,
      IntegerAttr::get(getI32Type(), APInt(32, static_cast<uint64_t>(number), false, true))));
}
Val KernelBuilder::i64(int64_t number) {
  return val(arith::ConstantOp::create(*this, getI64IntegerAttr(number)));
}
Val KernelBuilder::f32(double number) {
  return val(arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(number))));
}

static SmallVector<Value> raw(ArrayRef<Val> values) {
  return llvm::map_to_vector(values, [](const Val &x) { return x.v; });
}

Val KernelBuilder::intrinsic(StringRef name, Type result, ArrayRef<Val> operands) {
  return val(LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), raw(operands))
                 .getResult(0));
}
void KernelBuilder::intrinsicNoResult(StringRef name, ArrayRef<Val> operands) {
  LLVM::CallIntrinsicOp::create(*this, getStringAttr(name), raw(operands));
}

Val KernelBuilder::shuffle(Val x, int64_t lanes) {
  StringRef name = x.isReal() ? "llvm.nvvm.shfl.sync.bfly.f32" : "llvm.nvvm.shfl.sync.bfly.i32";
  return intrinsic(name, x.type(), {i32(-1), x, i32(lanes), i32(31)});
}

Val KernelBuilder::reduced(StringRef operation, Val x) {
  return ptx("redux.sync." + operation + ".s32 $0, $1, 0xffffffff;", {}, {getI32Type()}, {x})
      .front();
}

Val KernelBuilder::uniform(Val x) {
  return intrinsic("llvm.nvvm.redux.sync.umax", getI32Type(), {x, i32(-1)});
}

Val KernelBuilder::uniformAddress(Val x) {
  Val high = val(arith::ShRUIOp::create(*this, x.v, i64(32).v));
  auto wide = [&](Val half) {
    return val(arith::ExtUIOp::create(*this, getI64Type(), uniform(half.narrow()).v));
  };
  return (wide(high) << 32) | wide(x);
}

//===----------------------------------------------------------------------===//
// Inline PTX
//===----------------------------------------------------------------------===//

static StringRef constraintOf(Type type) {
  if (type.isF32())
    return "f";
  return type.isInteger(32) ? "r" : "l";
}

static std::string constraints(ArrayRef<Type> results, size_t numTied, ArrayRef<Val> inputs,
                               bool hasEffects) {
  std::string text;
  for (Type type : results)
    text += ("=" + constraintOf(type) + ",").str();
  for (size_t i = 0; i < numTied; ++i)
    text += std::to_string(i) + ",";
  for (const Val &x : inputs)
    text += (constraintOf(x.type()) + ",").str();
  if (hasEffects)
    return text + "~{memory}";
  text.pop_back();
  return text;
}

Vals KernelBuilder::ptx(const Twine &text, ArrayRef<Val> tied, ArrayRef<Type> results,
                        ArrayRef<Val> inputs, bool hasEffects) {
  SmallVector<Type> types = llvm::map_to_vector(tied, [](const Val &x) { return x.type(); });
  llvm::append_range(types, results);
  SmallVector<Value> operands = raw(tied);
  llvm::append_range(operands, raw(inputs));
  Type type;
  if (types.size() == 1)
    type = types.front();
  else if (!types.empty())
    type = LLVM::LLVMStructType::getLiteral(getContext(), types);
  auto op = LLVM::InlineAsmOp::create(
      *this, type, operands, text.str(), constraints(types, tied.size(), inputs, hasEffects),
      /*has_side_effects=*/hasEffects, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  Vals out;
  if (types.size() == 1)
    out.push_back(val(op->getResult(0)));
  else
    for (size_t i = 0; i < types.size(); ++i)
      out.push_back(
          val(LLVM::ExtractValueOp::create(*this, op->getResult(0), static_cast<int64_t>(i))));
  return out;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

static Vals wrap(KernelBuilder &b, ValueRange values) {
  return Vals(llvm::map_range(values, [&](Value v) { return b.val(v); }));
}

Vals KernelBuilder::loop(Val from, Val to, ArrayRef<Val> init, function_ref<Vals(Val, Vals)> body) {
  auto op = scf::ForOp::create(*this, from.v, to.v, i32(1).v, raw(init));
  OpBuilder::InsertionGuard guard(*this);
  // Without values the loop comes with its terminator.
  setInsertionPointToStart(op.getBody());
  Vals next = body(val(op.getInductionVar()), wrap(*this, op.getRegionIterArgs()));
  if (!init.empty())
    scf::YieldOp::create(*this, raw(next));
  return wrap(*this, op.getResults());
}

Vals KernelBuilder::loopWhile(ArrayRef<Val> init, function_ref<Val(ArrayRef<Val>)> condition,
                              function_ref<Vals(Vals)> body) {
  SmallVector<Type> types = llvm::map_to_vector(init, [](const Val &x) { return x.type(); });
  SmallVector<Location> locations(types.size(), getLoc());
  auto op = scf::WhileOp::create(*this, types, raw(init));
  OpBuilder::InsertionGuard guard(*this);
  Block *before = createBlock(&op.getBefore(), {}, types, locations);
  Vals arguments = wrap(*this, before->getArguments());
  scf::ConditionOp::create(*this, condition(arguments).v, before->getArguments());
  Block *after = createBlock(&op.getAfter(), {}, types, locations);
  scf::YieldOp::create(*this, raw(body(wrap(*this, after->getArguments()))));
  return wrap(*this, op.getResults());
}

void KernelBuilder::ifThen(Val condition, function_ref<void()> then,
                           function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(*this, condition.v, static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
  if (!otherwise)
    return;
  setInsertionPointToStart(op.elseBlock());
  otherwise();
}

Vals KernelBuilder::choose(Val condition, function_ref<Vals()> then,
                           function_ref<Vals()> otherwise) {
  OpBuilder::InsertionGuard guard(*this);
  Vals results;
  auto branch = [&](function_ref<Vals()> make) {
    return [&, make](OpBuilder &inner, Location) {
      InsertionGuard here(*this);
      restoreInsertionPoint(inner.saveInsertionPoint());
      scf::YieldOp::create(*this, raw(make()));
    };
  };
  auto op = scf::IfOp::create(*this, condition.v, branch(then), branch(otherwise));
  return wrap(*this, op.getResults());
}

Value KernelBuilder::pointerAt(Value base, Val byteOffset, unsigned space) {
  return LLVM::GEPOp::create(*this, LLVM::LLVMPointerType::get(getContext(), space), getI8Type(),
                             base, ArrayRef<LLVM::GEPArg>{byteOffset.v});
}

Val attn::reduceInChains(ArrayRef<Val> values, size_t chains, function_ref<Val(Val, Val)> combine) {
  Vals partial(values.take_front(chains));
  for (size_t i = partial.size(); i < values.size(); ++i)
    partial[i % chains] = combine(partial[i % chains], values[i]);
  while (partial.size() > 1) {
    Vals next;
    for (size_t i = 0; i < partial.size(); i += 2)
      next.push_back(i + 1 < partial.size() ? combine(partial[i], partial[i + 1]) : partial[i]);
    partial = next;
  }
  return partial.front();
}
