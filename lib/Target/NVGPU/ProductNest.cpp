//===- ProductNest.cpp - recognises products of matrices ---------------------===//
#include "ProductNest.h"
#include "LoopFacts.h"
#include "TokenKernel.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::attn;

/// The only loop among the operations of a block that touch memory, or null.
static scf::ForOp onlyLoop(Block &block) {
  auto loops = block.getOps<scf::ForOp>();
  return llvm::hasSingleElement(loops) ? *loops.begin() : scf::ForOp();
}

/// The load behind a widened element.
static memref::LoadOp elementOf(Value value) {
  auto widened = value.getDefiningOp<arith::ExtFOp>();
  return widened ? widened.getIn().getDefiningOp<memref::LoadOp>() : memref::LoadOp();
}

namespace {
/// Reads one nest; every function fails where the loops are something else.
class Matcher {
public:
  explicit Matcher(scf::ParallelOp loop) { nest.loop = loop; }
  bool match() { return findLoops() && findElements() && readIndices() && fits(); }
  ProductNest nest;

private:
  bool findLoops();
  bool findElements();
  bool readIndices();
  bool fits() const;
  bool isVariable(Value index, scf::ForOp of) const { return of && index == of.getInductionVar(); }
  /// Notes where loop variables stand in an operand; `last` and `inner` are its own.
  bool readOperand(OperandRange indices, int64_t ProductNest::Axis::*axis, ArrayRef<scf::ForOp> own,
                   int64_t *sumAxis);

  scf::ForOp column, sum, term; // n, g (or null), k
  memref::LoadOp in, weight;
  memref::StoreOp out;
};
} // namespace

/// for n { [sum over g] { sum over k { } } }.
bool Matcher::findLoops() {
  column = onlyLoop(*nest.loop.getBody());
  if (!column || !isIndependent(column))
    return false;
  term = onlyLoop(*column.getBody());
  if (!term || !isFreeSum(term))
    return false;
  if (scf::ForOp inner = onlyLoop(*term.getBody())) {
    if (!isFreeSum(inner) || termOf(term) != inner.getResult(0))
      return false;
    sum = term, term = inner;
  }
  auto fromZero = [](scf::ForOp loop) {
    return !loop || (isConstantIntValue(loop.getLowerBound(), 0) && tripCount(loop) > 0);
  };
  auto startsAtZero = [](scf::ForOp loop) {
    return !loop || matchPattern(loop.getInitArgs()[0], m_AnyZeroFloat());
  };
  return fromZero(column) && fromZero(sum) && fromZero(term) && startsAtZero(sum) &&
         startsAtZero(term);
}

bool Matcher::findElements() {
  auto product = termOf(term).getDefiningOp<arith::MulFOp>();
  auto stores = column.getBody()->getOps<memref::StoreOp>();
  if (!product || !llvm::hasSingleElement(stores))
    return false;
  out = *stores.begin();
  auto rounded = out.getValue().getDefiningOp<arith::TruncFOp>();
  Value total = (sum ? sum : term).getResult(0);
  in = elementOf(product.getLhs()), weight = elementOf(product.getRhs());
  if (in && weight && isVariable(in.getIndices().back(), column))
    std::swap(in, weight);
  return rounded && rounded.getIn() == total && in && weight;
}

bool Matcher::readOperand(OperandRange indices, int64_t ProductNest::Axis::*axis,
                          ArrayRef<scf::ForOp> own, int64_t *sumAxis) {
  SmallVector<Value> variables = nest.loop.getInductionVars();
  for (unsigned i = 0; i < indices.size(); ++i) {
    Value index = indices[i];
    auto which =
        static_cast<size_t>(std::distance(variables.begin(), llvm::find(variables, index)));
    bool isOwn = llvm::any_of(own, [&](scf::ForOp loop) { return isVariable(index, loop); });
    if (sumAxis && isVariable(index, sum) && *sumAxis < 0)
      *sumAxis = i;
    else if (which < variables.size() && nest.axes[which].*axis < 0)
      nest.axes[which].*axis = i;
    else if (!isOwn && !isConstantIntValue(index, 0))
      return false;
  }
  return true;
}

bool Matcher::readIndices() {
  OperandRange weights = weight.getIndices();
  nest.in = in.getMemRef(), nest.weight = weight.getMemRef(), nest.out = out.getMemRef();
  nest.axes.resize(nest.loop.getInductionVars().size());
  nest.inner = *tripCount(term), nest.columns = *tripCount(column);
  nest.sums = sum ? *tripCount(sum) : 1;
  if (weights.size() < 2 || !isVariable(in.getIndices().back(), term) ||
      !isVariable(out.getIndices().back(), column))
    return false;
  nest.transposed = isVariable(weights.back(), term);
  scf::ForOp last = nest.transposed ? term : column, other = nest.transposed ? column : term;
  if (!isVariable(weights.back(), last) || !isVariable(weights[weights.size() - 2], other))
    return false;
  return readOperand(in.getIndices(), &ProductNest::Axis::in, {term}, &nest.inSum) &&
         readOperand(weights, &ProductNest::Axis::weight, {term, column}, &nest.weightSum) &&
         readOperand(out.getIndices(), &ProductNest::Axis::out, {column}, nullptr);
}

bool Matcher::fits() const {
  constexpr int64_t unit = 8; // elements in 16 bytes
  auto elementType = [](Value memref) {
    return cast<MemRefType>(memref.getType()).getElementType();
  };
  Type element = elementType(nest.in);
  bool isNarrow = element.isBF16() || element.isF16();
  for (Value memref : {nest.in, nest.weight, nest.out})
    if (elementType(memref) != element || rowAlignment(memref) % unit != 0)
      return false;
  for (const ProductNest::Axis &axis : nest.axes)
    if (axis.out < 0 || (axis.in < 0 && axis.weight < 0))
      return false;
  return isNarrow && nest.inner % unit == 0 && nest.columns % unit == 0;
}

std::optional<ProductNest> attn::matchProduct(Operation *op) {
  auto loop = dyn_cast<scf::ParallelOp>(op);
  if (!loop)
    return std::nullopt;
  Matcher matcher(loop);
  if (!matcher.match())
    return std::nullopt;
  return matcher.nest;
}
