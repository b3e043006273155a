//===- PlanGpuStream.cpp - schedules of kernels that read keys once for few rows ------===//
#include "PlanGpu.h"
#include "ScheduleFields.h"
#include "attn/Planning/StreamTile.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

/// Rows of the tile: the least that `wgmma` multiplies.
static constexpr int64_t packedRows = 64;
/// Bytes of keys and values in flight: a multiprocessor's share of the memory's rate, 33 GB/s on an
/// H200, times a loaded latency of two microseconds, and half as much for bursts. Twice as many
/// queue in front of the memory and cost 8 %, half as many starve it (notes-hopper.md).
static constexpr int64_t bytesInFlight = 96 << 10;
/// In two stages or more, whose tiles are as large as that, and a quarter more, allows, in powers
/// of two of keys.
static constexpr int64_t mostBytes = bytesInFlight * 5 / 4, mostKeys = 128;
/// A tile takes a block some 0.64 microseconds whatever its size, and memory sends 21 KB meanwhile:
/// of small heads it has more keys, up to so many bytes.
static constexpr int64_t mostKeysOfSmall = 256, smallBytes = 32 << 10;
static constexpr int64_t leastStages = 2, mostStages = 8;

bool attn::isStreamWork(AttentionOp op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  auto entry = function ? function->getAttrOfType<StringAttr>("attn.entry") : StringAttr();
  int64_t length = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(2);
  return (entry && isDecodeRole(entry.getValue())) || length == 1;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

static std::optional<StreamTile> chooseStreamTile(const WarpgroupTile &sizes, int64_t shared) {
  StreamTile tile(sizes);
  for (tile.keys = mostKeysOfSmall; tile.keys >= 16; tile.keys /= 2) {
    if (tile.keys > mostKeys && tile.bytesRead() > smallBytes)
      continue;
    if (leastStages * tile.bytesRead() > mostBytes && tile.keys > 16)
      continue;
    tile.stages = std::clamp(bytesInFlight / tile.bytesPerStage(), leastStages, mostStages);
    if (tile.holds(shared))
      return tile;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

static ScheduleAttr build(MLIRContext *context, const StreamTile &tile) {
  ScheduleFields fields(context);
  fields.set("rows", packedRows);
  fields.set("keys", tile.keys);
  fields.set("stages", tile.stages);
  fields.set("consumers", 1);
  fields.set("p_in_registers", 1);
  fields.set("overlap", 1);
  fields.set("persistent", 1);
  fields.set("splits", mostStreamSplits);
  fields.set("roles", "specialised");
  fields.set("form", "stream");
  return fields.attribute();
}

int64_t attn::largestGroup(AttentionOp op) {
  size_t most = 1;
  for (const HeadGroup &group : computeHeadGroups(op.headMap()))
    most = std::max(most, group.heads.size());
  return static_cast<int64_t>(most);
}

static SmallVector<std::string> explain(AttentionOp op, const StreamTile &tile) {
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  return {
      "form = stream: decoding has few rows, so memory decides; keys and values are read once",
      text(llvm::formatv("rows = {0}: the least that wgmma multiplies; {1} heads of a group times "
                         "query positions fill them",
                         packedRows, largestGroup(op))),
      text(llvm::formatv("keys = {0}: {1} bytes per stage; registers {2} of {3}", tile.keys,
                         tile.bytesRead(), tile.neededRegisters(), StreamTile::registers())),
      text(llvm::formatv(
          "stages = {0}: {1} bytes in flight; more would queue in front of the memory", tile.stages,
          tile.stages * tile.bytesRead())),
      "consumers = 1: 64 rows are one warpgroup; it waits for memory",
      "roles = specialised: one thread drives the copy engine, a warp loads queries, both also "
      "into "
      "the next unit",
      "p_in_registers = 1: weights go from softmax to the second product without shared memory",
      "overlap = 1: the last values multiply while the softmax runs, so that few blocks are as "
      "fast "
      "as memory",
      "persistent = 1: a block computes a range of key steps, and all ranges are equal",
      text(llvm::formatv("splits = {0}: at most; the launch chooses from lengths and processors",
                         mostStreamSplits))};
}

static StreamTile streamSizes(AttentionOp op) {
  StreamTile sizes;
  sizes.qkSize = op.qkSize();
  sizes.vSize = op.vSize();
  return sizes;
}

FailureOr<Plan> attn::planStreamOnGpu(AttentionOp op, TargetAttr target) {
  int64_t shared = target.getInt("shared_memory");
  std::optional<StreamTile> tile = chooseStreamTile(streamSizes(op), shared);
  if (!tile)
    return op.emitOpError("found no tile for head sizes ")
           << op.qkSize() << " and " << op.vSize() << " in " << shared << " bytes of shared memory";
  return Plan{build(op.getContext(), *tile), explain(op, *tile)};
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

LogicalResult attn::checkGpuStreamSchedule(AttentionOp op, TargetAttr target) {
  ScheduleAttr schedule = op.getScheduleAttr();
  StreamTile tile = streamSizes(op);
  tile.keys = schedule.getInt("keys");
  tile.stages = schedule.getInt("stages");
  if (schedule.getInt("consumers") != 1 || schedule.getInt("rows") != packedRows)
    return op.emitOpError("expected rows = 64 and consumers = 1 in a schedule of form stream, "
                          "found rows = ")
           << schedule.getInt("rows") << " and consumers = " << schedule.getInt("consumers");
  if (tile.keys % 16 != 0 || tile.keys < 16 || tile.keys > 256)
    return op.emitOpError("expected keys to be a multiple of 16 up to 256, found ") << tile.keys;
  if (tile.neededRegisters() > StreamTile::registers())
    return op.emitOpError("expected at most ")
           << StreamTile::registers() << " registers per consumer thread, found "
           << tile.neededRegisters() << " for keys = " << tile.keys << " and values of "
           << tile.vSize << " columns";
  int64_t shared = target.getInt("shared_memory");
  if (tile.sharedBytesOfBlock() > shared)
    return op.emitOpError("expected at most ")
           << shared << " bytes of shared memory, found " << tile.sharedBytesOfBlock()
           << "; take fewer keys or stages";
  return success();
}
