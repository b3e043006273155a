//===- NVGPUTarget.h - the targets `sm_80`, …, `sm_90a` -----------------------===//
#ifndef ATTN_TARGET_NVGPU_NVGPUTARGET_H
#define ATTN_TARGET_NVGPU_NVGPUTARGET_H

#include "attn/Target/Target.h"

namespace mlir::attn {

/// Registers `sm_90a` (Hopper, with what only Hopper has) and `sm_80`, `sm_86`, … (the portable
/// form). Machine code needs `ptxas` of a CUDA toolkit, found
/// through PTXAS, CUDA_HOME, the path or /usr/local/cuda; everything up to PTX does without.
void registerNVGPUTargets();

/// Passes from `tiled` to `lowered`.
void buildNVGPULowering(OpPassManager &pm);

/// Module attribute of state `lowered`: per entry its name, kernel and launch numbers (attn_gpu.h).
constexpr StringLiteral gpuEntriesAttrName = "attn.gpu_entries";

/// Attribute of an entry in the host's module of state `lowered`: what its kernels do, in order.
constexpr StringLiteral stepsAttrName = "attn.steps";

} // namespace mlir::attn

#endif // ATTN_TARGET_NVGPU_NVGPUTARGET_H
