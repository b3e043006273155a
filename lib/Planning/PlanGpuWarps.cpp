//===- PlanGpuWarps.cpp - schedules of kernels whose warps load by themselves -----===//
#include "PlanGpu.h"
#include "ScheduleFields.h"
#include "attn/Planning/WarpTile.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Bytes of a multiprocessor's shared memory that tiles fill: on an H200, whose first-level cache
/// is the rest, more stages than this holds were 1 to 3 percent slower.
static constexpr int64_t mostShared = 163 << 10;

/// In the order of preference. Two tiles of rows per warp halve what each product reads from shared
/// memory, queries in registers save a third of the rest. GPUs that have no more shared memory than
/// `mostShared` take scores of 16 keys at a time beside 128 columns: ptxas for them keeps more
/// operands on their way and spills with 32.
static constexpr struct {
  int64_t warps, rowTiles, keys, partKeys;
  bool queriesInRegisters, needsMore;
} shapes[] = {{4, 2, 64, 64, true, false},  {4, 2, 64, 64, false, false},
              {4, 2, 32, 32, false, true},  {4, 2, 32, 16, false, false},
              {8, 1, 64, 64, false, false}, {8, 1, 32, 32, false, false},
              {4, 1, 64, 64, false, false}, {4, 1, 48, 48, false, false},
              {4, 1, 32, 32, false, false}, {4, 1, 16, 16, false, false}};

/// Warps that a multiprocessor needs so that some multiply while others wait.
static constexpr int64_t enoughWarps = 8;
/// Two tiles on their way suffice.
static constexpr int64_t mostStages = 3;

/// Stages, and blocks that fit then; more blocks go first.
static int64_t fill(WarpTile &tile, int64_t shared) {
  tile.stages = 1;
  int64_t blocks = std::min<int64_t>(tile.blocks(shared), enoughWarps / tile.warps);
  while (blocks > 0 && tile.stages < mostStages) {
    ++tile.stages;
    if (tile.holds(blocks, shared))
      continue;
    --tile.stages;
    break;
  }
  return blocks;
}

namespace {
struct WarpChoice {
  WarpTile tile;
  int64_t blocks = 0;
  bool uneven = false, lazy = false;
};
} // namespace

