//===- Tokens.cpp - what the token transforms compute ------------------------===//
#include "Loops.h"
#include "OpEvaluation.h"
#include "Parallel.h"
#include "Rotation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

/// Calls `body(from, to, at)` with each head vector of the input and of the result; heads are
/// counted in the result, and `headOf` says which head of the input belongs to one.
template <typename HeadOf, typename Body>
static void forEachToken(const HostTensor &input, HostTensor &result, int64_t cost, HeadOf headOf,
                         Body body) {
  int64_t heads = result.size(1), rows = result.size(2);
  parallelFor(result.size(0) * heads * rows, cost, [&](int64_t i) {
    RowIndex at = rowIndex(i, heads, rows);
    int64_t from = (at.batch * input.size(1) + headOf(at.head)) * rows + at.row;
    body(input.values.data() + from * input.size(3), result.values.data() + i * result.size(3), at);
  });
}

static int64_t sameHead(int64_t head) { return head; }

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

namespace {
/// Cosine and sine of every position and pair, [head][position][pair]; one head when all heads
/// have one base.
template <typename Real> struct Angles {
  int64_t heads, pairs;
  std::vector<Real> cosines, sines;
};
} // namespace

template <typename Real>
static void fillAngles(Angles<Real> &angles, RopeAttr rope, ArrayRef<double> frequencies,
                       int64_t start, int64_t rows) {
  auto magnitude = static_cast<Real>(rope.getReal("magnitude"));
  for (int64_t s = 0; s < rows; ++s)
    for (double frequency : frequencies) {
      // The product in `Real`: that is where a float32 implementation loses far positions.
      Real angle = static_cast<Real>(start + s) * static_cast<Real>(frequency);
      angles.cosines.push_back(std::cos(angle) * magnitude);
      angles.sines.push_back(std::sin(angle) * magnitude);
    }
}

template <typename Real>
static Angles<Real> findAngles(RopeAttr rope, int64_t start, int64_t heads, int64_t rows) {
  Angles<Real> angles{rope.getReals("bases").empty() ? 1 : heads, rope.getInt("dims") / 2, {}, {}};
  for (int64_t h = 0; h < angles.heads; ++h)
    fillAngles<Real>(angles, rope, rotationFrequencies(rope, h), start, rows);
  return angles;
}

/// Turns the pairs of one head vector.
template <typename Real>
static void rotate(const double *from, double *to, const Real *cosines, const Real *sines,
                   RopeAttr rope) {
  int64_t pairs = rope.getInt("dims") / 2, start = rope.getInt("start");
  bool interleaved = rope.getWord("layout") == "interleaved";
  for (int64_t i = 0; i < pairs; ++i) {
    int64_t x = start + (interleaved ? 2 * i : i);
    int64_t y = interleaved ? x + 1 : x + pairs;
    auto a = static_cast<Real>(from[x]), b = static_cast<Real>(from[y]);
    to[x] = a * cosines[i] - b * sines[i];
    to[y] = b * cosines[i] + a * sines[i];
  }
}

template <typename Real>
static void rotateAll(RopeAttr rope, const HostTensor &input, HostTensor &result, int64_t start) {
  int64_t rows = input.size(2);
  Angles<Real> angles = findAngles<Real>(rope, start, input.size(1), rows);
  auto body = [&](const double *from, double *to, RowIndex at) {
    std::copy(from, from + input.size(3), to);
    int64_t head = angles.heads == 1 ? 0 : at.head;
    int64_t first = (head * rows + at.row) * angles.pairs;
    rotate(from, to, &angles.cosines[first], &angles.sines[first], rope);
  };
  forEachToken(input, result, input.size(3) * 4, sameHead, body);
}

