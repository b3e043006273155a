//===- Lowering.h - from entries of the tiled form to kernels and launches ---===//
#ifndef ATTN_LIB_TARGET_NVGPU_LOWERING_H
#define ATTN_LIB_TARGET_NVGPU_LOWERING_H

#include "KernelBuilder.h"
#include "WorkPlan.h"

namespace mlir::attn {

/// Writes the kernel of one attention at the builder's insertion point.
LogicalResult emitAttention(KernelBuilder &b, NVWorkPlan &plan, StringRef name);

/// Whether kernels may start behind the launch before them: the instructions came with Hopper, and
/// code for older devices may run anywhere.
bool mayFollowLaunches(func::FuncOp function);

/// The fields of `attn_gpu_entry` in their order; `signature` holds those of `attn_gpu_signature`.
void describeAttention(NVWorkPlan &plan, ArrayRef<int64_t> signature,
                       SmallVectorImpl<int64_t> &numbers);

/// The fields of `attn_gpu_signature`: what the entry's arguments must be.
LogicalResult describeSignature(func::FuncOp function, SmallVectorImpl<int64_t> &numbers);
/// The same for no arguments.
SmallVector<int64_t> emptySignature();

/// Codes of attn_runtime.h.
int64_t runtimeType(Type type);

/// Module beside the kernels that holds the host's programs of entries with several kernels.
constexpr StringLiteral hostModuleName = "attn_host";
/// The bundle's kernels in the host's library: attn_gpu_images.
constexpr StringLiteral imagesName = "attn_gpu_images";

/// Turns an entry into kernels, one for each attention and each loop over tokens, and a function
/// of the host's module that launches them one after the other.
LogicalResult lowerSteps(func::FuncOp function, ModuleOp host);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_LOWERING_H
