//===- PlanGroup.h - schedules of decode with many rows ---------*- C++ -*-===//
#ifndef ATTN_LIB_PLANNING_PLANGROUP_H
#define ATTN_LIB_PLANNING_PLANGROUP_H

#include "CostModel.h"
#include "attn/IR/AttnOps.h"
#include "attn/Planning/Transforms.h"

namespace mlir::attn {

/// Whether the form `group` can compute an attention: one query position, and softmax without a
/// score region.
bool canGroup(AttentionOp op, const Workload &work);
/// Whether half vectors hold a group on a core that computes two of them as fast as a whole one.
bool fitsHalfVector(const CoreFacts &core, const Workload &work);
/// Its schedule, with the key range in at most `splits` parts.
Plan planGroup(AttentionOp op, const CoreFacts &core, const Workload &work, int64_t splits);

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_PLANGROUP_H
