//===- Transforms.h - what the passes of the Planning room are made of -*- C++ -*-===//
#ifndef ATTN_PLANNING_TRANSFORMS_H
#define ATTN_PLANNING_TRANSFORMS_H

#include "attn/IR/AttnOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::attn {

/// On a module: kernels keep promise 3 in full, also where that costs (`strict = 1`).
constexpr StringLiteral strictAttrName = "attn.strict";

/// How far a row's reference may lag behind its maximum.
enum class Maximum {
  /// As far as a kernel notices and mends; where the target has such kernels.
  Lazy,
  /// Not at all: it is the running maximum.
  Exact
};

/// A schedule, and one sentence for each number in it ("rows = 32: ...").
struct Plan {
  ScheduleAttr schedule;
  SmallVector<std::string> reasons;
};

/// The facts of the module's target. Fails with a diagnostic at the module when there are none.
FailureOr<TargetAttr> getTarget(ModuleOp module);

/// Chooses a schedule for `attention` on `target`. Fails with a diagnostic at the attention when
/// the target cannot run it.
FailureOr<Plan> planAttention(AttentionOp attention, TargetAttr target,
                              Maximum wanted = Maximum::Lazy);

/// Fills in what a schedule written by hand leaves open: lanes and the register block.
LogicalResult completeSchedule(AttentionOp attention, TargetAttr target);

/// Checks that `target` can obey `attention`'s schedule. Fails with a diagnostic.
LogicalResult checkSchedule(AttentionOp attention, TargetAttr target);

/// Checks the state `planned`; a diagnostic for each thing that is wrong.
LogicalResult verifyPlanned(ModuleOp module);

} // namespace mlir::attn

#endif // ATTN_PLANNING_TRANSFORMS_H
