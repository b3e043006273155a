//===- WorkPlan.cpp - the facts one attn.work is lowered by ------------------===//
#include "WorkPlan.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;

FailureOr<WorkPlan> WorkPlan::create(WorkOp work, TargetAttr target) {
  WorkPlan plan;
  plan.work = work;
  plan.target = target;
  if (failed(plan.readBody()) || failed(plan.readSchedule()))
    return failure();
  plan.layOut();
  return plan;
}

/// The one operation of a kind in a block, or null.
template <typename T> static T only(Block &block) {
  auto range = block.getOps<T>();
  return llvm::hasSingleElement(range) ? *range.begin() : T();
}

LogicalResult WorkPlan::readBody() {
  Block &body = work.getBody().front();
  init = only<OnlineInitOp>(body);
  stream = only<StreamOp>(body);
  if (!init || !stream)
    return work.emitOpError("must hold one attn.online.init and one attn.stream to be lowered for a CPU");
  dot = only<TileDotOp>(stream.getBody().front());
  auto step = only<OnlineStepOp>(stream.getBody().front());
  if (!dot || !step)
    return stream.emitOpError("must hold one attn.tile.dot and one attn.online.step to be lowered for a CPU");
  normalizer = step.getNormalizer();
  for (auto store : body.getOps<StoreTileOp>()) {
    bool isLse = cast<MemRefType>(store.getTarget().getType()).getRank() == 3;
    (isLse ? storeLse : storeOut) = store;
  }
  if (!storeOut)
    return work.emitOpError("stores no output");
  groups = work.headGroups();
  qkSize = dot.getQuery().getType().getColumns();
  vSize = step.getValues().getType().getColumns();
  return success();
}

LogicalResult WorkPlan::readSchedule() {
  ScheduleAttr schedule = work.getSchedule();
  lanes = target.getInt("lanes");
  rows = schedule.getInt("rows");
  panels = schedule.getInt("panels");
  keys = schedule.getInt("keys");
  registerKeys = schedule.getInt("register_keys");
  registerValues = schedule.getInt("register_values");
  unroll = schedule.getInt("unroll");
  longestFirst = schedule.getWord("order") == "longest_first";
  if (rows % lanes != 0)
    return work.emitOpError() << "schedule has " << rows << " rows, but the target computes " << lanes
                              << " at a time; make rows a multiple";
  vectors = rows / lanes;
  if (registerKeys < 1 || registerValues < 1)
    return work.emitOpError("schedule needs positive register_keys and register_values on a CPU");
  if (keys % registerKeys != 0)
    return work.emitOpError() << "schedule has tiles of " << keys << " keys, not a multiple of register_keys = " << registerKeys;
  if (schedule.getInt("splits") != 1 || schedule.getWord("maximum") != "exact")
    return work.emitOpError("splits above one and the lazy maximum are not built for the CPU yet");
  return success();
}

/// Two floats: a power of two as row length puts the rows of a register block into one bank (8 bytes wide), where their
/// loads cannot go two at a time.
static constexpr int64_t keyRowPadding = 2;

void WorkPlan::layOut() {
  int64_t next = 0;
  auto slice = [&](int64_t r, int64_t c) {
    Slice s{next, r, c};
    next = static_cast<int64_t>(llvm::alignTo(next + r * c * 4, 64));
    return s;
  };
  query = slice(qkSize, rows);
  accumulator = slice(vSize, rows);
  maximum = slice(1, rows);
  sum = slice(1, rows);
  position = slice(1, rows);
  head = slice(1, rows);
  panelBytes = next;
  next *= panels;
  keyTile = slice(keys, qkSize + keyRowPadding);
  valueTile = slice(keys * valueBlocks(), registerValues);
  scores = slice(keys, rows);
  rescale = slice(1, rows);
  bytes = next;
}
