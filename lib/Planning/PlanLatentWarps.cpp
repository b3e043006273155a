//===- PlanLatentWarps.cpp - warps whose values are columns of the keys ------===//
#include "PlanGpu.h"
#include "ScheduleFields.h"
#include "attn/Planning/LatentWarpTile.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

namespace {
struct LatentChoice {
  LatentWarpTile tile;
  int64_t blocks = 0;
};
} // namespace

/// In the order of preference, for the fewest rows that hold a group: more rows share what is
/// loaded. Two blocks of four warps are ahead of one of eight, 64 rows of narrow values by 60 %, 32
/// rows by a fifth, and 16 rows need twice the bytes in flight (notes-ampere.md).
static constexpr struct {
  int64_t rows, warps, keys, stages, blocks;
  bool overlap;
} shapes[] = {{64, 4, 32, 3, 2, true},  {64, 4, 32, 2, 2, false}, {64, 4, 32, 3, 1, true},
              {64, 4, 32, 2, 1, false}, {64, 8, 32, 3, 1, true},  {64, 8, 32, 2, 1, false},
              {32, 4, 32, 3, 2, true},  {32, 4, 32, 2, 2, false}, {32, 4, 16, 3, 2, false},
              {32, 4, 32, 3, 1, true},  {32, 4, 16, 3, 1, true},  {16, 4, 64, 2, 2, false},
              {16, 4, 64, 2, 1, false}, {16, 4, 16, 3, 2, false}, {16, 4, 16, 4, 1, false},
              {16, 4, 16, 2, 1, false}};

/// Rows that a group fills, in steps that teams of warps can share.
static int64_t wantedRows(AttentionOp op) {
  int64_t group = largestGroup(op);
  return group <= 16 ? 16 : group <= 32 ? 32 : 64;
}

static LatentWarpTile tileOf(AttentionOp op, const TileSizes &sizes) {
  LatentWarpTile tile;
  static_cast<TileSizes &>(tile) = sizes;
  tile.valueColumn = op.valueColumnOfKey().value_or(-1);
  return tile;
}

