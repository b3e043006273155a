//===- Measure.h - checks and times one entry -----------------------------===//

#ifndef ATTN_LIB_DRIVER_RUN_MEASURE_H
#define ATTN_LIB_DRIVER_RUN_MEASURE_H

#include "Launch.h"
#include "Machine.h"
#include "attn/Driver/Run.h"

namespace mlir::attn {

/// One entry of a loaded bundle beside the function that defines it.
struct Subject {
  const attn_rt::Entry &entry;
  func::FuncOp function;
  /// Lengths; all resolved.
  ReportSizes sizes;
  int32_t threads;
  uint64_t seed;
  /// Null for a kernel of the machine's processors.
  Device *device;
  /// Rows of the output to compare; all when there are no more.
  int64_t rows;
};

/// Launches on guarded memory and compares with the definition, at `subject.rows` evenly spread
/// rows; fills the errors of `record`. Returns success when every output is within its allowance,
/// the guards are intact and a second launch (of one thread, where threads count) gives the same
/// bits. `verdict` is one sentence either way.
LogicalResult checkEntry(const Subject &subject, RunRecord &record, std::string &verdict);

/// Times launches on contiguous memory: the median of at least ten after warming up, on a device by
/// its own clock, replayed from graphs, rested. Fills the
/// times of `record`. Fails with a sentence in `verdict`.
LogicalResult benchEntry(const Subject &subject, const MachineCeiling &ceiling, RunRecord &record,
                         std::string &verdict);

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_MEASURE_H
