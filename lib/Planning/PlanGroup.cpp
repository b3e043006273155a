//===- PlanGroup.cpp - schedules of decode with many rows -----------------===//
#include "PlanGroup.h"
#include "ScheduleFields.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::attn;

/// Keys of a register block of scores: as many sums as cover the latency of multiply-adds, and no
/// more rows of keys than there are registers for their addresses.
static constexpr int64_t blockKeys = 8;
/// Rows of a register block of values: as many as half of the registers hold one sum of each. A
/// weight then meets one vector, and comes from memory with the multiply-add; one that is loaded
/// for two vectors takes a slot of the units that multiply on Zen 4.
static constexpr int64_t blockRows = 16, blockRowsOf16 = 4;
static constexpr int64_t mostKeys = 128, leastKeys = 16;

bool attn::canGroup(AttentionOp op, const Workload &work) {
  bool evenPairs = !work.isBf16 || (work.qkSize % 2 == 0 && work.vSize % 2 == 0);
  return work.oneQuery && evenPairs && op.getNormalizer() == Normalizer::Softmax &&
         op.getScore().empty();
}

bool attn::fitsHalfVector(const CoreFacts &core, const Workload &work) {
  return core.lanes == 16 && core.fmaPerCycle == 1 && 2 * work.group <= core.lanes;
}

namespace {
/// What a schedule of the form is made of.
struct GroupTile {
  int64_t lanes, keys, panels, tileBytes, panelBytes;
};
} // namespace

/// An eighth of the second-level cache holds a tile between the two products, beside the tiles that
/// are on their way; half of it the panels that share the tile.
static GroupTile chooseTile(AttentionOp op, const CoreFacts &core, const Workload &work) {
  bool isLatent = op.valueColumnOfKey().has_value();
  int64_t element = work.perWord == 2 || work.elementBytes == 4 ? work.elementBytes : 4;
  int64_t lanes = fitsHalfVector(core, work) ? core.lanes / 2 : core.lanes;
  int64_t panelBytes = 4 * lanes * (work.qkSize / work.perWord + work.vSize);
  int64_t all = roundUp(work.group, lanes) / lanes;
  int64_t fitting = std::clamp<int64_t>(core.l2 / 2 / panelBytes, 1, all);
  // Items of about equal size where one cannot have all panels.
  int64_t items = roundUp(all, fitting) / fitting;
  int64_t panels = roundUp(all, items) / items;
  int64_t keyBytes = element * (work.qkSize + (isLatent ? 0 : work.vSize));
  int64_t keys = core.l2 / 8 / keyBytes / leastKeys * leastKeys;
  keys = std::clamp(keys, leastKeys, mostKeys);
  return {lanes, keys, panels, keys * keyBytes, panelBytes};
}

static std::vector<std::string> explain(const CoreFacts &core, const Workload &work,
                                        const GroupTile &tile, int64_t splits) {
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      text(llvm::formatv("form = group: {0} rows of a group leave arithmetic as the limit; keys "
                         "and values are read where they lie",
                         work.group)),
      text(
          llvm::formatv("rows = {0}: the scores of a key are one vector{1}", tile.lanes,
                        tile.lanes < core.lanes ? ", half of the register, which is as fast" : "")),
      text(llvm::formatv("keys = {0}: {1} KiB stay in the second-level cache ({2} KiB) between "
                         "the two products",
                         tile.keys, tile.tileBytes / 1024, core.l2 / 1024)),
      text(llvm::formatv("panels = {0}: of {1} KiB, share a tile", tile.panels,
                         tile.panelBytes / 1024)),
      text(llvm::formatv("splits = {0}: at most; parts of the key range keep all cores busy "
                         "with one sequence",
                         splits))};
}

/// Rows of a register block of values: no more than the group has, in a panel of several blocks.
static int64_t chooseBlockRows(const CoreFacts &core, const Workload &work, int64_t lanes) {
  int64_t rows = std::min(lanes, core.registers == 32 ? blockRows : blockRowsOf16);
  while (rows / 2 >= work.group)
    rows /= 2;
  return rows;
}

Plan attn::planGroup(AttentionOp op, const CoreFacts &core, const Workload &work, int64_t splits) {
  GroupTile tile = chooseTile(op, core, work);
  ScheduleFields fields(op.getContext());
  fields.set("rows", tile.lanes);
  fields.set("keys", tile.keys);
  fields.set("panels", tile.panels);
  fields.set("lanes", tile.lanes);
  fields.set("register_keys", blockKeys);
  fields.set("register_values", chooseBlockRows(core, work, tile.lanes));
  fields.set("splits", splits);
  fields.set("form", "group");
  Plan plan{fields.attribute(), {}};
  llvm::append_range(plan.reasons, explain(core, work, tile, splits));
  return plan;
}
