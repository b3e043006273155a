//===- PlanLatent.cpp - schedules of kernels whose values are key columns ---===//
#include "PlanGpu.h"
#include "ScheduleFields.h"
#include "attn/Planning/LatentTile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// First key column of the values, or -1 where they are a tensor of their own.
static int64_t columnInKeys(AttentionOp op) { return op.valueColumnOfKey().value_or(-1); }

bool attn::isLatent(AttentionOp op) {
  LatentTile tile{op.qkSize(), op.vSize(), columnInKeys(op), 2};
  return tile.valueColumn >= 0 && tile.isSupported();
}

static LatentTile tileOf(AttentionOp op, int64_t stages) {
  return {op.qkSize(), op.vSize(), columnInKeys(op), stages};
}

static LatentTile chooseTile(AttentionOp op, int64_t shared) {
  LatentTile deep = tileOf(op, 4);
  return deep.sharedBytes() <= shared ? deep : tileOf(op, 2);
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

static ScheduleAttr build(MLIRContext *context, const LatentTile &tile) {
  ScheduleFields fields(context);
  fields.set("rows", LatentTile::rows);
  fields.set("keys", LatentTile::keys);
  fields.set("stages", tile.stages);
  fields.set("consumers", LatentTile::parts);
  fields.set("split_output", LatentTile::parts);
  fields.set("values_in_keys", 1);
  fields.set("p_in_registers", 1);
  fields.set("overlap", 1);
  fields.set("persistent", 1);
  fields.set("splits", mostStreamSplits);
  fields.set("roles", "specialised");
  fields.set("form", "stream");
  return fields.attribute();
}

static SmallVector<std::string> explain(const LatentTile &tile, int64_t shared) {
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      "form = stream: rows are packed, and the key range is cut where there are few",
      text(llvm::formatv("rows = {0}: pairs (position, head) of one key head; the tensor cores "
                         "take no fewer",
                         LatentTile::rows)),
      text(llvm::formatv("keys = {0}: registers {0}/2 scores + {0}/4 weights + {1}/2 accumulator + "
                         "30 = {2} of {3}; shared memory {4} of {5} bytes",
                         LatentTile::keys, tile.partColumns(), tile.neededRegisters(),
                         latentRegisters(), tile.sharedBytes(), shared)),
      text(llvm::formatv("stages = {0}: key tiles of {1} bytes, one for each consumer in turn",
                         tile.stages, tile.tileBytes())),
      "consumers = 2: one is in its softmax while the other multiplies",
      text(llvm::formatv("split_output = 2: sums of {0} columns are {1} registers a thread, more "
                         "than there are; each consumer has {2} columns of the same rows",
                         tile.vSize, tile.vSize / 2, tile.partColumns())),
      text(llvm::formatv("values_in_keys = 1: values are columns {0} to {1} of the keys, loaded "
                         "once for both products",
                         tile.valueColumn, tile.valueColumn + tile.vSize)),
      "roles = specialised: one producer warpgroup drives the copy engine, with 32 registers",
      "p_in_registers = 1: a consumer keeps its own weights, the other reads a copy in shared "
      "memory",
      "overlap = 1: the second consumer's softmax runs under its products with the first's weights",
      "persistent = 1: blocks take units from a counter; row tiles of the same keys run side by "
      "side "
      "and share them in the second-level cache",
      text(llvm::formatv("splits = {0}: at most; the launch chooses from lengths and processors",
                         mostStreamSplits))};
}

int64_t attn::latentRegisters() {
  WarpgroupTile tile;
  tile.consumers = LatentTile::parts;
  return tile.consumerRegisters();
}

LogicalResult attn::checkLatentMask(AttentionOp op) {
  if (mayStream(op))
    return success();
  return op.emitOpError(
             "expected a mask without operands, and none under --strict, where values are "
             "columns of the keys, found ")
         << op.maskOrAll().str() << "; the rest is not built for this target yet";
}

FailureOr<Plan> attn::planLatent(AttentionOp op, int64_t shared) {
  if (failed(checkLatentMask(op)))
    return failure();
  LatentTile tile = chooseTile(op, shared);
  if (tile.sharedBytes() > shared)
    return op.emitOpError("expected keys whose tiles fit ")
           << shared << " bytes of shared memory, found " << tile.sharedBytes() << " for "
           << tile.qkSize << " columns";
  return Plan{build(op.getContext(), tile), explain(tile, shared)};
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

LogicalResult attn::checkLatentSchedule(AttentionOp op, int64_t shared) {
  ScheduleAttr schedule = op.getScheduleAttr();
  if (failed(checkLatentMask(op)))
    return failure();
  if (!isLatent(op))
    return op.emitOpError("expected values that are columns of the keys (attn.columns, from a "
                          "multiple of 64, a multiple of 128 up to 512 wide), of the same heads, "
                          "and keys of a multiple of 32 columns, as split_output = 2 needs");
  struct {
    const char *field;
    int64_t wanted;
  } checks[] = {{"split_output", LatentTile::parts},
                {"consumers", LatentTile::parts},
                {"rows", LatentTile::rows},
                {"keys", LatentTile::keys},
                {"values_in_keys", 1}};
  for (auto &check : checks)
    if (schedule.getInt(check.field) != check.wanted)
      return op.emitOpError("expected ")
             << check.field << " = " << check.wanted << " where the output is split, found "
             << schedule.getInt(check.field);
  if (schedule.getWord("form") != "stream")
    return op.emitOpError("expected form = stream where the output is split, found ")
           << schedule.getWord("form");
  LatentTile tile = tileOf(op, schedule.getInt("stages"));
  if (tile.stages < 2 || !llvm::isPowerOf2_64(static_cast<uint64_t>(tile.stages)))
    return op.emitOpError("expected stages to be a power of two, at least 2 (a key tile for each "
                          "consumer), found ")
           << tile.stages;
  if (tile.sharedBytes() > shared)
    return op.emitOpError("expected at most ") << shared << " bytes of shared memory, found "
                                               << tile.sharedBytes() << "; take fewer stages";
  return success();
}
