//===- Attention.cpp - the definition of attn.attention, row by row ----------===//
#include "Loops.h"
#include "MaskPredicate.h"
#include "OpEvaluation.h"
#include "Parallel.h"

#include <cmath>
#include <limits>
#include <mutex>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// One attention with everything looked up: what a row needs to know.
struct Problem {
  AttentionOp op;
  Precision precision;
  const HostTensor *query, *key, *value;
  /// Null without sinks.
  const HostTensor *sinks;
  MaskPredicate mask;
  RowSample sample;
  int64_t batches = 0, heads = 0, rows = 0, keys = 0, qkSize = 0, vSize = 0, offset = 0;
  double scale = 1;
  SmallVector<int64_t> queryMap = {}, keyMap = {}, valueMap = {};
  std::optional<ScalarProgram> score = std::nullopt;
  HostTensor out = {}, lse = {};
  std::mutex faultMutex = {};
  Fault fault = {};
};
} // namespace

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

/// The table, or even groups: score head h reads head floor(h * heads / scoreHeads).
static SmallVector<int64_t> headTable(std::optional<ArrayRef<int64_t>> table, int64_t scoreHeads,
                                      int64_t heads) {
  if (table)
    return SmallVector<int64_t>(*table);
  SmallVector<int64_t> even;
  for (int64_t h = 0; h < scoreHeads; ++h)
    even.push_back(h * heads / scoreHeads);
  return even;
}

static int64_t countScoreHeads(AttentionOp op, const Problem &p) {
  for (std::optional<ArrayRef<int64_t>> table :
       {op.getQueryMap(), op.getKeyMap(), op.getValueMap()})
    if (table)
      return static_cast<int64_t>(table->size());
  return std::max({p.query->size(1), p.key->size(1), p.value->size(1)});
}

static void findHeads(Problem &p) {
  p.heads = countScoreHeads(p.op, p);
  p.queryMap = headTable(p.op.getQueryMap(), p.heads, p.query->size(1));
  p.keyMap = headTable(p.op.getKeyMap(), p.heads, p.key->size(1));
  p.valueMap = headTable(p.op.getValueMap(), p.heads, p.value->size(1));
}

static LogicalResult findSizes(Problem &p) {
  p.batches = p.query->size(0);
  p.rows = p.query->size(2);
  p.keys = p.key->size(2);
  p.qkSize = p.query->size(3);
  p.vSize = p.value->size(3);
  findHeads(p);
  if (failed(expectSizes(p.op, "key", *p.key, {p.batches, p.key->size(1), p.keys, p.qkSize})) ||
      failed(expectSizes(p.op, "value", *p.value, {p.batches, p.value->size(1), p.keys, p.vSize})))
    return failure();
  if (p.sinks && failed(expectSizes(p.op, "sinks", *p.sinks, {p.heads})))
    return failure();
  if (auto problem = p.mask.checkSizes(p.batches, p.heads, p.rows, p.keys))
    return p.op.emitError(*problem);
  return success();
}

static LogicalResult findScore(Problem &p, const ScalarScope &scope) {
  p.offset = p.keys - p.rows;
  if (p.op.getOffset()) {
    std::optional<Scalar> offset = scope.scalar(p.op.getOffset());
    if (!offset)
      return p.op.emitError("the offset has no value here");
    p.offset = offset->integer;
  }
  if (p.op.getScore().empty())
    return success();
  FailureOr<ScalarProgram> program =
      ScalarProgram::compile(p.op.getScore().front(), scope, p.precision);
  if (failed(program))
    return failure();
  p.score = std::move(*program);
  return success();
}

//===----------------------------------------------------------------------===//
// One row
//===----------------------------------------------------------------------===//

