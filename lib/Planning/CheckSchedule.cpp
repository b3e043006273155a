//===- CheckSchedule.cpp - can the target obey a schedule? ---===//
#include "CostModel.h"
#include "PlanGpu.h"
#include "attn/Planning/Transforms.h"

using namespace mlir;
using namespace mlir::attn;

static LogicalResult checkPositive(AttentionOp op, ScheduleAttr schedule) {
  // The other fields cannot be zero.
  for (StringRef field : {"lanes", "register_keys", "register_values"})
    if (schedule.getInt(field) <= 0)
      return op.emitOpError("expected a schedule with positive ")
             << field << ", found " << schedule.getInt(field)
             << "; give it, or drop the schedule and let --attn-plan choose";
  return success();
}

static LogicalResult checkMultiple(AttentionOp op, ScheduleAttr schedule, StringRef field,
                                   StringRef unit) {
  if (schedule.getInt(field) % schedule.getInt(unit) == 0)
    return success();
  return op.emitOpError("expected ")
         << field << " to be a multiple of " << unit << ", found " << field << " = "
         << schedule.getInt(field) << " and " << unit << " = " << schedule.getInt(unit);
}

/// The vectors of a panel are accumulators of one register block.
static LogicalResult checkRegisters(AttentionOp op, ScheduleAttr schedule, const CoreFacts &core,
                                    StringRef field) {
  RegisterBlock block{schedule.getInt(field), schedule.getInt("rows") / schedule.getInt("lanes")};
  if (block.registers() <= core.registers)
    return success();
  return op.emitOpError("expected a register block of at most ")
         << core.registers << " vector registers, found " << block.registers() << " for " << field
         << " = " << block.keys << " and " << block.vectors
         << " vectors of rows; the accumulators would spill";
}

LogicalResult attn::checkSchedule(AttentionOp op, TargetAttr target) {
  ScheduleAttr schedule = op.getScheduleAttr();
  if (!schedule)
    return op.emitOpError("expected a schedule, found none; run --attn-plan first");
  if (target.getWord("kind") == "gpu")
    return checkGpuSchedule(op, target);
  if (target.getWord("kind") != "cpu")
    return op.emitOpError("expected a target of kind cpu, found ")
           << target.getWord("kind") << "; planning knows no other kind yet";
  CoreFacts core(target);
  if (failed(checkPositive(op, schedule)))
    return failure();
  StringRef form = schedule.getWord("form");
  int64_t lanes = schedule.getInt("lanes");
  bool isHalf = form == "group" && 2 * lanes == core.lanes && core.lanes == 16;
  if (lanes != core.lanes && !isHalf)
    return op.emitOpError("expected lanes = ")
           << core.lanes << ", the target's vector, found " << lanes;
  bool inParts = form == "stream" || form == "group";
  if (inParts && schedule.getInt("rows") != lanes)
    return op.emitOpError("expected rows = ") << lanes << " in a schedule of form " << form
                                              << ", one vector, found " << schedule.getInt("rows");
  if (schedule.getInt("splits") != 1 && !inParts)
    return op.emitOpError("expected splits = 1, found ")
           << schedule.getInt("splits")
           << "; splitting the key range is built for the forms stream and group only";
  return success(succeeded(checkMultiple(op, schedule, "rows", "lanes")) &&
                 succeeded(checkMultiple(op, schedule, "keys", "register_keys")) &&
                 succeeded(checkRegisters(op, schedule, core, "register_keys")) &&
                 succeeded(checkRegisters(op, schedule, core, "register_values")));
}

LogicalResult attn::verifyPlanned(ModuleOp module) {
  bool failed = false;
  TargetAttr target;
  module.walk([&](AttentionOp attention) {
    if (!target) {
      FailureOr<TargetAttr> found = getTarget(module);
      if (mlir::failed(found))
        return failed = true, WalkResult::interrupt();
      target = *found;
    }
    failed |= checkSchedule(attention, target).failed();
    return WalkResult::advance();
  });
  return failure(failed);
}