static TensorResults apply(RopeOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  int64_t start = 0;
  if (op.getStart()) {
    std::optional<Scalar> value = scope.scalar(op.getStart());
    if (!value)
      return op.emitError("the start position has no value here");
    start = value->integer;
  }
  HostTensor result = makeResult(op.getResult(), input.sizes);
  withReal(precision,
           [&](auto zero) { rotateAll<decltype(zero)>(op.getRope(), input, result, start); });
  return SmallVector<HostTensor>{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Norm and scale
//===----------------------------------------------------------------------===//

/// The factor that brings `values` to unit mean square (rms, layer) or unit length (l2).
template <typename Real> static Real normFactor(ArrayRef<Real> values, StringRef kind, double eps) {
  Real squares = 0;
  for (Real value : values)
    squares += value * value;
  if (kind != "l2")
    squares /= static_cast<Real>(values.size());
  return Real(1) / std::sqrt(squares + static_cast<Real>(eps));
}

template <typename Real> static void subtractMean(MutableArrayRef<Real> values) {
  Real sum = 0;
  for (Real value : values)
    sum += value;
  Real mean = sum / static_cast<Real>(values.size());
  for (Real &value : values)
    value -= mean;
}

template <typename Real>
static void normalize(NormAttr norm, const double *from, double *to, int64_t size,
                      const double *gain) {
  std::vector<Real> values(from, from + size);
  if (norm.getWord("kind") == "layer")
    subtractMean<Real>(values);
  Real factor = normFactor<Real>(values, norm.getWord("kind"), norm.getReal("eps"));
  auto scale = static_cast<Real>(norm.getReal("scale"));
  auto offset = static_cast<Real>(norm.getReal("gain_offset"));
  for (int64_t c = 0; c < size; ++c) {
    Real value = values[c] * factor * scale;
    to[c] = gain ? value * (static_cast<Real>(gain[c]) + offset) : value;
  }
}

/// The gain is [size], shared by all heads, or [heads, size].
static LogicalResult checkGain(NormOp op, const HostTensor *gain, const HostTensor &input) {
  if (!gain)
    return success();
  SmallVector<int64_t> sizes{input.size(3)};
  if (gain->rank() == 2)
    sizes.insert(sizes.begin(), input.size(1));
  return expectSizes(op, "gain", *gain, sizes);
}

static TensorResults apply(NormOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  const HostTensor *gain = op.getGain() ? scope.tensor(op.getGain()) : nullptr;
  if (failed(checkGain(op, gain, input)))
    return failure();
  HostTensor result = makeResult(op.getResult(), input.sizes);
  int64_t size = input.size(3);
  auto body = [&](const double *from, double *to, RowIndex at) {
    int64_t head = gain && gain->rank() == 2 ? at.head : 0;
    const double *own = gain ? gain->values.data() + head * size : nullptr;
    withReal(precision,
             [&](auto zero) { normalize<decltype(zero)>(op.getNorm(), from, to, size, own); });
  };
  forEachToken(input, result, size * 6, sameHead, body);
  return SmallVector<HostTensor>{std::move(result)};
}

static TensorResults apply(ScaleOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  HostTensor result = makeResult(op.getResult(), input.sizes);
  double factor = op.getFactor().convertToDouble();
  for (auto [from, to] : llvm::zip_equal(input.values, result.values))
    to = withReal(precision, [factor, value = from](auto zero) -> double {
      using Real = decltype(zero);
      return static_cast<Real>(factor) * static_cast<Real>(value);
    });
  return SmallVector<HostTensor>{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Expand and short convolution
//===----------------------------------------------------------------------===//

namespace {
/// Sizes of an expansion by a weight [heads, inner, outer] or by its transpose.
struct Expansion {
  int64_t heads, from, to;
};
} // namespace

/// Weights as [head][from][to] of type Real, so that both forms add in the order of `from`.
template <typename Real>
static std::vector<Real> weightRows(const HostTensor &weight, bool transposed) {
  int64_t size = weight.size(1) * weight.size(2);
  std::vector<Real> rows(weight.values.begin(), weight.values.end());
  if (transposed)
    for (int64_t h = 0; h < weight.size(0); ++h)
      keyColumns(weight.values.data() + h * size, weight.size(1), weight.size(2),
                 rows.data() + h * size);
  return rows;
}

template <typename Real>
static void expand(const HostTensor &input, const HostTensor &weight, bool transposed,
                   const Expansion &e, HostTensor &result) {
  std::vector<Real> rows = weightRows<Real>(weight, transposed);
  auto headOf = [&](int64_t h) { return input.size(1) == 1 ? 0 : h; };
  auto body = [&](const double *from, double *to, RowIndex at) {
    int64_t head = weight.size(0) == 1 ? 0 : at.head;
    std::vector<Real> token(from, from + e.from), sums(e.to);
    keyProducts(token.data(), rows.data() + head * e.from * e.to, e.to, e.from, 0, e.to,
                sums.data());
    std::copy(sums.begin(), sums.end(), to);
  };
  forEachToken(input, result, e.from * e.to, headOf, body);
}

static TensorResults apply(ExpandOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput()), &weight = *scope.tensor(op.getWeight());
  bool transposed = op.getTransposed();
  Expansion e{std::max(input.size(1), weight.size(0)), weight.size(transposed ? 2 : 1),
              weight.size(transposed ? 1 : 2)};
  int64_t inputHeads = input.size(1) == 1 ? 1 : e.heads;
  if (failed(expectSizes(op, "input", input, {input.size(0), inputHeads, input.size(2), e.from})))
    return failure();
  HostTensor result = makeResult(op.getResult(), {input.size(0), e.heads, input.size(2), e.to});
  withReal(precision,
           [&](auto zero) { expand<decltype(zero)>(input, weight, transposed, e, result); });
  return SmallVector<HostTensor>{std::move(result)};
}

/// The token `back` ones before `token`, which is row `at`: of `before` where the input has none,
/// null where there is none at all.
static const double *earlierToken(const double *token, const HostTensor *before, RowIndex at,
                                  int64_t heads, int64_t size, int64_t back) {
  if (back <= at.row)
    return token - back * size;
  int64_t count = before ? before->size(2) : 0, from = count + at.row - back;
  if (!before)
    return nullptr;
  return before->values.data() + ((at.batch * heads + at.head) * count + from) * size;
}

template <typename Real>
static void convolve(const HostTensor &weight, const HostTensor *before, const double *token,
                     double *to, RowIndex at) {
  int64_t taps = weight.size(1), size = weight.size(2);
  std::vector<Real> sums(size);
  for (int64_t t = 0; t < taps; ++t)
    if (const double *from = earlierToken(token, before, at, weight.size(0), size, taps - 1 - t))
      for (int64_t c = 0; c < size; ++c)
        sums[c] += static_cast<Real>(weight.at({at.head, t, c})) * static_cast<Real>(from[c]);
  std::copy(sums.begin(), sums.end(), to);
}

static TensorResults apply(ShortConvOp op, const ScalarScope &scope, Precision precision) {
  const HostTensor &input = *scope.tensor(op.getInput()), &weight = *scope.tensor(op.getWeight());
  const HostTensor *before = op.getBefore() ? scope.tensor(op.getBefore()) : nullptr;
  if (failed(expectSizes(op, "weight", weight, {input.size(1), weight.size(1), input.size(3)})))
    return failure();
  if (before && failed(expectSizes(op, "the tokens before", *before,
                                   {input.size(0), input.size(1),
                                    std::max(before->size(2), weight.size(1) - 1), input.size(3)})))
    return failure();
  HostTensor result = makeResult(op.getResult(), input.sizes);
  auto body = [&](const double *from, double *to, RowIndex at) {
    withReal(precision, [&](auto zero) { convolve<decltype(zero)>(weight, before, from, to, at); });
  };
  forEachToken(input, result, weight.size(1) * input.size(3) * 8, sameHead, body);
  return SmallVector<HostTensor>{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

static TensorResults apply(ConcatOp op, const ScalarScope &scope, Precision) {
  auto parts = llvm::map_to_vector(op.getParts(), [&](Value v) { return scope.tensor(v); });
  int64_t heads = 1, size = 0, column = 0;
  for (const HostTensor *part : parts) {
    heads = std::max(heads, part->size(1));
    size += part->size(3);
  }
  int64_t batch = parts.front()->size(0), rows = parts.front()->size(2);
  HostTensor result = makeResult(op.getResult(), {batch, heads, rows, size});
  for (const HostTensor *part : parts) {
    int64_t partHeads = part->size(1) == 1 ? 1 : heads;
    if (failed(expectSizes(op, "every part", *part, {batch, partHeads, rows, part->size(3)})))
      return failure();
    auto headOf = [&](int64_t h) { return partHeads == 1 ? 0 : h; };
    forEachToken(*part, result, part->size(3), headOf,
                 [&](const double *from, double *to, RowIndex) {
                   std::copy(from, from + part->size(3), to + column);
                 });
    column += part->size(3);
  }
  return SmallVector<HostTensor>{std::move(result)};
}

static TensorResults apply(ColumnsOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  int64_t size = op.getResult().getType().getDimSize(3);
  auto first = static_cast<int64_t>(op.getFirst());
  HostTensor result =
      makeResult(op.getResult(), {input.size(0), input.size(1), input.size(2), size});
  forEachToken(input, result, size, sameHead, [&](const double *from, double *to, RowIndex) {
    std::copy(from + first, from + first + size, to);
  });
  return SmallVector<HostTensor>{std::move(result)};
}

static TensorResults apply(HeadsOp op, const ScalarScope &scope, Precision) {
  const HostTensor &input = *scope.tensor(op.getInput());
  ArrayRef<int64_t> table = op.getTable();
  HostTensor result = makeResult(op.getResult(), {input.size(0), static_cast<int64_t>(table.size()),
                                                  input.size(2), input.size(3)});
  auto headOf = [&](int64_t h) { return table[h]; };
  forEachToken(input, result, input.size(3), headOf, [&](const double *from, double *to, RowIndex) {
    std::copy(from, from + input.size(3), to);
  });
  return SmallVector<HostTensor>{std::move(result)};
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

bool reference::isToken(Operation *op) {
  return isa<RopeOp, NormOp, ScaleOp, ExpandOp, ShortConvOp, ConcatOp, ColumnsOp, HeadsOp>(op);
}

TensorResults reference::evaluateToken(Operation *op, const ScalarScope &scope,
                                       Precision precision) {
  TensorResults results =
      llvm::TypeSwitch<Operation *, TensorResults>(op)
          .Case<RopeOp, NormOp, ScaleOp, ExpandOp, ShortConvOp, ConcatOp, ColumnsOp, HeadsOp>(
              [&](auto token) { return apply(token, scope, precision); })
          .Default([](Operation *unknown) -> TensorResults {
            return unknown->emitError("is not a token transform");
          });
  if (succeeded(results))
    roundResult(results->front(), precision);
  return results;
}
