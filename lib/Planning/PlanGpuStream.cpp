//===- PlanGpuStream.cpp - schedules of kernels that read keys once for few rows ------===//
#include "PlanGpu.h"
#include "attn/Planning/StreamTile.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

/// Rows of the tile: the least that `wgmma` multiplies.
static constexpr int64_t packedRows = 64;
/// Bytes of keys and values that a multiprocessor should have in flight: its share of the memory's
/// rate, 23 GB/s, times a loaded latency of two microseconds, with room for bursts.
static constexpr int64_t bytesInFlight = 64 << 10;
/// A stage below this leaves the products too short for their waits.
static constexpr int64_t stageBytes = 16 << 10;
static constexpr int64_t mostStages = 8;

bool attn::isStreamWork(AttentionOp op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  auto entry = function ? function->getAttrOfType<StringAttr>("attn.entry") : StringAttr();
  int64_t length = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(2);
  return (entry && isDecodeRole(entry.getValue())) || length == 1;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// The deepest ring that `blocks` blocks of a multiprocessor can have.
static int64_t deepest(StreamTile tile, int64_t blocks, int64_t shared) {
  for (tile.stages = mostStages; tile.stages > 0; --tile.stages)
    if (tile.holds(blocks, shared))
      break;
  return tile.stages;
}

/// Keys of a tile: few keep the ring fine, but a stage is worth its waits.
static std::optional<StreamTile> chooseWith(StreamTile tile, int64_t blocks, int64_t shared) {
  for (tile.keys = 64; tile.keys < 128 && tile.bytesPerStage() < stageBytes;)
    tile.keys += 64;
  for (; tile.keys >= 16; tile.keys -= 16) {
    tile.stages = deepest(tile, blocks, shared);
    if (tile.stages >= 2 && blocks * tile.stages * tile.bytesPerStage() >= bytesInFlight)
      return tile;
    if (tile.stages == mostStages)
      return tile; // small rows: the ring is as deep as it gets
  }
  return std::nullopt;
}

static std::optional<StreamTile> chooseStreamTile(const WarpgroupTile &sizes, int64_t shared) {
  for (int64_t blocks = StreamTile::mostBlocks; blocks >= 1; --blocks)
    if (auto tile = chooseWith(StreamTile(sizes), blocks, shared))
      return tile;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

static ScheduleAttr build(MLIRContext *context, const StreamTile &tile) {
  Builder b(context);
  NamedAttrList fields;
  auto number = [&](StringRef name, int64_t value) {
    fields.set(name, b.getI64IntegerAttr(value));
  };
  number("rows", packedRows);
  number("keys", tile.keys);
  number("stages", tile.stages);
  number("consumers", 1);
  number("p_in_registers", 1);
  number("overlap", 1);
  number("persistent", 1);
  number("splits", mostStreamSplits);
  fields.set("roles", b.getStringAttr("specialised"));
  fields.set("form", b.getStringAttr("stream"));
  return ScheduleAttr::get(context, fields.getDictionary(context));
}

static int64_t largestGroup(AttentionOp op) {
  size_t most = 1;
  for (const HeadGroup &group : computeHeadGroups(op.headMap()))
    most = std::max(most, group.heads.size());
  return static_cast<int64_t>(most);
}

static SmallVector<std::string> explain(AttentionOp op, const StreamTile &tile, int64_t shared) {
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  int64_t blocks = tile.blocks(shared);
  return {
      "form = stream: decoding has few rows, so memory decides; keys and values are read once",
      text(llvm::formatv("rows = {0}: the least that wgmma multiplies; {1} heads of a group times "
                         "query positions fill them",
                         packedRows, largestGroup(op))),
      text(llvm::formatv("keys = {0}: {1} bytes per stage; registers {2} of {3}", tile.keys,
                         tile.bytesPerStage(), tile.neededRegisters(), tile.registersWith(blocks))),
      text(llvm::formatv("stages = {0}: {1} per multiprocessor, {2} bytes in flight; one begins or "
                         "ends a unit while another streams",
                         tile.stages, blocks == 1 ? "one block" : "two blocks",
                         blocks * tile.stages * tile.bytesPerStage())),
      "consumers = 1: 64 rows are one warpgroup; it waits for memory",
      "roles = specialised: one thread drives the copy engine, also into the next unit",
      "p_in_registers = 1: weights go from softmax to the second product without shared memory",
      "overlap = 1: the last values multiply while the softmax runs, so that few blocks are as "
      "fast "
      "as memory",
      "persistent = 1: blocks take units from a counter, so the slower ones take fewer",
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
  return Plan{build(op.getContext(), *tile), explain(op, *tile, shared)};
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
  if (tile.neededRegisters() > tile.registersWith(1))
    return op.emitOpError("expected at most ")
           << tile.registersWith(1) << " registers per consumer thread, found "
           << tile.neededRegisters() << " for keys = " << tile.keys << " and values of "
           << tile.vSize << " columns";
  int64_t shared = target.getInt("shared_memory");
  if (tile.sharedBytesOfBlock() > shared)
    return op.emitOpError("expected at most ")
           << shared << " bytes of shared memory, found " << tile.sharedBytesOfBlock()
           << "; take fewer keys or stages";
  return success();
}
