//===- PlanGroup.h - schedules of decode with many rows ---------*- C++ -*-===//
#ifndef ATTN_LIB_PLANNING_PLANGROUP_H
#define ATTN_LIB_PLANNING_PLANGROUP_H

#include "CostModel.h"
#include "attn/IR/AttnOps.h"
#include "attn/Planning/Transforms.h"

namespace mlir::attn {

/// Whether the form `group` computes an attention best: one query position of a group with more
/// than `streamGroup` heads, as absorbed latents have, and softmax without a score region.
bool suitsGroup(AttentionOp op, const Workload &work, int64_t streamGroup);
/// Its schedule, with the key range in at most `splits` parts.
Plan planGroup(AttentionOp op, const CoreFacts &core, const Workload &work, int64_t splits);

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_PLANGROUP_H
