//===- Pipelines.cpp - the order of the stations --------------------------===//

#include "attn/Pipelines/Pipelines.h"

#include "attn/Planning/Passes.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Target/Target.h"
#include "attn/Tiling/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::attn;

void attn::buildElaboration(OpPassManager &pm, ArrayRef<std::string> entries) {
  ElaboratePassOptions options;
  options.entries.assign(entries.begin(), entries.end());
  pm.addPass(createElaboratePass(options));
  // Private functions are for what entries have in common; a kernel makes no calls.
  pm.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  pm.addPass(createSymbolDCEPass());
}

void attn::buildPlanning(OpPassManager &pm, StringRef target, bool exactMaximum) {
  pm.addPass(createFoldScalePass());
  pm.addPass(createFoldHeadsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  AttachTargetOptions options;
  options.target = target.str();
  pm.addPass(createAttachTarget(options));
  pm.addPass(createChooseFormPass());
  PlanPassOptions planning;
  planning.exactMaximum = exactMaximum;
  pm.addPass(createPlanPass(planning));
  pm.addPass(createVerifyPlannedPass());
}

void attn::buildTiling(OpPassManager &pm) {
  pm.addPass(createTilePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyTiledPass());
}

void attn::buildLowering(OpPassManager &pm, const Target &target) { target.buildLowering(pm); }

/// The lowering of a textual pipeline. A target it does not know is refused by
/// `attn-attach-target`, which every such pipeline runs first, so nothing is reported here.
static void addLowering(OpPassManager &pm, StringRef name) {
  MLIRContext scratch(MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler mute(&scratch, [](Diagnostic &) { return success(); });
  auto emit = [&] { return emitError(UnknownLoc::get(&scratch)); };
  if (std::unique_ptr<Target> target = createTarget(name, emit))
    buildLowering(pm, *target);
}

static void addPlanned(OpPassManager &pm, const PipelineOptions &options) {
  buildElaboration(pm, SmallVector<std::string>(options.entries.begin(), options.entries.end()));
  buildPlanning(pm, options.target, options.exactMaximum);
}

void attn::registerPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "attn-to-elaborated", "imported -> elaborated",
      [](OpPassManager &pm, const PipelineOptions &options) {
        buildElaboration(pm,
                         SmallVector<std::string>(options.entries.begin(), options.entries.end()));
      });
  PassPipelineRegistration<PipelineOptions>("attn-to-planned", "imported or elaborated -> planned",
                                            addPlanned);
  PassPipelineRegistration<PipelineOptions>("attn-to-tiled",
                                            "imported, elaborated or planned -> tiled",
                                            [](OpPassManager &pm, const PipelineOptions &options) {
                                              addPlanned(pm, options);
                                              buildTiling(pm);
                                            });
  PassPipelineRegistration<PipelineOptions>("attn-to-llvm",
                                            "imported, elaborated or planned -> lowered",
                                            [](OpPassManager &pm, const PipelineOptions &options) {
                                              addPlanned(pm, options);
                                              buildTiling(pm);
                                              addLowering(pm, options.target);
                                            });
}
