//===- Compare.cpp - is a kernel's output as good as it must be? -------------===//
#include "attn/Reference/Compare.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

namespace {
/// Root mean square and largest magnitude of a set of numbers.
struct Measure {
  double squares = 0, largest = 0;
  int64_t count = 0, where = -1;

  void add(double value, int64_t index) {
    double magnitude = std::fabs(value);
    squares += magnitude * magnitude;
    ++count;
    if (magnitude > largest) {
      largest = magnitude;
      where = index;
    }
  }
  double rms() const { return count ? std::sqrt(squares / static_cast<double>(count)) : 0.0; }
};
} // namespace

static bool sameSpecial(double actual, double exact) {
  return std::isnan(exact) ? std::isnan(actual) : actual == exact;
}

static int64_t countRows(const HostTensor &tensor) {
  if (tensor.rank() < 4 || tensor.sizes.back() == 0)
    return tensor.numElements();
  return tensor.numElements() / tensor.sizes.back();
}

static Comparison refusal(int64_t index, std::string summary) {
  Comparison result;
  result.ratio = std::numeric_limits<double>::infinity();
  result.firstBadIndex = index;
  result.summary = std::move(summary);
  return result;
}

static double ratioOf(double error, double allowed) {
  return error == 0 ? 0.0 : allowed > 0 ? error / allowed : std::numeric_limits<double>::infinity();
}

static constexpr int64_t fewestForMean = 8;

/// See the declaration of `compare` for the rule.
static void judge(Comparison &result, const Measure &error, const Measure &plain,
                  const Measure &size, double roundoff, int64_t rows) {
  bool few = rows < 1000;
  double floors = (few ? 4.0 : 1.0) * roundoff;
  result.rmsError = error.rms();
  result.maxError = error.largest;
  result.allowedRms = 2.0 * plain.rms() + floors * size.rms();
  double plainMax = few ? std::max(plain.largest, 4.0 * plain.rms()) : plain.largest;
  result.allowedMax = 3.0 * plainMax + floors * size.largest;
  // A mean over a handful of numbers is one of them: one lucky rounding of the plain evaluation
  // would set the bar.
  if (error.count < fewestForMean)
    result.allowedRms = std::max(result.allowedRms, result.allowedMax);
  result.ratio = std::max(ratioOf(result.rmsError, result.allowedRms),
                          ratioOf(result.maxError, result.allowedMax));
  result.ok = result.ratio <= 1.0;
  result.firstBadIndex = result.ok ? -1 : error.where;
  result.summary =
      llvm::formatv("rms error {0:e2} (allowed {1:e2}), largest {2:e2} (allowed {3:e2})",
                    result.rmsError, result.allowedRms, result.maxError, result.allowedMax);
}

Comparison reference::compare(const HostTensor &actual, const HostTensor &exact,
                              const HostTensor &plain) {
  if (actual.sizes != exact.sizes || plain.sizes != exact.sizes)
    return refusal(-1, "the tensors compared differ in shape");
  Comparison result;
  Measure error, plainError, size;
  for (int64_t i = 0; i < exact.numElements(); ++i) {
    double a = actual.values[i], e = exact.values[i], p = plain.values[i];
    if (std::isfinite(e) && !std::isfinite(p)) {
      ++result.unjudged;
      continue;
    }
    if (!std::isfinite(e) || !std::isfinite(a)) {
      if (!sameSpecial(a, e))
        return refusal(i, llvm::formatv("element {0} must be {1:e6}, found {2:e6}", i, e, a));
      continue;
    }
    error.add(a - e, i);
    plainError.add(p - e, i);
    size.add(e, i);
  }
  judge(result, error, plainError, size, unitRoundoff(actual.kind), countRows(exact));
  return result;
}