static std::optional<LatentChoice> choose(AttentionOp op, const TileSizes &sizes, int64_t shared) {
  for (const auto &shape : shapes) {
    LatentChoice choice{tileOf(op, sizes), shape.blocks};
    LatentWarpTile &tile = choice.tile;
    tile.rowTiles = shape.rows / 16, tile.warps = shape.warps;
    tile.keys = tile.partKeys = shape.keys, tile.stages = shape.stages;
    tile.overlap = shape.overlap;
    if (shape.rows <= wantedRows(op) && tile.isSupported() && tile.holds(choice.blocks, shared))
      return choice;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

static ScheduleAttr build(MLIRContext *context, const LatentChoice &choice) {
  const LatentWarpTile &tile = choice.tile;
  ScheduleFields fields(context);
  fields.set("rows", tile.rows());
  fields.set("keys", tile.keys);
  fields.set("stages", tile.stages);
  fields.set("consumers", tile.warps);
  fields.set("split_output", tile.warps);
  fields.set("values_in_keys", 1);
  fields.set("overlap", tile.overlap);
  fields.set("blocks", choice.blocks);
  fields.set("p_in_registers", 1);
  fields.set("splits", mostStreamSplits);
  fields.set("roles", "uniform");
  fields.set("maximum", "exact");
  fields.set("form", "stream");
  return fields.attribute();
}

static std::string explainScores(const LatentWarpTile &tile) {
  if (tile.sharers() == 1)
    return "each makes the scores of 16 rows";
  return std::to_string(tile.sharers()) +
         " of them share the scores of 16 rows, a part of the columns each";
}

static SmallVector<std::string> explain(const LatentChoice &choice, int64_t shared) {
  const LatentWarpTile &tile = choice.tile;
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      "form = stream: rows are packed, and the key range is cut where there are few",
      text(llvm::formatv("rows = {0}: pairs (position, head) of one key head", tile.rows())),
      text(llvm::formatv("keys = {0}: registers {1} of {2}; shared memory {3} of {4} bytes",
                         tile.keys, tile.neededRegisters(), tile.registersWith(choice.blocks),
                         tile.sharedBytes(), shared)),
      text(llvm::formatv("stages = {0}, blocks = {1}: {2} bytes per multiprocessor in flight",
                         tile.stages, choice.blocks,
                         choice.blocks * tile.tilesAhead() * tile.keyBytes())),
      text(llvm::formatv("split_output = {0}: each warp has {1} of {2} columns of all rows' sums",
                         tile.warps, tile.partColumns(), tile.vSize)),
      text(llvm::formatv("consumers = {0}: {1}", tile.warps, explainScores(tile))),
      text(llvm::formatv("values_in_keys = 1: values are columns {0} to {1} of the keys, loaded "
                         "once for both products",
                         tile.valueColumn, tile.valueColumn + tile.vSize)),
      tile.overlap ? "overlap = 1: the values of a tile multiply beside the scores of the next"
                   : "overlap = 0: the next tile loads while this one is computed",
      "roles = uniform: warps copy and compute alike",
      text(llvm::formatv("splits = {0}: at most; the launch chooses from lengths and processors",
                         mostStreamSplits))};
}

static LogicalResult refuseSizes(AttentionOp op, int64_t shared) {
  return op.emitOpError("found no tile for values that are columns of the keys, from column ")
         << op.valueColumnOfKey().value_or(-1) << ", in head sizes " << op.qkSize() << " and "
         << op.vSize() << " in " << shared
         << " bytes of shared memory; expected keys of a multiple of 16 columns and values of a "
            "multiple of 128 up to 512, from a multiple of 8";
}

FailureOr<Plan> attn::planWarpLatent(AttentionOp op, TargetAttr target, const TileSizes &sizes) {
  int64_t shared = target.getInt("shared_memory");
  if (failed(checkLatentMask(op)))
    return failure();
  std::optional<LatentChoice> choice = choose(op, sizes, shared);
  if (!choice)
    return refuseSizes(op, shared);
  return Plan{build(op.getContext(), *choice), explain(*choice, shared)};
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

LogicalResult attn::checkWarpLatentSchedule(AttentionOp op, TargetAttr target,
                                            const TileSizes &sizes) {
  ScheduleAttr schedule = op.getScheduleAttr();
  int64_t shared = target.getInt("shared_memory"), rows = schedule.getInt("rows"),
          blocks = schedule.getInt("blocks");
  LatentWarpTile tile = tileOf(op, sizes);
  tile.overlap = schedule.getFlag("overlap");
  tile.warps = schedule.getInt("consumers"), tile.stages = schedule.getInt("stages");
  tile.keys = tile.partKeys = schedule.getInt("keys"), tile.rowTiles = rows / 16;
  if (failed(checkLatentMask(op)))
    return failure();
  if (tile.valueColumn < 0)
    return op.emitOpError("expected values that are columns of the keys (attn.columns), of the "
                          "same heads, as values_in_keys = 1 says");
  if (schedule.getWord("form") != "stream" || !schedule.getFlag("values_in_keys") ||
      schedule.getInt("split_output") != tile.warps || schedule.getFlag("q_in_registers") ||
      schedule.getInt("register_keys") != 0)
    return op.emitOpError("expected form = stream, values_in_keys = 1, split_output = consumers, "
                          "and neither q_in_registers nor register_keys where values are columns "
                          "of the keys");
  if (tile.warps < 1 || tile.warps > 16 || rows % 16 != 0 || tile.stages < 2 || !tile.isSupported())
    return op.emitOpError("expected rows and keys of multiples of 16, a power of two of consumers "
                          "for each 16 rows, that divide the values' columns in multiples of 32, "
                          "and at least two stages, three with overlap = 1; found rows = ")
           << rows << ", keys = " << tile.keys << ", consumers = " << tile.warps
           << " and stages = " << tile.stages;
  if (!tile.holds(blocks, shared))
    return op.emitOpError("expected blocks = ")
           << blocks << " to fit " << tile.registersWith(blocks) << " registers per thread and "
           << shared << " bytes of shared memory, found " << tile.neededRegisters() << " and "
           << tile.sharedBytes() << " for each";
  return success();
}
