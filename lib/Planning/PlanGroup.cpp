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

bool attn::suitsGroup(AttentionOp op, const Workload &work, int64_t streamGroup) {
  bool evenPairs = !work.isBf16 || (work.qkSize % 2 == 0 && work.vSize % 2 == 0);
  return work.oneQuery && work.group > streamGroup && evenPairs &&
         op.getNormalizer() == Normalizer::Softmax && op.getScore().empty();
}

namespace {
/// What a schedule of the form is made of.
struct GroupTile {
  int64_t keys, panels, tileBytes, panelBytes;
};
} // namespace

/// An eighth of the second-level cache holds a tile between the two products, beside the tile that
/// is on its way; half of it the panels that share the tile.
static GroupTile chooseTile(AttentionOp op, const CoreFacts &core, const Workload &work) {
  bool isLatent = op.valueColumnOfKey().has_value();
  int64_t element = work.perWord == 2 || work.elementBytes == 4 ? work.elementBytes : 4;
  int64_t keyBytes = element * (work.qkSize + (isLatent ? 0 : work.vSize));
  int64_t keys = core.l2 / 8 / keyBytes / leastKeys * leastKeys;
  keys = std::clamp(keys, leastKeys, mostKeys);
  int64_t panelBytes = 4 * core.lanes * (work.qkSize / work.perWord + work.vSize);
  int64_t all = roundUp(work.group, core.lanes) / core.lanes;
  int64_t fitting = std::clamp<int64_t>(core.l2 / 2 / panelBytes, 1, all);
  // Items of about equal size where one cannot have all panels.
  int64_t items = roundUp(all, fitting) / fitting;
  int64_t panels = roundUp(all, items) / items;
  return {keys, panels, keys * keyBytes, panelBytes};
}

static std::vector<std::string> explain(const CoreFacts &core, const Workload &work,
                                        const GroupTile &tile, int64_t splits) {
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      text(llvm::formatv("form = group: {0} rows of a group leave arithmetic as the limit; keys "
                         "and values are read where they lie",
                         work.group)),
      text(llvm::formatv("rows = {0}: the scores of a key are one vector", core.lanes)),
      text(llvm::formatv("keys = {0}: {1} KiB stay in the second-level cache ({2} KiB) between "
                         "the two products",
                         tile.keys, tile.tileBytes / 1024, core.l2 / 1024)),
      text(llvm::formatv("panels = {0}: of {1} KiB, share a tile", tile.panels,
                         tile.panelBytes / 1024)),
      text(llvm::formatv("splits = {0}: at most; parts of the key range keep all cores busy "
                         "with one sequence",
                         splits))};
}

Plan attn::planGroup(AttentionOp op, const CoreFacts &core, const Workload &work, int64_t splits) {
  GroupTile tile = chooseTile(op, core, work);
  ScheduleFields fields(op.getContext());
  fields.set("rows", core.lanes);
  fields.set("keys", tile.keys);
  fields.set("panels", tile.panels);
  fields.set("lanes", core.lanes);
  fields.set("register_keys", blockKeys);
  fields.set("register_values",
             std::min(core.lanes, core.registers == 32 ? blockRows : blockRowsOf16));
  fields.set("splits", splits);
  fields.set("form", "group");
  Plan plan{fields.attribute(), {}};
  llvm::append_range(plan.reasons, explain(core, work, tile, splits));
  return plan;
}
