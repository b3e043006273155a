//===- PlanGpu.h - schedules of warp-specialised kernels ---===//
#ifndef ATTN_LIB_PLANNING_PLANGPU_H
#define ATTN_LIB_PLANNING_PLANGPU_H

#include "attn/Planning/Transforms.h"

namespace mlir::attn {

/// `planAttention` for a target of kind gpu.
FailureOr<Plan> planOnGpu(AttentionOp attention, TargetAttr target, Maximum wanted);

/// `checkSchedule` for a target of kind gpu: registers, shared memory, and what the lowering knows.
LogicalResult checkGpuSchedule(AttentionOp attention, TargetAttr target);

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_PLANGPU_H