static std::optional<WarpChoice> chooseWarps(const TileSizes &sizes, int64_t shared, bool lazy) {
  std::optional<WarpChoice> best;
  for (const auto &shape : shapes) {
    WarpChoice choice;
    static_cast<TileSizes &>(choice.tile) = sizes;
    choice.lazy = choice.tile.keepsReference = lazy;
    choice.tile.warps = shape.warps, choice.tile.rowTiles = shape.rowTiles;
    choice.tile.keys = shape.keys, choice.tile.partKeys = shape.partKeys;
    choice.tile.queriesInRegisters = shape.queriesInRegisters;
    choice.blocks = fill(choice.tile, std::min(shared, mostShared));
    int64_t warps = choice.blocks * shape.warps;
    if ((shared > mostShared || !shape.needsMore) &&
        warps > (best ? best->blocks * best->tile.warps : 0))
      best = choice;
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

/// With one stage the values are still on their way when the first weights are ready; the second
/// part's scores come before they are needed.
static bool overlaps(const WarpTile &tile) { return tile.stages == 1 && tile.parts() > 1; }

static ScheduleAttr build(MLIRContext *context, const WarpChoice &choice) {
  const WarpTile &tile = choice.tile;
  ScheduleFields fields(context);
  fields.set("rows", tile.rows());
  fields.set("keys", tile.keys);
  if (tile.parts() > 1)
    fields.set("register_keys", tile.partKeys);
  fields.set("stages", tile.stages);
  if (overlaps(tile))
    fields.set("overlap", 1);
  fields.set("consumers", tile.warps);
  fields.set("blocks", choice.blocks);
  fields.set("q_in_registers", tile.queriesInRegisters);
  fields.set("p_in_registers", 1);
  fields.set("roles", "uniform");
  fields.set("maximum", choice.lazy ? "lazy" : "exact");
  fields.set("order", choice.uneven ? "longest_first" : "linear");
  return fields.attribute();
}

static SmallVector<std::string> explain(const WarpChoice &choice, int64_t shared) {
  const WarpTile &tile = choice.tile;
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  SmallVector<std::string> reasons = {
      text(llvm::formatv("rows = {0}: {1} warps of {2} rows; each reads keys and values from "
                         "shared memory once for its rows",
                         tile.rows(), tile.warps, tile.warpRows())),
      text(llvm::formatv("keys = {0}: {1} registers of {2}; shared memory {3} of {4} bytes",
                         tile.keys, tile.neededRegisters(), tile.registersWith(choice.blocks),
                         tile.sharedBytes(), shared)),
      text(llvm::formatv("stages = {0}: {1}", tile.stages,
                         tile.stages == 1
                             ? "values load under the scores, the next keys under the softmax"
                             : "the next tile loads while this one is computed")),
      text(llvm::formatv("blocks = {0}: so many share a multiprocessor; one multiplies while "
                         "another waits",
                         choice.blocks)),
      "roles = uniform: warps copy, multiply and weigh alike; this GPU has no instruction that "
      "one thread could start for all",
      "p_in_registers = 1: weights go from softmax to the second product without shared memory",
      choice.uneven ? "order = longest_first: later positions see more keys"
                    : "order = linear: every tile sees equally many keys"};
  if (overlaps(tile))
    reasons.push_back(
        "overlap = 1: scores of the next part are made while the values are on their way");
  return reasons;
}

FailureOr<Plan> attn::planWarps(AttentionOp op, TargetAttr target, const TileSizes &sizes,
                                bool uneven, bool lazy) {
  int64_t shared = target.getInt("shared_memory");
  std::optional<WarpChoice> choice = chooseWarps(sizes, shared, lazy);
  if (!choice)
    return op.emitOpError("found no tile for head sizes ")
           << op.qkSize() << " and " << op.vSize() << " in " << shared << " bytes of shared memory";
  choice->uneven = uneven;
  return Plan{build(op.getContext(), *choice), explain(*choice, shared)};
}

//===----------------------------------------------------------------------===//
// Packed rows
//===----------------------------------------------------------------------===//

/// Rows of a tile: 16, the least that `mma` multiplies, for each of four warps.
static constexpr int64_t packedRows = 64, packedWarps = 4;
/// Or the same 16 for all of them, where that suffices for a position's rows.
static constexpr int64_t sharedRows = 16;
/// Stages that hide the latency of memory beside other blocks, and as many as help.
static constexpr int64_t enoughStages = 3, mostStreamStages = 3, mostStreamBlocks = 2;

/// A tile takes a block a while whatever its size: of small heads it has twice the keys.
static constexpr int64_t mostStreamKeys = 64, smallTileBytes = 20 << 10;

static bool maySuit(const WarpTile &tile) {
  int64_t bytes = 2 * tile.keys * (tile.qkSize + tile.vSize);
  return tile.partKeys % 16 == 0 && (tile.keys <= mostStreamKeys || bytes <= smallTileBytes);
}

/// Warps that share rows have tiles of 64 keys at least: where three of them don't fit, in as many
/// blocks, three of fewer keys are faster.
static std::optional<WarpChoice> chooseStream(const TileSizes &sizes, int64_t shared, bool shares) {
  WarpChoice choice;
  WarpTile &tile = choice.tile;
  static_cast<TileSizes &>(tile) = sizes;
  tile.warps = packedWarps, tile.rowTiles = 1, tile.sharesRows = shares;
  for (choice.blocks = mostStreamBlocks; choice.blocks > 0; --choice.blocks)
    for (int64_t least : {enoughStages, shares ? enoughStages : 2})
      for (int64_t keys = shares ? 2 * mostStreamKeys : mostStreamKeys; keys >= 16; keys /= 2)
        for (tile.stages = mostStreamStages; tile.stages >= least; --tile.stages)
          for (bool inRegisters : {true, false}) {
            tile.keys = keys, tile.partKeys = tile.warpKeys();
            tile.queriesInRegisters = inRegisters;
            if (maySuit(tile) && tile.holds(choice.blocks, shared))
              return choice;
          }
  return std::nullopt;
}

static SmallVector<std::string> explainStream(const WarpChoice &choice, int64_t shared) {
  const WarpTile &tile = choice.tile;
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      "form = stream: decoding has few rows, so memory decides; keys and values are read once",
      tile.sharesRows
          ? text(llvm::formatv("rows = {0}: the least that mma multiplies, for all of {1} warps, "
                               "each of which multiplies its own keys of a tile",
                               sharedRows, packedWarps))
          : text(
                llvm::formatv("rows = {0}: 16 packed rows, the least that mma multiplies, for each "
                              "of {1} warps; those without rows only copy",
                              packedRows, packedWarps)),
      text(llvm::formatv("keys = {0}: registers {1} of {2}; shared memory {3} of {4} bytes",
                         tile.keys, tile.neededRegisters(), tile.registersWith(choice.blocks),
                         tile.sharedBytes(), shared)),
      text(
          llvm::formatv("stages = {0}, blocks = {1}: {2} bytes per multiprocessor in flight",
                        tile.stages, choice.blocks,
                        choice.blocks * (tile.stages - 1) * (tile.keyBytes() + tile.valueBytes()))),
      "roles = uniform: warps copy and compute alike",
      text(llvm::formatv("splits = {0}: at most; the launch chooses from lengths and processors",
                         mostStreamSplits))};
}

FailureOr<Plan> attn::planWarpStream(AttentionOp op, TargetAttr target, const TileSizes &sizes) {
  int64_t shared = target.getInt("shared_memory");
  std::optional<WarpChoice> choice = chooseStream(sizes, shared, false), sharing;
  if (largestGroup(op) <= sharedRows)
    sharing = chooseStream(sizes, shared, true);
  if (sharing && (!choice || sharing->blocks >= choice->blocks))
    choice = sharing;
  if (!choice)
    return op.emitOpError("found no tile for head sizes ")
           << op.qkSize() << " and " << op.vSize() << " in " << shared << " bytes of shared memory";
  Builder b(op.getContext());
  NamedAttrList fields(build(op.getContext(), *choice).getFields());
  fields.set("splits", b.getI64IntegerAttr(mostStreamSplits));
  fields.set("form", b.getStringAttr("stream"));
  fields.erase("order");
  return Plan{ScheduleAttr::get(op.getContext(), fields.getDictionary(op.getContext())),
              explainStream(*choice, shared)};
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

LogicalResult attn::checkWarpSchedule(AttentionOp op, TargetAttr target, const TileSizes &sizes) {
  ScheduleAttr schedule = op.getScheduleAttr();
  WarpTile tile;
  static_cast<TileSizes &>(tile) = sizes;
  tile.keys = schedule.getInt("keys");
  tile.stages = schedule.getInt("stages");
  tile.warps = schedule.getInt("consumers");
  tile.queriesInRegisters = schedule.getFlag("q_in_registers");
  tile.keepsReference = schedule.getWord("maximum") == "lazy";
  int64_t rows = schedule.getInt("rows"), blocks = schedule.getInt("blocks"),
          shared = target.getInt("shared_memory");
  bool isStream = schedule.getWord("form") == "stream";
  tile.sharesRows = isStream && rows == sharedRows;
  if (tile.warps < 1 || tile.warps > 16 || rows < 16 ||
      (!tile.sharesRows && rows % (16 * tile.warps) != 0))
    return op.emitOpError("expected 1 to 16 consumers (warps) of a multiple of 16 rows each, found "
                          "consumers = ")
           << tile.warps << " and rows = " << rows;
  tile.rowTiles = tile.sharesRows ? 1 : rows / (16 * tile.warps);
  tile.partKeys =
      schedule.getInt("register_keys") ? schedule.getInt("register_keys") : tile.warpKeys();
  if (tile.keys % 16 != 0 || tile.keys < 16 || tile.keys > 256)
    return op.emitOpError("expected keys to be a multiple of 16 up to 256, found ") << tile.keys;
  if (tile.partKeys % 16 != 0 || tile.warpKeys() % tile.partKeys != 0)
    return op.emitOpError("expected register_keys to be a multiple of 16 that divides a warp's ")
           << tile.warpKeys() << " keys of a tile, found " << tile.partKeys;
  if (isStream &&
      ((rows != packedRows && rows != sharedRows) || tile.warps != packedWarps || tile.stages < 2))
    return op.emitOpError("expected rows = 64 or 16, consumers = 4 and at least two stages in a "
                          "schedule of form stream, found rows = ")
           << rows << ", consumers = " << tile.warps << " and stages = " << tile.stages;
  if (tile.neededRegisters() > tile.registersWith(blocks))
    return op.emitOpError("expected at most ")
           << tile.registersWith(blocks) << " registers per thread with blocks = " << blocks
           << ", found " << tile.neededRegisters() << " for rows = " << rows
           << " and keys = " << tile.keys << " with values of " << tile.vSize << " columns";
  if (!tile.holds(blocks, shared))
    return op.emitOpError("expected blocks = ")
           << blocks << " to fit " << shared << " bytes of shared memory, found "
           << tile.sharedBytes() << " for each; take fewer keys, stages or blocks";
  return success();
}
