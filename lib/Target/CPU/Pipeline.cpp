//===- Pipeline.cpp - from tiled to lowered on a CPU -------------------------===//
#include "ExpandMissing.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::attn;

void attn::buildCPULowering(OpPassManager &pm) {
  // Our own part: kernels, threads, the calling convention.
  pm.addPass(createLowerCPU());
  pm.addPass(createCPUEntryPointsPass());
  // Upstream's: down to the LLVM dialect.
  pm.addNestedPass<func::FuncOp>(createExpandMath());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addNestedPass<func::FuncOp>(createCheckAllocations());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  // Vectors first: their conversion rewrites shapes before it converts. Functions of `math` without
  // an instruction become calls only after those that have one.
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  // All other dialects in one walk; one pass for each costs twice the time.
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createVerifyLowered());
}

namespace mlir::attn {
#define GEN_PASS_DEF_EXPANDMATH
#define GEN_PASS_DEF_VERIFYLOWERED
#include "attn/Target/CPU/Passes.h.inc"

namespace {
struct ExpandMathPass : impl::ExpandMathBase<ExpandMathPass> {
  using ExpandMathBase::ExpandMathBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    MathPolynomialApproximationOptions options;
    options.enableAvx2 = false;
    populateMathPolynomialApproximationPatterns(patterns, options);
    if (TargetAttr target = findTarget())
      populateMissingInstructionPatterns(patterns, target);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  /// The target of the module around; null without one.
  TargetAttr findTarget() {
    auto module = dyn_cast<ModuleOp>(getOperation());
    if (!module)
      module = getOperation()->getParentOfType<ModuleOp>();
    return module ? module->getAttrOfType<TargetAttr>(targetAttrName) : TargetAttr();
  }
};

struct VerifyLoweredPass : impl::VerifyLoweredBase<VerifyLoweredPass> {
  using VerifyLoweredBase::VerifyLoweredBase;

  void runOnOperation() override {
    bool clean = true;
    getOperation().walk([&](Operation *op) {
      // A module inside is the part of another machine.
      if (isa<ModuleOp>(op) || isa<LLVM::LLVMDialect, omp::OpenMPDialect>(op->getDialect()))
        return;
      op->emitOpError(
          "is left after lowering; the state 'lowered' holds only the LLVM and OpenMP dialects");
      clean = false;
    });
    // The lowering runs without a verifier behind each pass, so this one looks at everything.
    if (!clean || failed(verify(getOperation())))
      signalPassFailure();
  }
};
} // namespace
} // namespace mlir::attn
