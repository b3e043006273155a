//===- ScoreValue.cpp - a value of a score region, and its known forms -------===//
#include "ScoreValue.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::attn;

ScoreValue ScoreValue::linear(Val source, double factor, double addend) {
  KernelBuilder &b = *source.b;
  ScoreValue out(addend != 0 ? b.fma(source, b.f32(factor), b.f32(addend))
                             : source * b.f32(factor));
  out.source = source, out.factor = factor, out.addend = addend;
  return out;
}

ScoreValue ScoreValue::position(Val row, int64_t column) {
  ScoreValue out(row + column);
  out.row = row, out.column = column;
  return out;
}

ScoreValue ScoreValue::scaled(double by, double plus) const {
  return source ? linear(source, factor * by, addend * by + plus) : linear(v, by, plus);
}

static std::optional<double> constantOf(Value value) {
  FloatAttr real;
  if (matchPattern(value, m_Constant(&real)) && real.getType().isF32())
    return real.getValueAsDouble();
  return std::nullopt;
}

/// One operand is a constant. Zero and non-finite factors keep their own rules for infinities.
static ScoreValue foldReal(Operation &op, ArrayRef<ScoreValue> x) {
  std::optional<double> left = constantOf(op.getOperand(0)), right = constantOf(op.getOperand(1));
  if (left && right)
    return {};
  bool usable = left ? std::isfinite(*left) : right && std::isfinite(*right);
  if (!usable)
    return {};
  double constant = left ? *left : *right;
  const ScoreValue &other = left ? x[1] : x[0];
  if (isa<arith::MulFOp>(op) && constant != 0)
    return other.scaled(constant);
  if (isa<arith::DivFOp>(op) && right && constant != 0 && std::isfinite(1 / constant))
    return other.scaled(1 / constant);
  if (isa<arith::AddFOp>(op))
    return other.scaled(1, constant);
  if (isa<arith::SubFOp>(op))
    return left ? other.scaled(-1, constant) : other.scaled(1, -constant);
  return {};
}

static ScoreValue foldPosition(Operation &op, ArrayRef<ScoreValue> x) {
  auto formOf = [](const ScoreValue &value) {
    return value.row ? std::pair(value.row, value.column) : std::pair(value.v, int64_t(0));
  };
  auto [left, leftColumn] = formOf(x[0]);
  auto [right, rightColumn] = formOf(x[1]);
  if (leftColumn == 0 && rightColumn == 0)
    return {};
  if (isa<arith::AddIOp>(op))
    return ScoreValue::position(left + right, leftColumn + rightColumn);
  if (isa<arith::SubIOp>(op))
    return ScoreValue::position(left - right, leftColumn - rightColumn);
  return {};
}

/// A position as a real number: converted once per row; the column is added as a real number, which
/// is exact up to 2^24 and rounds like the conversion beyond.
static ScoreValue foldConversion(const ScoreValue &x, Type to) {
  if (!x.row || !to.isF32() || !x.row.type().isInteger(32))
    return {};
  KernelBuilder &b = *x.v.b;
  Val row = b.val(arith::SIToFPOp::create(b, to, x.row.v));
  return x.column == 0 ? row : row + b.f32(static_cast<double>(x.column));
}

ScoreValue attn::foldForms(Operation &op, ArrayRef<ScoreValue> operands) {
  if (isa<arith::MulFOp, arith::DivFOp, arith::AddFOp, arith::SubFOp>(op))
    return op.getResult(0).getType().isF32() ? foldReal(op, operands) : ScoreValue();
  if (isa<arith::AddIOp, arith::SubIOp>(op) && operands[0].v.type().isInteger(32))
    return foldPosition(op, operands);
  if (isa<arith::NegFOp>(op) && operands[0].source)
    return operands[0].scaled(-1);
  if (isa<arith::SIToFPOp>(op))
    return foldConversion(operands[0], op.getResult(0).getType());
  bool keeps =
      isa<arith::IndexCastOp>(op) && operands[0].row && op.getResult(0).getType().isInteger(32);
  return keeps ? operands[0] : ScoreValue();
}
