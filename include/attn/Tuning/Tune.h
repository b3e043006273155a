//===- Tune.h - searches schedules on this machine ------------------------===//
#ifndef ATTN_TUNING_TUNE_H
#define ATTN_TUNING_TUNE_H

#include "attn/Driver/Compile.h"

namespace mlir::attn {

/// Exchanges the schedules of a planned kernel as `request` says: by a search on this machine,
/// whose results it remembers, or by what earlier searches found. A search starts at the planner's
/// schedules, and keeps one only when its kernel computes the same and is faster. Says on
/// `diagnostics` what was chosen.
Outcome tuneSchedules(PlannedKernel &kernel, const TuneRequest &request, raw_ostream &diagnostics);

} // namespace mlir::attn

#endif // ATTN_TUNING_TUNE_H
