//===- Scores.cpp - score regions on values in registers ---------------------===//
#include "Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::attn;

static bool isElementary(Operation &op) {
  return isa<math::TanhOp, math::ExpOp, math::Exp2Op, math::LogOp, math::Log2Op, math::AbsFOp,
             math::FmaOp, math::SqrtOp>(op);
}

LogicalResult KernelEmitter::checkScore() {
  if (!plan.hasRegion())
    return success();
  Block &region = plan.dot.getScore().front();
  for (Operation &op : region) {
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &region && !operand.getDefiningOp<arith::ConstantOp>())
        return op.emitError("expected a score region that reads its arguments and constants only, "
                            "found another value; captured "
                            "tensors are not built for this target yet");
    if (op.hasTrait<OpTrait::IsTerminator>())
      continue;
    bool isTable = isa<LookupOp>(op);
    bool isScalar = isa<arith::ArithDialect>(op.getDialect()) && op.getNumResults() == 1;
    if (isTable || isScalar || isElementary(op))
      continue;
    return op.emitError("'") << op.getName()
                             << "' cannot stand in a score region on this target; use scalar "
                                "arith, attn.lookup of one index, or "
                                "math.tanh, exp, exp2, log, log2, sqrt, absf, fma";
  }
  return success();
}

/// The fast units' functions, in forms whose absolute error stays near float32's rounding.
Val KernelEmitter::elementaryFunction(Operation &op, ArrayRef<Val> x) {
  constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;
  auto scaled = [&](Val value, double by) { return value * value.like(by); };
  if (isa<math::Exp2Op>(op))
    return b.exp2(x[0]);
  if (isa<math::ExpOp>(op))
    return b.exp2(scaled(x[0], log2e));
  if (isa<math::Log2Op>(op))
    return b.log2(x[0]);
  if (isa<math::LogOp>(op))
    return scaled(b.log2(x[0]), ln2);
  if (isa<math::SqrtOp>(op))
    return b.intrinsic("llvm.sqrt.f32", b.getF32Type(), {x[0]});
  if (isa<math::AbsFOp>(op))
    return b.intrinsic("llvm.fabs.f32", b.getF32Type(), {x[0]});
  if (isa<math::FmaOp>(op))
    return b.fma(x[0], x[1], x[2]);
  // tanh x = 1 - 2 / (1 + e^2x); both ends saturate correctly.
  Val one = b.f32(1), e = b.exp2(scaled(x[0], 2 * log2e));
  return b.fma(b.f32(-2), b.rcp(e + one), one);
}

/// Positions are i32 on the device.
static Type deviceType(Type type) {
  return type.isIndex() ? IntegerType::get(type.getContext(), 32) : type;
}

static Val castIndex(KernelBuilder &b, Val x, Type to) {
  if (x.type() == to)
    return x;
  bool widens = to.getIntOrFloatBitWidth() > x.type().getIntOrFloatBitWidth();
  return widens ? b.val(arith::ExtSIOp::create(b, to, x.v))
                : b.val(arith::TruncIOp::create(b, to, x.v));
}

static Val cloneScalar(KernelBuilder &b, Operation &op, ArrayRef<Val> operands) {
  Type type = deviceType(op.getResult(0).getType());
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return castIndex(b, operands[0], type);
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && constant.getType().isIndex())
    return b.i32(cast<IntegerAttr>(constant.getValue()).getInt());
  OperationState state(b.getLoc(), op.getName(),
                       llvm::map_to_vector(operands, [](const Val &x) { return x.v; }), type,
                       op.getAttrs());
  return b.val(b.create(state)->getResult(0));
}

/// A value that the region reads from outside: only constants come this far.
static Val outside(KernelBuilder &b, Value value) {
  return cloneScalar(b, *value.getDefiningOp(), {});
}

Val KernelEmitter::scoreOperation(Operation &op, ArrayRef<Val> operands) {
  if (isElementary(op))
    return elementaryFunction(op, operands);
  auto lookup = dyn_cast<LookupOp>(op);
  if (!lookup)
    return cloneScalar(b, op, operands);
  SmallVector<int64_t> words = llvm::map_to_vector(lookup.getTable(), [](double entry) {
    return static_cast<int64_t>(llvm::bit_cast<int32_t>(static_cast<float>(entry)));
  });
  auto number = std::distance(op.getBlock()->begin(), Block::iterator(op));
  return b.bits(tableEntry(words, operands[0], "table" + std::to_string(number)), b.getF32Type());
}

/// Runs the operations that `values` has all operands of and no result.
void KernelEmitter::runKnown(Block &region, DenseMap<Value, Val> &values) {
  for (Operation &op : region.without_terminator()) {
    if (values.count(op.getResult(0)))
      continue;
    Vals operands;
    for (Value operand : op.getOperands()) {
      if (operand.getParentBlock() != &region && !values.count(operand))
        values[operand] = outside(b, operand);
      if (Val known = values.lookup(operand))
        operands.push_back(known);
    }
    if (operands.size() == op.getNumOperands())
      values[op.getResult(0)] = scoreOperation(op, operands);
  }
}

/// Scores after the product: times the scale, then the region, element by element.
Vals KernelEmitter::applyScore(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile) {
  if (!plan.scalesScores())
    return Vals(scores);
  Val scale = b.f32(plan.scale), keyBase = keyTile * t.keys + (quadOf(tile) << 1);
  Block *region = plan.hasRegion() ? &plan.dot.getScore().front() : nullptr;
  DenseMap<Value, Val> shared; // what depends on batch and head only
  if (region) {
    shared[region->getArgument(1)] = tile.batch;
    shared[region->getArgument(2)] = tile.head;
    runKnown(*region, shared);
  }
  Vals out;
  for (auto [i, score] : llvm::enumerate(scores)) {
    out.push_back(score * scale);
    if (!region)
      continue;
    DenseMap<Value, Val> values = shared;
    values[region->getArgument(0)] = out.back();
    values[region->getArgument(3)] = tile.row + static_cast<int64_t>(8 * ((i >> 1) & 1)) + a.offset;
    values[region->getArgument(4)] = keyBase + static_cast<int64_t>(8 * (i >> 2) + (i & 1));
    runKnown(*region, values);
    out.back() = values.lookup(region->getTerminator()->getOperand(0));
  }
  return out;
}
