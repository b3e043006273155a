//===- Layer.cpp - what the operations of a whole layer compute --------------===//
#include "OpEvaluation.h"
#include "Parallel.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

using Results = SmallVector<HostTensor>;

/// Fills `result` with `value(i)` of each element, in row-major order, for any number of threads.
template <typename ValueAt>
static TensorResults fill(HostTensor result, int64_t cost, ValueAt value) {
  parallelFor(result.numElements(), cost, [&](int64_t i) { result.values[i] = value(i); });
  return Results{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Hidden states and the cache
//===----------------------------------------------------------------------===//

static TensorResults apply(TokensOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  HostTensor result = makeResult(op.getResult(), {input.size(0), 1, input.size(1), input.size(2)});
  result.values = input.values;
  return Results{std::move(result)};
}

/// sum over heads and elements of token (b, s) with column c of the weight.
template <typename Real>
static double projected(const HostTensor &input, const HostTensor &weight, int64_t b, int64_t s,
                        int64_t c) {
  Real sum = 0;
  for (int64_t h = 0; h < input.size(1); ++h) {
    const double *token =
        &input.values[((b * input.size(1) + h) * input.size(2) + s) * input.size(3)];
    const double *column = &weight.values[h * weight.size(1) * weight.size(2) + c];
    for (int64_t k = 0; k < input.size(3); ++k)
      sum += static_cast<Real>(token[k]) * static_cast<Real>(column[k * weight.size(2)]);
  }
  return sum;
}

static TensorResults apply(ProjectOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput()), &weight = *scope.tensor(op.getWeight());
  int64_t rows = input.size(2), width = weight.size(2);
  if (failed(expectSizes(op, "weight", weight, {input.size(1), input.size(3), width})))
    return failure();
  HostTensor result = makeResult(op.getResult(), {input.size(0), rows, width});
  return fill(std::move(result), 2 * input.size(1) * input.size(3), [&](int64_t i) {
    return withReal(precision, [&](auto zero) {
      return projected<decltype(zero)>(input, weight, i / (rows * width), i / width % rows,
                                       i % width);
    });
  });
}

static TensorResults apply(AppendOp op, const ScalarScope &scope, Precision) {
  const HostTensor &cache = *scope.tensor(op.getCache()), &rows = *scope.tensor(op.getRows());
  if (failed(expectSizes(op, "rows", rows,
                         {cache.size(0), cache.size(1), rows.size(2), cache.size(3)})))
    return failure();
  if (rows.size(2) > cache.size(2))
    return op.emitError() << "expected room for " << rows.size(2) << " rows, found a cache of "
                          << cache.size(2) << " tokens";
  HostTensor result = cache;
  int64_t count = rows.size(2) * cache.size(3), all = cache.size(2) * cache.size(3);
  for (int64_t head = 0; head < cache.size(0) * cache.size(1); ++head)
    std::copy_n(rows.values.begin() + head * count, count,
                result.values.begin() + (head + 1) * all - count);
  return Results{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Token transforms
//===----------------------------------------------------------------------===//

static TensorResults apply(AddOp op, const ScalarScope &scope, Precision precision) {
  auto parts = llvm::map_to_vector(op.getParts(), [&](Value v) { return scope.tensor(v); });
  for (const HostTensor *part : parts)
    if (failed(expectSizes(op, "every part", *part, parts.front()->sizes)))
      return failure();
  return fill(makeResult(op.getResult(), parts.front()->sizes), 2, [&](int64_t i) {
    return withReal(precision, [&](auto zero) -> double {
      for (const HostTensor *part : parts)
        zero += static_cast<decltype(zero)>(part->values[i]);
      return zero;
    });
  });
}

static TensorResults apply(BiasOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput()), &bias = *scope.tensor(op.getBias());
  SmallVector<int64_t> sizes = {input.sizes.back()};
  if (input.rank() == 4)
    sizes.insert(sizes.begin(), input.size(1));
  if (failed(expectSizes(op, "bias", bias, sizes)))
    return failure();
  int64_t size = input.sizes.back(), perHead = input.rank() == 4 ? input.size(2) * size : 1;
  return fill(makeResult(op.getResult(), input.sizes), 2, [&](int64_t i) {
    int64_t head = input.rank() == 4 ? i / perHead % input.size(1) : 0;
    return withReal(precision, [&](auto zero) -> double {
      using Real = decltype(zero);
      return static_cast<Real>(input.values[i]) +
             static_cast<Real>(bias.values[head * size + i % size]);
    });
  });
}

static TensorResults apply(ClampOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  double limit = op.getLimit().convertToDouble();
  return fill(makeResult(op.getResult(), input.sizes), 2, [&](int64_t i) {
    double value = input.values[i];
    return std::isnan(value) ? value : std::min(std::max(value, -limit), limit);
  });
}

static TensorResults apply(GateOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput()), &gate = *scope.tensor(op.getGate());
  if (failed(expectSizes(op, "gate", gate, input.sizes)))
    return failure();
  return fill(makeResult(op.getResult(), input.sizes), 20, [&](int64_t i) {
    return withReal(precision, [&](auto zero) -> double {
      using Real = decltype(zero);
      return static_cast<Real>(input.values[i]) /
             (Real(1) + std::exp(-static_cast<Real>(gate.values[i])));
    });
  });
}

/// Element `i` of the token at `position`; a negative one counts back from the end of `before`, and
/// is zero where there is none.
static double elementAt(const HostTensor &tokens, const HostTensor *before, int64_t head,
                        int64_t position, int64_t i) {
  int64_t size = tokens.size(3);
  if (position >= 0)
    return tokens.values[(head * tokens.size(2) + position) * size + i];
  int64_t count = before ? before->size(2) : 0;
  return before ? before->values[(head * count + count + position) * size + i] : 0.0;
}

static LogicalResult checkBefore(Operation *op, const HostTensor *before, const HostTensor &tokens,
                                 int64_t least) {
  if (before && before->size(2) < least)
    return op->emitError() << "expected at least " << least << " tokens before, found "
                           << before->size(2);
  return before ? expectSizes(op, "the tokens before", *before,
                              {tokens.size(0), tokens.size(1), before->size(2), tokens.size(3)})
                : success();
}

static TensorResults apply(ShiftOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  const HostTensor *before = op.getBefore() ? scope.tensor(op.getBefore()) : nullptr;
  int64_t size = input.size(3), rows = input.size(2), distance = op.getTokens();
  if (failed(checkBefore(op, before, input, distance)))
    return failure();
  return fill(makeResult(op.getResult(), input.sizes), 1, [&](int64_t i) {
    int64_t row = i / size;
    return elementAt(input, before, row / rows, row % rows - distance, i % size);
  });
}

static TensorResults apply(CarryOp op, const ScalarScope &scope, Precision) {
  const HostTensor &before = *scope.tensor(op.getBefore()), &tokens = *scope.tensor(op.getTokens());
  if (failed(checkBefore(op, &before, tokens, 1)))
    return failure();
  int64_t size = before.size(3), count = before.size(2);
  return fill(makeResult(op.getResult(), before.sizes), 1, [&](int64_t i) {
    int64_t row = i / size, position = tokens.size(2) - count + row % count;
    return elementAt(tokens, &before, row / count, position, i % size);
  });
}

static TensorResults apply(NewestOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  int64_t size = input.size(3), count = op.getResult().getType().getDimSize(2);
  if (input.size(2) < count)
    return op.emitError() << "expected at least " << count << " tokens, found " << input.size(2);
  HostTensor result = makeResult(op.getResult(), {input.size(0), input.size(1), count, size});
  return fill(std::move(result), 1, [&](int64_t i) {
    int64_t row = i / size, position = input.size(2) - count + row % count;
    return elementAt(input, nullptr, row / count, position, i % size);
  });
}

static TensorResults apply(JoinHeadsOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  int64_t heads = input.size(1), rows = input.size(2), size = input.size(3);
  HostTensor result = makeResult(op.getResult(), {input.size(0), 1, rows, heads * size});
  return fill(std::move(result), 1, [&](int64_t i) {
    int64_t column = i % (heads * size), row = i / (heads * size);
    return input.at({row / rows, column / size, row % rows, column % size});
  });
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static TensorResults apply(ComposeOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &first = *scope.tensor(op.getFirst()), &second = *scope.tensor(op.getSecond());
  HostTensor result =
      makeResult(op.getResult(), cast<RankedTensorType>(op.getResult().getType()).getShape());
  int64_t rows = result.size(1), columns = result.size(2);
  return fill(std::move(result), 2 * first.size(2), [&](int64_t i) {
    int64_t head = i / (rows * columns), row = i / columns % rows, column = i % columns;
    int64_t left = first.size(0) == 1 ? 0 : head, right = second.size(0) == 1 ? 0 : head;
    return withReal(precision, [&](auto zero) -> double {
      using Real = decltype(zero);
      for (int64_t k = 0; k < first.size(2); ++k)
        zero += static_cast<Real>(first.at({left, row, k})) *
                static_cast<Real>(second.at({right, k, column}));
      return zero;
    });
  });
}

static TensorResults apply(CombineOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &weight = *scope.tensor(op.getWeight());
  const HostTensor &coefficients = *scope.tensor(op.getCoefficients());
  int64_t atoms = coefficients.size(1), heads = weight.size(0) / atoms;
  HostTensor result =
      makeResult(op.getResult(), cast<RankedTensorType>(op.getResult().getType()).getShape());
  int64_t size = result.size(1) * result.size(2);
  return fill(std::move(result), 2 * atoms, [&](int64_t i) {
    int64_t head = i / size;
    return withReal(precision, [&](auto zero) -> double {
      using Real = decltype(zero);
      for (int64_t a = 0; a < atoms; ++a)
        zero += static_cast<Real>(coefficients.at({head / heads, a})) *
                static_cast<Real>(weight.values[(a * heads + head % heads) * size + i % size]);
      return zero;
    });
  });
}

static TensorResults apply(SelectionOp op, const ScalarScope &, Precision) {
  HostTensor result =
      makeResult(op.getResult(), cast<RankedTensorType>(op.getResult().getType()).getShape());
  for (auto [head, entry] : llvm::enumerate(op.getTable()))
    for (int64_t c = 0; c < result.size(2); ++c)
      result.at({static_cast<int64_t>(head), entry * result.size(2) + c, c}) = 1;
  return Results{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

bool reference::isLayerOp(Operation *op) {
  return isa<TokensOp, ProjectOp, AppendOp, AddOp, BiasOp, ClampOp, GateOp, ShiftOp, CarryOp,
             NewestOp, JoinHeadsOp, ComposeOp, CombineOp, SelectionOp>(op);
}

TensorResults reference::evaluateLayerOp(Operation *op, const ScalarScope &scope,
                                         Precision precision) {
  TensorResults results =
      llvm::TypeSwitch<Operation *, TensorResults>(op)
          .Case<TokensOp, ProjectOp, AppendOp, AddOp, BiasOp, ClampOp, GateOp, ShiftOp, CarryOp,
                NewestOp, JoinHeadsOp, ComposeOp, CombineOp, SelectionOp>(
              [&](auto layer) { return apply(layer, scope, precision); })
          .Default([](Operation *unknown) -> TensorResults {
            return unknown->emitError("is no operation of a layer");
          });
  if (succeeded(results))
    roundResult(results->front(), precision);
  return results;
}
