//===- Partials.cpp - attn.merge and attn.gated_sum --------------------------===//
#include "OpEvaluation.h"
#include "Parallel.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

using Parts = SmallVector<const HostTensor *>;

static Parts tensorsOf(ValueRange values, const ScalarScope &scope) {
  return llvm::map_to_vector(values, [&](Value value) { return scope.tensor(value); });
}

/// All parts have the sizes of the first, and every per-row tensor all of them but the last.
static LogicalResult checkParts(Operation *op, const Parts &parts, const Parts &perRow) {
  ArrayRef<int64_t> sizes = parts.front()->sizes;
  for (const HostTensor *part : parts)
    if (failed(expectSizes(op, "every part", *part, sizes)))
      return failure();
  for (const HostTensor *row : perRow)
    if (failed(expectSizes(op, "every per-row operand", *row, sizes.drop_back())))
      return failure();
  return success();
}

/// Row `row` of the merge; its log-sum-exp is returned. Parts that saw no key are skipped.
template <typename Real>
static Real mergeRow(const Parts &outs, const Parts &lses, int64_t row, int64_t size, double *out) {
  constexpr Real nothing = -std::numeric_limits<Real>::infinity();
  Real largest = nothing;
  for (const HostTensor *lse : lses)
    if (auto value = static_cast<Real>(lse->values[row]); value > largest || std::isnan(value))
      largest = value;
  if (largest == nothing)
    return nothing;
  Real sum = 0;
  std::vector<Real> sums(size, Real(0));
  for (const HostTensor *lse : lses)
    sum += std::exp(static_cast<Real>(lse->values[row]) - largest);
  Real lse = largest + std::log(sum);
  for (auto [part, partLse] : llvm::zip_equal(outs, lses)) {
    auto own = static_cast<Real>(partLse->values[row]);
    if (own == nothing)
      continue;
    for (int64_t c = 0; c < size; ++c)
      sums[c] += std::exp(own - lse) * static_cast<Real>(part->values[row * size + c]);
  }
  std::copy(sums.begin(), sums.end(), out);
  return lse;
}

TensorResults reference::evaluateMerge(MergeOp op, const ScalarScope &scope, Precision precision) {
  Parts outs = tensorsOf(op.getOuts(), scope), lses = tensorsOf(op.getLses(), scope);
  if (failed(checkParts(op, outs, lses)))
    return failure();
  HostTensor out = makeResult(op.getOut(), outs.front()->sizes);
  HostTensor lse = makeResult(op.getLse(), lses.front()->sizes);
  int64_t size = out.size(3);
  parallelFor(lse.numElements(), size * outs.size() * 20, [&](int64_t row) {
    double *to = out.values.data() + row * size;
    lse.values[row] = withReal(precision, [&](auto zero) -> double {
      return mergeRow<decltype(zero)>(outs, lses, row, size, to);
    });
  });
  roundResult(out, precision);
  return SmallVector<HostTensor>{std::move(out), std::move(lse)};
}

template <typename Real>
static double gatedElement(const Parts &parts, const Parts &gates, int64_t row, int64_t element) {
  Real sum = 0;
  for (auto [part, gate] : llvm::zip_equal(parts, gates))
    if (gate->values[row] != 0)
      sum += static_cast<Real>(gate->values[row]) * static_cast<Real>(part->values[element]);
  return sum;
}

TensorResults reference::evaluateGatedSum(GatedSumOp op, const ScalarScope &scope,
                                          Precision precision) {
  Parts parts = tensorsOf(op.getParts(), scope), gates = tensorsOf(op.getGates(), scope);
  if (failed(checkParts(op, parts, gates)))
    return failure();
  HostTensor out = makeResult(op.getOut(), parts.front()->sizes);
  int64_t size = out.size(3);
  parallelFor(out.numElements(), 4 * parts.size(), [&](int64_t element) {
    out.values[element] = withReal(precision, [&](auto zero) {
      return gatedElement<decltype(zero)>(parts, gates, element / size, element);
    });
  });
  roundResult(out, precision);
  return SmallVector<HostTensor>{std::move(out)};
}