namespace {
/// Row `i` of score head `h` of batch entry `b`. `Real` is double (exact) or float (plain).
template <typename Real> class Row {
public:
  Row(Problem &p, RowIndex at, const Real *columns)
      : p(p), b(at.batch), h(at.head), i(at.row), columns(columns), visible(p.keys, 0),
        scores(p.keys), sums(p.vSize, Real(0)) {}

  void evaluate() {
    findVisible();
    findScores();
    if (p.op.getNormalizer() == Normalizer::Softmax)
      softmax();
    else
      pointwise();
    store();
  }

private:
  int64_t position() const { return p.offset + i; }
  void findVisible();
  void findScores();
  Real largestScore(Real largest) const;
  void softmax();
  void pointwise();
  void addValue(int64_t k, Real weight);
  Real scoreOf(Real product, int64_t k, std::vector<Scalar> &registers, Fault &fault) const;
  void store();

  Problem &p;
  int64_t b, h, i;
  const Real *columns;
  /// Keys that the mask shows, then those of them whose score is not -infinity; all lie in
  /// [first, last).
  std::vector<char> visible;
  int64_t first = 0, last = 0;
  std::vector<Real> scores;
  std::vector<Real> sums;
  Real lse = Real(-infinity);
};
} // namespace

template <typename Real> void Row<Real>::findVisible() {
  first = p.keys;
  for (int64_t k = 0; k < p.keys; ++k) {
    if (!p.mask.sees({b, h, i, position(), k}))
      continue;
    visible[k] = 1;
    first = std::min(first, k);
    last = k + 1;
  }
}

template <typename Real>
Real Row<Real>::scoreOf(Real product, int64_t k, std::vector<Scalar> &registers,
                        Fault &fault) const {
  Real scaled = static_cast<Real>(p.scale) * product;
  if (!p.score)
    return scaled;
  Scalar arguments[] = {Scalar::ofReal(scaled), Scalar::ofInteger(b), Scalar::ofInteger(h),
                        Scalar::ofInteger(position()), Scalar::ofInteger(k)};
  return static_cast<Real>(p.score->run(arguments, registers, fault).real);
}

template <typename Real> void Row<Real>::findScores() {
  std::vector<Real> query(p.qkSize);
  const double *from =
      &p.query->values[((b * p.query->size(1) + p.queryMap[h]) * p.rows + i) * p.qkSize];
  for (int64_t c = 0; c < p.qkSize; ++c)
    query[c] = static_cast<Real>(from[c]);
  keyProducts(query.data(), columns, p.keys, p.qkSize, first, last, scores.data());
  std::vector<Scalar> registers = p.score ? p.score->makeRegisters() : std::vector<Scalar>();
  Fault fault;
  for (int64_t k = first; k < last; ++k) {
    if (!visible[k])
      continue;
    scores[k] = scoreOf(scores[k], k, registers, fault);
    visible[k] = scores[k] != Real(-infinity);
  }
  if (fault.op) {
    std::lock_guard<std::mutex> lock(p.faultMutex);
    p.fault = fault;
  }
}

/// A key that is not visible is skipped, not weighted with zero: its value may be NaN.
template <typename Real> void Row<Real>::addValue(int64_t k, Real weight) {
  if (p.precision == Precision::Plain)
    weight = static_cast<Real>(roundTo(weight, p.value->kind));
  int64_t head = b * p.value->size(1) + p.valueMap[h];
  addWeighted(weight, p.value->values.data() + (head * p.keys + k) * p.vSize, p.vSize, sums.data());
}

/// NaN, once met, stays: no number compares greater than it.
template <typename Real> Real Row<Real>::largestScore(Real largest) const {
  for (int64_t k = first; k < last; ++k)
    if (visible[k] && (scores[k] > largest || std::isnan(scores[k])))
      largest = scores[k];
  return largest;
}

template <typename Real> void Row<Real>::softmax() {
  Real sink = p.sinks ? static_cast<Real>(p.sinks->values[h]) : Real(-infinity);
  Real largest = largestScore(sink);
  if (largest == Real(-infinity))
    return;
  Real sum = sink == Real(-infinity) ? Real(0) : std::exp(sink - largest);
  for (int64_t k = first; k < last; ++k)
    if (visible[k])
      sum += scores[k] = std::exp(scores[k] - largest);
  for (int64_t k = first; k < last; ++k)
    if (visible[k])
      addValue(k, scores[k] / sum);
  lse = largest + std::log(sum);
  if (std::isnan(lse))
    std::fill(sums.begin(), sums.end(), Real(notANumber));
}

