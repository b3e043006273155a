//===- Candidates.h - schedules near a schedule ---------------------------===//
#ifndef ATTN_TUNING_CANDIDATES_H
#define ATTN_TUNING_CANDIDATES_H

#include "attn/IR/AttnOps.h"

namespace mlir::attn::tuning {

/// Schedules that differ from `schedule` in one decision (rows, keys, panels, register block,
/// unrolling, splits, form), with the others adjusted where they must fit. In a fixed order,
/// without `schedule` itself and without repetition. Whether a target can obey them is not asked
/// here.
SmallVector<ScheduleAttr> neighbours(ScheduleAttr schedule);

/// Those of `neighbours` which `attention`'s target can obey.
SmallVector<ScheduleAttr> feasibleNeighbours(AttentionOp attention, TargetAttr target);

} // namespace mlir::attn::tuning

#endif // ATTN_TUNING_CANDIDATES_H
