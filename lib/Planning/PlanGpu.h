//===- PlanGpu.h - schedules of GPU kernels ---===//
#ifndef ATTN_LIB_PLANNING_PLANGPU_H
#define ATTN_LIB_PLANNING_PLANGPU_H

#include "attn/Planning/TileSizes.h"
#include "attn/Planning/Transforms.h"

namespace mlir::attn {

/// `planAttention` for a target of kind gpu.
FailureOr<Plan> planOnGpu(AttentionOp attention, TargetAttr target, Maximum wanted);

/// `checkSchedule` for a target of kind gpu: registers, shared memory, and what the lowering knows.
LogicalResult checkGpuSchedule(AttentionOp attention, TargetAttr target);

/// The same for warps that load by themselves, on a GPU whose tensor cores take `mma` only.
FailureOr<Plan> planWarps(AttentionOp attention, TargetAttr target, const TileSizes &sizes,
                          bool uneven, bool lazy);
FailureOr<Plan> planWarpStream(AttentionOp attention, TargetAttr target, const TileSizes &sizes);
LogicalResult checkWarpSchedule(AttentionOp attention, TargetAttr target, const TileSizes &sizes);

/// Whether few query rows meet many keys: the entry is `decode`, or has one query.
bool isStreamWork(AttentionOp attention);

/// The same two for `form = stream`.
FailureOr<Plan> planStreamOnGpu(AttentionOp attention, TargetAttr target);
LogicalResult checkGpuStreamSchedule(AttentionOp attention, TargetAttr target);

/// Most parts of a key range that a schedule may allow.
constexpr int64_t mostStreamSplits = 256;

/// Heads of its largest group, which share a key head and fill packed rows.
int64_t largestGroup(AttentionOp attention);

/// Whether packed rows can serve its mask: one without operands, and not strict.
bool mayStream(AttentionOp attention);

/// Whether values are columns of the keys, of sizes that the kernel with a split output takes.
bool isLatent(AttentionOp attention);
/// Schedule of such an attention in `shared` bytes of shared memory.
FailureOr<Plan> planLatent(AttentionOp attention, int64_t shared);
/// Whether a schedule with a split output is one that the lowering knows, and fits.
LogicalResult checkLatentSchedule(AttentionOp attention, int64_t shared);
/// Registers of a thread of its consumers.
int64_t latentRegisters();
/// Fails with a diagnostic where its mask is one that packed rows have no code for.
LogicalResult checkLatentMask(AttentionOp attention);

/// The same of warps that load by themselves, which need no split output where values are narrow.
FailureOr<Plan> planWarpLatent(AttentionOp attention, TargetAttr target, const TileSizes &sizes);
LogicalResult checkWarpLatentSchedule(AttentionOp attention, TargetAttr target,
                                      const TileSizes &sizes);

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_PLANGPU_H
