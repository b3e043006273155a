//===- Pipelines.h - the order of the stations ----------------------------===//
//
// Read it as a table of contents: each function is one station of the way, and says
// what is true when it is done.

#ifndef ATTN_PIPELINES_PIPELINES_H
#define ATTN_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::attn {

class Target;

/// Options of the pipelines that start from the beginning.
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> target{
      *this, "target", llvm::cl::init("cpu"),
      llvm::cl::desc("what to compile for: cpu, cpu:x86-64-v3, cpu:x86-64-v4, ...")};
  ListOption<std::string> entries{
      *this, "entry",
      llvm::cl::desc("functions of each spec: prefill, decode, append "
                     "(default), prefill-core, decode-core, layer-prefill, layer-decode")};
  Option<bool> exactMaximum{*this, "exact-maximum", llvm::cl::init(false),
                            llvm::cl::desc("running maxima, never a lazy one")};
};

/// imported -> elaborated: every `attn.spec` has its functions.
void buildElaboration(OpPassManager &pm, ArrayRef<std::string> entries = {});

/// elaborated -> planned: scales and replicated heads are folded into the attentions, the module
/// knows its target, and every attention has a schedule.
/// `exactMaximum`: running maxima also where a target would keep the first tile's.
void buildPlanning(OpPassManager &pm, StringRef target, bool exactMaximum = false);

/// planned -> tiled: loops over tiles on memrefs.
void buildTiling(OpPassManager &pm);

/// tiled -> lowered: only LLVM's dialect is left, with the C entry points.
void buildLowering(OpPassManager &pm, const Target &target);

/// Makes `attn-to-elaborated`, `attn-to-planned`, `attn-to-tiled` and `attn-to-llvm` known. Each
/// starts from any state before its own; the last takes the same options as the others.
void registerPipelines();

} // namespace mlir::attn

#endif // ATTN_PIPELINES_PIPELINES_H
