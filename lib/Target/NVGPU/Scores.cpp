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

static bool mayApproximate(Operation &op) {
  auto flags = dyn_cast<arith::ArithFastMathInterface>(op);
  return flags && arith::bitEnumContainsAll(flags.getFastMathFlagsAttr().getValue(),
                                            arith::FastMathFlags::afn);
}

/// tanh x = 1 - 2 / (1 + e^2x): the absolute error stays near float32's rounding and both ends
/// saturate correctly. `afn` allows the unit's own tanh, half the work with 11 bits.
static ScoreValue hyperbolicTangent(KernelBuilder &b, Operation &op, const ScoreValue &x) {
  constexpr double log2e = 1.4426950408889634;
  if (mayApproximate(op))
    return b.ptx("tanh.approx.f32 $0, $1;", {}, {b.getF32Type()}, {x.v}, /*hasEffects=*/false)
        .front();
  Val e = b.exp2(x.scaled(2 * log2e).v);
  return ScoreValue::linear(b.rcp(e + b.f32(1)), -2, 1);
}

/// The fast units' functions, in forms whose absolute error stays near float32's rounding.
ScoreValue KernelEmitter::elementaryFunction(Operation &op, ArrayRef<ScoreValue> x) {
  constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;
  if (isa<math::Exp2Op>(op))
    return b.exp2(x[0].v);
  if (isa<math::ExpOp>(op))
    return b.exp2(x[0].scaled(log2e).v);
  if (isa<math::Log2Op>(op))
    return b.log2(x[0].v);
  if (isa<math::LogOp>(op))
    return ScoreValue::linear(b.log2(x[0].v), ln2, 0);
  if (isa<math::SqrtOp>(op))
    return b.intrinsic("llvm.sqrt.f32", b.getF32Type(), {x[0].v});
  if (isa<math::AbsFOp>(op))
    return b.intrinsic("llvm.fabs.f32", b.getF32Type(), {x[0].v});
  if (isa<math::FmaOp>(op))
    return b.fma(x[0].v, x[1].v, x[2].v);
  return hyperbolicTangent(b, op, x[0]);
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

/// A product and the sum that takes it up may round once.
static void allowContraction(Operation *op) {
  if (auto flags = dyn_cast<arith::ArithFastMathInterface>(op)) {
    auto given = flags.getFastMathFlagsAttr();
    auto allowed =
        (given ? given.getValue() : arith::FastMathFlags::none) | arith::FastMathFlags::contract;
    op->setAttr(flags.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op->getContext(), allowed));
  }
}

static Val cloneScalar(KernelBuilder &b, Operation &op, ArrayRef<ScoreValue> operands) {
  Type type = deviceType(op.getResult(0).getType());
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return castIndex(b, operands[0].v, type);
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && constant.getType().isIndex())
    return b.i32(cast<IntegerAttr>(constant.getValue()).getInt());
  OperationState state(b.getLoc(), op.getName(),
                       llvm::map_to_vector(operands, [](const ScoreValue &x) { return x.v.v; }),
                       type, op.getAttrs());
  Operation *clone = b.create(state);
  allowContraction(clone);
  return b.val(clone->getResult(0));
}

/// A value that the region reads from outside: only constants come this far.
static Val outside(KernelBuilder &b, Value value) {
  return cloneScalar(b, *value.getDefiningOp(), {});
}

ScoreValue KernelEmitter::scoreOperation(Operation &op, ArrayRef<ScoreValue> operands) {
  if (isElementary(op))
    return elementaryFunction(op, operands);
  if (ScoreValue known = foldForms(op, operands))
    return known;
  auto lookup = dyn_cast<LookupOp>(op);
  if (!lookup)
    return cloneScalar(b, op, operands);
  SmallVector<int64_t> words = llvm::map_to_vector(lookup.getTable(), [](double entry) {
    return static_cast<int64_t>(llvm::bit_cast<int32_t>(static_cast<float>(entry)));
  });
  auto number = std::distance(op.getBlock()->begin(), Block::iterator(op));
  return b.bits(tableEntry(words, operands[0].v, "table" + std::to_string(number)), b.getF32Type());
}

/// Runs the operations that `values` has all operands of and no result.
void KernelEmitter::runKnown(Block &region, DenseMap<Value, ScoreValue> &values) {
  for (Operation &op : region.without_terminator()) {
    if (values.count(op.getResult(0)))
      continue;
    SmallVector<ScoreValue> operands;
    for (Value operand : op.getOperands()) {
      if (operand.getParentBlock() != &region && !values.count(operand))
        values[operand] = outside(b, operand);
      if (ScoreValue known = values.lookup(operand))
        operands.push_back(known);
    }
    if (operands.size() == op.getNumOperands())
      values[op.getResult(0)] = scoreOperation(op, operands);
  }
}

/// What depends on batch and head only.
DenseMap<Value, ScoreValue> KernelEmitter::sharedScoreValues(const QueryTile &tile, Val head) {
  DenseMap<Value, ScoreValue> shared;
  if (!plan.hasRegion())
    return shared;
  Block &region = plan.dot.getScore().front();
  shared[region.getArgument(1)] = tile.batch;
  shared[region.getArgument(2)] = head;
  runKnown(region, shared);
  return shared;
}

/// One product's score: times the scale, then the region.
Val KernelEmitter::scoreOf(const DenseMap<Value, ScoreValue> &shared, Val product,
                           ScoreValue position, ScoreValue key) {
  ScoreValue scaled = ScoreValue::linear(product, plan.scale, 0);
  if (!plan.hasRegion())
    return scaled.v;
  Block &region = plan.dot.getScore().front();
  DenseMap<Value, ScoreValue> values = shared;
  values[region.getArgument(0)] = scaled;
  values[region.getArgument(3)] = position;
  values[region.getArgument(4)] = key;
  runKnown(region, values);
  return values.lookup(region.getTerminator()->getOperand(0)).v;
}

/// Scores after the product, element by element.
Vals KernelEmitter::applyScore(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile) {
  if (!plan.scalesScores())
    return Vals(scores);
  Val keyBase = firstKeyOf(tile, keyTile);
  DenseMap<Value, ScoreValue> shared[2]; // per row
  for (unsigned r = 0; r < 2; ++r)
    shared[r] = r == 1 && !tile.rowHead[1] ? shared[0] : sharedScoreValues(tile, headOf(tile, r));
  Vals out;
  for (auto [i, score] : llvm::enumerate(scores)) {
    unsigned r = rowOf(i);
    ScoreValue key = ScoreValue::position(keyBase, static_cast<int64_t>(8 * (i >> 2) + (i & 1)));
    out.push_back(scoreOf(shared[r], score, positionOf(tile, r), key));
  }
  return out;
}
