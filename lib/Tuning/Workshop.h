//===- Workshop.h - compiles, checks and times schedules of one entry ------===//
#ifndef ATTN_LIB_TUNING_WORKSHOP_H
#define ATTN_LIB_TUNING_WORKSHOP_H

#include "../Driver/Run/Launch.h"
#include "attn/Driver/Compile.h"

namespace mlir::attn::tuning {

/// One schedule for each attention of an entry.
using Schedules = SmallVector<ScheduleAttr>;

/// A compiled candidate beside its arguments.
struct Trial {
  Schedules schedules;
  std::unique_ptr<attn_rt::Bundle> bundle;
  std::unique_ptr<Launch> launch;
  /// Of the fastest launch so far.
  double seconds = std::numeric_limits<double>::infinity();
};

/// Compiles candidates of one entry into a temporary folder, runs them on the same random data and
/// compares with what the first one computed.
class Workshop {
public:
  Workshop(PlannedKernel &kernel, func::FuncOp definition, const TuneRequest &request);
  ~Workshop();

  /// Makes the data; says why not in `wrong`.
  LogicalResult prepare(std::string &wrong);
  /// Null when it does not compile, load, run or compute the same; `wrong` says which.
  std::unique_ptr<Trial> make(const Schedules &schedules, std::string &wrong);
  /// Launches for about `seconds`, at least three times (once when one takes longer).
  void time(Trial &trial, double seconds);

private:
  Outcome compileTo(StringRef folder, const Schedules &schedules);
  bool computesTheSame(const Launch &launch);
  double timeOnce(const Trial &trial);

  PlannedKernel &kernel;
  func::FuncOp definition;
  const TuneRequest &request;
  SmallString<128> folder;
  SmallVector<reference::HostTensor> inputs;
  /// What the first candidate computed.
  std::vector<reference::HostTensor> expected;
  unsigned made = 0;
};

/// Sets the schedules of `function`'s attentions, in the order of a walk.
void setSchedules(func::FuncOp function, const Schedules &schedules);
Schedules schedulesOf(func::FuncOp function);

} // namespace mlir::attn::tuning

#endif // ATTN_LIB_TUNING_WORKSHOP_H
