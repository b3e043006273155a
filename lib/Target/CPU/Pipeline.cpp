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
  // Upstream's: down to the LLVM dialect. Duplicates go first, as every later pass looks at each
  // operation; what else could be simplified is LLVM's work.
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createExpandMath());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createSCFToControlFlowPass());
  pm.addNestedPass<func::FuncOp>(createCheckAllocations());
  pm.addPass(createExpandViews());
  // All dialects in one walk; one pass for each costs a multiple of the time.
  pm.addPass(createConvertToLLVMPass());
  // Functions of `math` without an instruction are left.
  pm.addPass(createConvertMathToLibmPass());
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
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<math::MathDialect>(op->getDialect()) || isa<arith::ExtFOp, arith::TruncFOp>(op))
        ops.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    MathPolynomialApproximationOptions options;
    options.enableAvx2 = false;
    populateMathPolynomialApproximationPatterns(patterns, options);
    if (TargetAttr target = findTarget())
      populateMissingInstructionPatterns(patterns, target);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(ops, std::move(patterns), config)))
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
