//===- Passes.cpp - the passes of the Planning room ---===//
#include "attn/Planning/Passes.h"
#include "attn/Planning/Transforms.h"
#include "mlir/IR/Builders.h"

namespace mlir::attn {
#define GEN_PASS_DEF_PLANPASS
#define GEN_PASS_DEF_VERIFYPLANNEDPASS
#include "attn/Planning/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

/// The module asks for promise 3 in full (`attn.strict`), the target's matrix unit would multiply
/// excluded values by zero, and there is a mask that excludes some.
static bool wantsStrict(AttentionOp attention, TargetAttr target) {
  auto module = attention->getParentOfType<ModuleOp>();
  return module && module->hasAttr(strictAttrName) && target.getWord("kind") == "gpu" &&
         !attention.maskOrAll().isAll();
}

static void makeStrict(AttentionOp attention, Plan &plan) {
  if (plan.schedule.getWord("form") == "stream") {
    attention.emitWarning("strict rows are not built for form = stream: a NaN in excluded values "
                          "reaches the rows of its tile");
    return;
  }
  MLIRContext *context = plan.schedule.getContext();
  NamedAttrList fields(plan.schedule.getFields());
  fields.set("strict", Builder(context).getI64IntegerAttr(1));
  plan.schedule = ScheduleAttr::get(context, fields.getDictionary(context));
  plan.reasons.push_back("strict = 1: asked for; rows that are not finite are computed again");
}

namespace {

struct PlanPass : attn::impl::PlanPassBase<PlanPass> {
  using PlanPassBase::PlanPassBase;

  void runOnOperation() override {
    bool failed = false;
    getOperation().walk([&](AttentionOp attention) { failed |= plan(attention).failed(); });
    if (failed)
      signalPassFailure();
  }

  LogicalResult plan(AttentionOp attention) {
    // Asked for per attention: a module without one needs no target.
    if (!target) {
      FailureOr<TargetAttr> found = getTarget(getOperation());
      if (mlir::failed(found))
        return failure();
      target = *found;
    }
    if (attention.getScheduleAttr())
      return success(succeeded(completeSchedule(attention, target)) &&
                     succeeded(checkSchedule(attention, target)));
    FailureOr<Plan> plan =
        planAttention(attention, target, exactMaximum ? Maximum::Exact : Maximum::Lazy);
    if (mlir::failed(plan))
      return failure();
    if (wantsStrict(attention, target))
      makeStrict(attention, *plan);
    SmallVector<StringRef> reasons(plan->reasons.begin(), plan->reasons.end());
    attention.setScheduleAttr(plan->schedule);
    attention->setAttr("attn.schedule_reasons", Builder(&getContext()).getStrArrayAttr(reasons));
    ++numPlanned;
    return success();
  }

  TargetAttr target;
};

struct VerifyPlannedPass : attn::impl::VerifyPlannedPassBase<VerifyPlannedPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(verifyPlanned(getOperation())))
      signalPassFailure();
  }
};

} // namespace
