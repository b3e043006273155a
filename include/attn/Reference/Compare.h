//===- Compare.h - is a kernel's output as good as it must be? ---------------===//
#ifndef ATTN_REFERENCE_COMPARE_H
#define ATTN_REFERENCE_COMPARE_H

#include "attn/Reference/HostTensor.h"

#include <string>

namespace mlir::attn::reference {

/// Outcome of a comparison. Errors are absolute differences from the exact value, over the
/// elements for which both the exact and the plain evaluation are finite.
struct Comparison {
  double maxError = 0, rmsError = 0;
  double allowedMax = 0, allowedRms = 0;
  /// The larger of error / allowed error of the two measures; at most 1 when `ok`, infinite when
  /// the shape or a NaN or infinity does not match.
  double ratio = 0;
  bool ok = false;
  /// Row-major position of a wrong NaN or infinity, else of the largest error when not `ok`;
  /// -1 when there is nothing to point at.
  int64_t firstBadIndex = -1;
  /// Elements that are finite in the exact but not in the plain evaluation (overflow of the
  /// kernel's own types): any value is accepted there.
  int64_t unjudged = 0;
  /// One sentence for a person: what was expected, what was found.
  std::string summary;
};

/// Judges `actual` against the exact evaluation, by the error of the plain one:
///   rms <= 2 * plain rms + u * rms(exact)    and    max <= 3 * plain max + u * max|exact|
/// where u is the unit roundoff of the element kind: the result's own last rounding, which even
/// a perfect evaluation makes. Below a thousand rows (products of all sizes but the last; of all
/// sizes for rank 3 and less) the two measures are themselves uncertain, and the allowance is
/// widened: 4 u instead of u, and `max` by 3 * 4 * plain rms if that is more than 3 * plain max.
/// Below eight elements the mean is bound as the maximum is.
/// A NaN must be met by a NaN and an infinity by the same infinity.
Comparison compare(const HostTensor &actual, const HostTensor &exact, const HostTensor &plain);

} // namespace mlir::attn::reference

#endif // ATTN_REFERENCE_COMPARE_H
