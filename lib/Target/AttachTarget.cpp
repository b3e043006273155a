//===- AttachTarget.cpp - write a target's facts into the module -------------===//
#include "attn/Target/Target.h"

namespace mlir::attn {
#define GEN_PASS_DEF_ATTACHTARGET
#include "attn/Target/Passes.h.inc"

namespace {
struct AttachTargetPass : impl::AttachTargetBase<AttachTargetPass> {
  using AttachTargetBase::AttachTargetBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (target.empty() && module->getAttrOfType<TargetAttr>(targetAttrName))
      return;
    auto made = createTarget(target.empty() ? "cpu" : StringRef(target),
                             [&] { return module.emitError(); });
    if (!made)
      return signalPassFailure();
    module->setAttr(targetAttrName, made->facts(&getContext()));
  }
};
} // namespace
} // namespace mlir::attn