/// Weights that depend on one score alone. NaN compares false, so it must not end as a zero.
template <typename Real> void Row<Real>::pointwise() {
  bool relu = p.op.getNormalizer() == Normalizer::Relu;
  for (int64_t k = first; k < last; ++k) {
    if (!visible[k])
      continue;
    Real score = scores[k];
    Real kept = score > 0 || std::isnan(score) ? score : Real(0);
    addValue(k, relu ? kept : Real(1) / (Real(1) + std::exp(-score)));
  }
}

template <typename Real> void Row<Real>::store() {
  int64_t row = (b * p.heads + h) * p.rows + i;
  std::copy(sums.begin(), sums.end(), p.out.values.begin() + row * p.vSize);
  if (p.op.getLse())
    p.lse.values[row] = lse;
}

//===----------------------------------------------------------------------===//
// All rows
//===----------------------------------------------------------------------===//

/// The score heads that read key head `hk`, which share its columns.
static SmallVector<int64_t> readersOf(const Problem &p, int64_t hk) {
  SmallVector<int64_t> readers;
  for (int64_t h = 0; h < p.heads; ++h)
    if (p.keyMap[h] == hk)
      readers.push_back(h);
  return readers;
}

template <typename Real> static void evaluateRows(Problem &p) {
  std::vector<Real> columns(p.keys * p.qkSize);
  for (int64_t head = 0; head < p.batches * p.key->size(1); ++head) {
    int64_t b = head / p.key->size(1);
    SmallVector<int64_t> readers = readersOf(p, head % p.key->size(1));
    int64_t count = static_cast<int64_t>(readers.size()) * p.rows;
    if (count == 0)
      continue;
    const double *keys = p.key->values.data() + head * p.keys * p.qkSize;
    keyColumns(keys, p.keys, p.qkSize, columns.data());
    parallelFor(count, p.keys * (p.qkSize + p.vSize), [&](int64_t n) {
      RowIndex at{b, readers[n / p.rows], n % p.rows};
      if (p.sample.has((b * p.heads + at.head) * p.rows + at.row))
        Row<Real>(p, at, columns.data()).evaluate();
    });
  }
}

static SmallVector<const HostTensor *> maskOperands(AttentionOp op, const ScalarScope &scope) {
  SmallVector<const HostTensor *> operands;
  for (Value operand : op.getMaskOperands())
    operands.push_back(scope.tensor(operand));
  return operands;
}

static MaskAttr maskOf(AttentionOp op) {
  return op.getMask() ? *op.getMask() : MaskAttr::get(op.getContext(), MaskKind::All, {}, {});
}

TensorResults reference::evaluateAttention(AttentionOp op, const ScalarScope &scope,
                                           Precision precision, const RowSample &rows) {
  Problem p{op,
            precision,
            scope.tensor(op.getQuery()),
            scope.tensor(op.getKey()),
            scope.tensor(op.getValue()),
            op.getSinks() ? scope.tensor(op.getSinks()) : nullptr,
            MaskPredicate(maskOf(op), maskOperands(op, scope)),
            rows};
  p.scale = op.getScale().convertToDouble();
  if (failed(findSizes(p)) || failed(findScore(p, scope)))
    return failure();
  p.out = makeResult(op.getOut(), {p.batches, p.heads, p.rows, p.vSize});
  if (op.getLse())
    p.lse = makeResult(op.getLse(), {p.batches, p.heads, p.rows});
  withReal(precision, [&](auto zero) { evaluateRows<decltype(zero)>(p); });
  if (p.fault.op)
    return p.fault.op->emitError(p.fault.message);
  roundResult(p.out, precision);
  SmallVector<HostTensor> results{std::move(p.out)};
  if (op.getLse())
    results.push_back(std::move(p.lse));
  return results;
}
