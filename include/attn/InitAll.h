//===- InitAll.h - registers everything this project has ------------------===//
//
// The only header that names every room. Tools include it; libraries do not.

#ifndef ATTN_INITALL_H
#define ATTN_INITALL_H

#include "attn/IR/AttnDialect.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Planning/Passes.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "attn/Target/NVGPU/Passes.h"
#include "attn/Target/Target.h"
#include "attn/Tiling/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

namespace mlir::attn {

/// The attn dialect and the upstream dialects its lowering ends in.
inline void registerAllDialects(DialectRegistry &registry) {
  registry.insert<AttnDialect>();
  ::mlir::registerAllDialects(registry);
  ::mlir::registerAllExtensions(registry);
}

/// Every target, `attn-…` pass and pipeline.
inline void registerAllPasses() {
  registerRewritePasses();
  registerPlanningPasses();
  registerTilingPasses();
  registerTargetPasses();
  registerCPUTarget();
  registerTargetCPUPasses();
  registerNVGPUTargets();
  registerTargetNVGPUPasses();
  registerPipelines();
}

} // namespace mlir::attn

#endif // ATTN_INITALL_H
