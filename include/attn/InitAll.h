//===- InitAll.h - registers everything this project has ------------------===//
//
// The only header that names every room. Tools include it; libraries do not.

#ifndef ATTN_INITALL_H
#define ATTN_INITALL_H

#include "attn/IR/AttnDialect.h"
#if ATTN_HAS_REWRITE
#include "attn/Rewrite/Passes.h"
#endif
#if ATTN_HAS_PLANNING
#include "attn/Planning/Passes.h"
#endif
#if ATTN_HAS_TILING
#include "attn/Tiling/Passes.h"
#endif
#if ATTN_HAS_TARGET
#include "attn/Target/Target.h"
#endif
#if ATTN_HAS_TARGETCPU
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#endif
#if ATTN_HAS_PIPELINES
#include "attn/Pipelines/Pipelines.h"
#endif

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

namespace mlir::attn {

/// The attn dialect and the upstream dialects its lowering ends in.
inline void registerAllDialects(DialectRegistry &registry) {
  registry.insert<AttnDialect>();
  ::mlir::registerAllDialects(registry);
  ::mlir::registerAllExtensions(registry);
}

/// Every `attn-…` pass and pipeline.
inline void registerAllPasses() {
#if ATTN_HAS_REWRITE
  registerRewritePasses();
#endif
#if ATTN_HAS_PLANNING
  registerPlanningPasses();
#endif
#if ATTN_HAS_TILING
  registerTilingPasses();
#endif
#if ATTN_HAS_TARGET
  registerTargetPasses();
#endif
#if ATTN_HAS_TARGETCPU
  registerCPUTarget();
  registerTargetCPUPasses();
#endif
#if ATTN_HAS_PIPELINES
  registerPipelines();
#endif
}

} // namespace mlir::attn

#endif // ATTN_INITALL_H
