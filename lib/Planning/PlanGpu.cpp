//===- PlanGpu.cpp - schedules of warp-specialised kernels ---===//
#include "PlanGpu.h"
#include "ScheduleFields.h"
#include "attn/Planning/WarpgroupTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

/// Wider tiles gain 2 % on the longest sequences and lose as much on short ones, whose first tile
/// waits longer. With a lazy maximum and the widest values 64 keys are at least as fast as 80.
static constexpr int64_t mostKeys = 128, mostKeysBesideWideValues = 64;
/// More consumers pay if their tiles stay this wide: measured from 16 to 256 columns. 4 x 64 wins
/// only without a maximum (at 64 columns up to 13 %; 6 and 4 % over 4 x 80 at 32 and 40, in four
/// stages; 3 % over 4 x 96 at 16, with queries in registers), 3 x 80 loses to 2 x 128 either way. A
/// fifth and a sixth consumer lose up to 10 % from 32 columns on. Rows that are an odd number of
/// 16-byte units straddle sectors and keep the copy engine busy: there it pays to load each key for
/// more queries (72 columns 4 x 48 against 3 x 112 15 %, 120 columns 3 x 80 against 2 x 128 34 %).
enum class When { Always, Lazy, OddRows };
static constexpr struct {
  int64_t consumers, keys;
  When when;
} crowds[] = {{4, 64, When::Lazy},    {4, 96, When::Always},  {4, 80, When::Always},
              {4, 48, When::OddRows}, {3, 128, When::Always}, {3, 112, When::Always},
              {3, 96, When::Always},  {3, 80, When::OddRows}};

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// The deepest ring, a power of two, that shared memory holds; four stages hide all there is to
/// hide.
static int64_t chooseStages(WarpgroupTile tile, int64_t shared) {
  for (int64_t stages : {4, 2}) {
    tile.stages = stages;
    if (tile.sharedBytes() <= shared)
      return stages;
  }
  return 1;
}

/// The widest tile of keys whose registers and two stages fit.
static std::optional<WarpgroupTile> widest(const WarpgroupTile &sizes, int64_t consumers,
                                           int64_t most, int64_t shared) {
  WarpgroupTile tile = sizes;
  tile.consumers = consumers;
  tile.stages = 2;
  for (tile.keys = most; tile.keys >= 16; tile.keys -= 16)
    if (tile.fits(shared)) {
      tile.stages = chooseStages(tile, shared);
      return tile;
    }
  return std::nullopt;
}

/// Queries that stay in registers spare the tensor cores' way to shared memory: 1 to 4 % between
/// turns of four consumers, nothing beside wider tiles, whose products are long.
static void keepQueries(WarpgroupTile &tile, int64_t shared, bool lazy) {
  tile.queriesInRegisters = lazy && tile.consumers == 4;
  tile.queriesInRegisters = tile.queriesInRegisters && tile.fits(shared);
}

static std::optional<WarpgroupTile> chooseTile(const WarpgroupTile &sizes, int64_t shared,
                                               bool lazy) {
  bool oddRows = sizes.qkSize % 16 != 0 || sizes.vSize % 16 != 0;
  for (auto [consumers, keys, when] : crowds) {
    bool applies = when == When::Always || (when == When::OddRows ? oddRows : lazy);
    auto tile = widest(sizes, consumers, keys, shared);
    if (!applies || !tile || tile->keys != keys)
      continue;
    keepQueries(*tile, shared, lazy);
    return tile;
  }
  bool isWide = lazy && sizes.vSize > 192;
  return widest(sizes, 2, isWide ? mostKeysBesideWideValues : mostKeys, shared);
}

/// Later rows see more keys: their tiles go first.
static bool isUneven(MaskAttr mask) {
  return mask.contains(MaskKind::Causal) || mask.contains(MaskKind::Chunk) ||
         mask.contains(MaskKind::Stride);
}

/// Whether some key tiles are known to need no mask code: only those keep a reference.
static bool hasFreeTiles(MaskAttr mask) {
  return !mask.contains(MaskKind::Stride) && !mask.contains(MaskKind::Not);
}

/// Weights above one are as precise as others only if their type has float32's exponents.
static bool mayBeLazy(AttentionOp op) {
  return cast<RankedTensorType>(op.getKey().getType()).getElementType().isBF16();
}

static LogicalResult checkInputs(AttentionOp op) {
  Type element = cast<RankedTensorType>(op.getKey().getType()).getElementType();
  if (!element.isBF16() && !element.isF16())
    return op.emitOpError("expected elements of bf16 or f16, found ")
           << element
           << "; the tensor cores' other types are not built for this target yet (--dtype=bf16)";
  if (op.getNormalizer() != Normalizer::Softmax)
    return op.emitOpError(
        "expected the softmax normaliser; others are not built for this target yet");
  return success();
}

/// Sizes of a kernel whose values are a tensor of their own.
static LogicalResult checkSizes(AttentionOp op) {
  for (auto [what, size] :
       {std::pair("queries and keys", op.qkSize()), std::pair("values", op.vSize())})
    if (size % 8 != 0 || size > 256)
      return op.emitOpError("expected a head size of ")
             << what << " that is a multiple of 8 up to 256, found " << size
             << ": rows are loaded in units of 16 bytes and the accumulator has at most 128 "
                "registers; larger heads need values that are columns of the keys (attn.columns), "
                "from a multiple of 64 and a multiple of 128 wide";
  return success();
}

//===----------------------------------------------------------------------===//
// Record and reasons
//===----------------------------------------------------------------------===//

namespace {
/// All that is chosen.
struct Choice {
  WarpgroupTile tile;
  bool uneven, lazy;

  bool pingpong() const { return tile.consumers > 2; }
  /// Without a maximum the softmax is short: other warpgroups' products fill it, and waiting for
  /// both products at once leaves the compiler free. The smallest products are too short for that,
  /// unless their queries are in registers.
  bool overlap() const {
    return !lazy || tile.consumers <= 2 || (tile.vSize < 32 && !tile.queriesInRegisters);
  }
  /// Below 64 columns instructions bind, and asking costs as many as it saves time (0 to -2 %);
  /// from 104 on it costs up to 4 %.
  bool peek() const { return lazy && pingpong() && tile.vSize >= 64 && tile.vSize <= 96; }
};
} // namespace

static ScheduleAttr build(MLIRContext *context, const Choice &choice) {
  const WarpgroupTile &tile = choice.tile;
  ScheduleFields fields(context);
  fields.set("rows", tile.rows());
  fields.set("keys", tile.keys);
  fields.set("stages", tile.stages);
  fields.set("consumers", tile.consumers);
  if (tile.queriesInRegisters)
    fields.set("q_in_registers", 1);
  fields.set("p_in_registers", 1);
  fields.set("overlap", choice.overlap());
  fields.set("pingpong", choice.pingpong());
  fields.set("peek", choice.peek());
  fields.set("persistent", 1);
  fields.set("roles", "specialised");
  fields.set("maximum", choice.lazy ? "lazy" : "exact");
  fields.set("order", choice.uneven ? "longest_first" : "linear");
  return fields.attribute();
}

static std::string explainMaximum(AttentionOp op, bool lazy, Maximum wanted) {
  if (lazy)
    return "maximum = lazy: rows keep the first tile's maximum, tiles that outgrow it run again";
  if (wanted == Maximum::Exact)
    return "maximum = exact: asked for";
  return mayBeLazy(op) ? "maximum = exact: every key tile has mask code"
                       : "maximum = exact: f16 weights could not grow above 65504";
}

/// Registers beside scores, weights and accumulator that only some kernels need.
static std::string moreRegisters(const WarpgroupTile &tile) {
  std::string text;
  if (tile.queriesInRegisters)
    text += " + " + std::to_string(tile.queryRegisters()) + " queries";
  if (tile.codeRegisters)
    text += " + " + std::to_string(tile.codeRegisters) + " for mask and scores";
  return text;
}

static SmallVector<std::string> explain(const Choice &choice, int64_t shared) {
  const WarpgroupTile &tile = choice.tile;
  auto text = [](auto &&formatted) { return std::string(formatted.str()); };
  SmallVector<std::string> reasons = {
      text(llvm::formatv("rows = {0}: {1} consumer warpgroups of 64 rows", tile.rows(),
                         tile.consumers)),
      text(llvm::formatv("keys = {0}: registers {0}/2 scores + {0}/4 weights + {1}/2 accumulator + "
                         "30{7} = {2} of {3}; shared memory {4} "
                         "of {5} bytes{6}",
                         tile.keys, tile.vSize, tile.neededRegisters(), tile.consumerRegisters(),
                         tile.sharedBytes(), shared,
                         tile.keys == mostKeys ? "; wider tiles make short sequences wait" : "",
                         moreRegisters(tile))),
      text(llvm::formatv("stages = {0}: key and value tiles of {1} and {2} bytes in flight",
                         tile.stages, tile.keyBytes(), tile.valueBytes())),
      text(llvm::formatv("consumers = {0}: {1}", tile.consumers,
                         tile.consumers > 2 ? "so many still have wide key tiles"
                                            : "a third would leave narrow key tiles")),
      text(llvm::formatv("roles = specialised: one producer warpgroup drives the copy engine, with "
                         "{0} registers",
                         tile.producerRegisters())),
      "p_in_registers = 1: weights go from softmax to the second product without shared memory",
      choice.overlap()
          ? "overlap = 1: the next scores and the last values multiply while the softmax runs"
          : "overlap = 0: without a maximum the softmax is short, other warpgroups' products fill "
            "it",
      choice.pingpong() ? "pingpong = 1: one warpgroup's softmax under another's products"
                        : "pingpong = 0: two wide warpgroups alternate by themselves",
      choice.peek()
          ? "peek = 1: whether the next tiles are there is asked in front of the softmax"
          : "peek = 0: pays only between turns, with a lazy maximum, from 64 to 96 columns",
      "persistent = 1: blocks take tiles from a counter",
      choice.uneven ? "order = longest_first: later positions see more keys"
                    : "order = linear: every tile sees equally many keys"};
  if (tile.queriesInRegisters)
    reasons.push_back("q_in_registers = 1: few columns; read from shared memory in every step, "
                      "queries would keep the other instructions from their operands");
  return reasons;
}

/// Words whose code divides, or reads elements of a tensor.
static bool hasCostlyWord(MaskAttr mask) {
  constexpr MaskKind costly[] = {MaskKind::Document, MaskKind::Dense, MaskKind::Blocks,
                                 MaskKind::Stride, MaskKind::Chunk};
  return llvm::any_of(costly, [&](MaskKind word) { return mask.contains(word); });
}

/// Long regions, and those that divide integers, keep many values per score at once.
static bool isCostlyRegion(Region &region) {
  if (region.empty())
    return false;
  size_t count = 0;
  for (Operation &op : region.front().without_terminator()) {
    if (isa<arith::RemUIOp, arith::RemSIOp, arith::DivUIOp, arith::DivSIOp>(op))
      return true;
    count += !op.hasTrait<OpTrait::ConstantLike>();
  }
  constexpr size_t longest = 7; // seven fit between 2 x 128 keys at 128 columns
  return count > longest;
}

/// Ids of documents that take two registers each.
static bool hasWideIds(AttentionOp op) {
  return op.maskOrAll().contains(MaskKind::Document) &&
         llvm::any_of(op.getMaskOperands(), [](Value operand) {
           return !cast<RankedTensorType>(operand.getType()).getElementType().isInteger(32);
         });
}

/// What ptxas was seen to need beyond the sum to stay without spills. Masks per head compare twice
/// for each row, which the many rows of a warp feel.
static int64_t codeRegistersFor(AttentionOp op, bool warpgroups) {
  constexpr int64_t each = 16;
  MaskAttr mask = op.maskOrAll();
  bool isCostly = hasCostlyWord(mask) || (!warpgroups && mask.contains(MaskKind::PerHead));
  bool isWide = warpgroups && hasWideIds(op);
  return each * (isCostly + 2 * isWide + isCostlyRegion(op.getScore()));
}

static WarpgroupTile sizesOf(AttentionOp op) {
  WarpgroupTile sizes;
  sizes.qkSize = op.qkSize();
  sizes.vSize = op.vSize();
  sizes.hasDocuments = op.maskOrAll().contains(MaskKind::Document);
  return sizes;
}

/// What the form for packed rows has no code for runs in tiles of rows.
bool attn::mayStream(AttentionOp op) {
  MaskAttr mask = op.maskOrAll();
  auto module = op->getParentOfType<ModuleOp>();
  bool isStrict = module && module->hasAttr(strictAttrName) && !mask.isAll();
  return mask.getNumOperands() == 0 && !isStrict;
}

/// Tensor cores that one instruction of a warpgroup feeds from shared memory, and the copy engine.
static bool hasWarpgroups(TargetAttr target) { return target.getWord("tensor_core") != "mma"; }

/// Whether rows begin anywhere in a sector of memory, and are so short that this matters.
static bool hasOddRows(AttentionOp op) {
  constexpr int64_t columnsOfSector = 16, shortRow = 112;
  bool isOdd = op.qkSize() % columnsOfSector != 0 || op.vSize() % columnsOfSector != 0;
  return isOdd && op.qkSize() <= shortRow && op.vSize() <= shortRow;
}

/// Packed rows, by warpgroups and the copy engine or by warps.
static FailureOr<Plan> planPackedRows(AttentionOp op, TargetAttr target, TileSizes sizes) {
  if (hasWarpgroups(target) && !hasOddRows(op))
    return planStreamOnGpu(op, target);
  sizes.codeRegisters = codeRegistersFor(op, /*warpgroups=*/false);
  FailureOr<Plan> plan = planWarpStream(op, target, sizes);
  if (hasWarpgroups(target) && succeeded(plan))
    plan->reasons.push_back("rows begin anywhere in a sector of memory: the copy engine would take "
                            "longer for each than memory does");
  return plan;
}

static FailureOr<Plan> planWarpgroups(AttentionOp op, TargetAttr target, const WarpgroupTile &sizes,
                                      bool lazy) {
  int64_t shared = target.getInt("shared_memory");
  std::optional<WarpgroupTile> tile = chooseTile(sizes, shared, lazy);
  if (!tile)
    return op.emitOpError("found no tile for head sizes ")
           << op.qkSize() << " and " << op.vSize() << " in " << shared << " bytes of shared memory";
  Choice choice{*tile, isUneven(op.maskOrAll()), lazy};
  return Plan{build(op.getContext(), choice), explain(choice, shared)};
}

FailureOr<Plan> attn::planOnGpu(AttentionOp op, TargetAttr target, Maximum wanted) {
  if (failed(checkInputs(op)))
    return failure();
  bool warpgroups = hasWarpgroups(target);
  MaskAttr mask = op.maskOrAll();
  WarpgroupTile sizes = sizesOf(op);
  sizes.codeRegisters = codeRegistersFor(op, warpgroups);
  if (warpgroups && isLatent(op))
    return planLatent(op, target.getInt("shared_memory"));
  if (!warpgroups && op.valueColumnOfKey())
    return planWarpLatent(op, target, sizes);
  if (failed(checkSizes(op)))
    return failure();
  if (isStreamWork(op) && mayStream(op))
    return planPackedRows(op, target, sizes);
  bool lazy = wanted == Maximum::Lazy && mayBeLazy(op) && hasFreeTiles(mask);
  FailureOr<Plan> plan = warpgroups ? planWarpgroups(op, target, sizes, lazy)
                                    : planWarps(op, target, sizes, isUneven(mask), lazy);
  if (failed(plan))
    return failure();
  plan->reasons.push_back(explainMaximum(op, lazy, wanted));
  if (isStreamWork(op))
    plan->reasons.push_back("form = panels: rows are packed for decoding only under masks that do "
                            "not depend on data, and without strict = 1");
  return plan;
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

/// Choices that the lowering has no code for.
static LogicalResult checkBuilt(AttentionOp op, ScheduleAttr schedule, bool warpgroups) {
  bool isStream = schedule.getWord("form") == "stream";
  StringRef roles = warpgroups ? "roles = specialised" : "roles = uniform",
            persistent = warpgroups ? "persistent = 1" : "persistent = 0";
  struct {
    StringRef field;
    bool isBuilt;
    StringRef what;
  } checks[] = {
      {"roles", schedule.getWord("roles") == roles.substr(8), roles},
      {"form", schedule.getWord("form") != "group", "form = panels or stream"},
      {"peek",
       !schedule.getFlag("peek") ||
           (warpgroups && !isStream && schedule.getWord("maximum") == "lazy"),
       "peek = 0 without roles = specialised, form = panels and maximum = lazy"},
      {"persistent", schedule.getFlag("persistent") == warpgroups, persistent},
      {"p_in_registers", schedule.getFlag("p_in_registers"), "p_in_registers = 1"},
      {"maximum", schedule.getWord("maximum") == "exact" || !isStream,
       "maximum = exact with form = stream"},
      {"splits", schedule.getInt("splits") == 1 || isStream, "splits = 1 without form = stream"},
      {"panels", schedule.getInt("panels") == 1, "panels = 1"}};
  for (auto &check : checks)
    if (!check.isBuilt)
      return op.emitOpError("expected ") << check.what << "; other values of " << check.field
                                         << " are not built for this target yet";
  return success();
}

/// What the form for packed rows has no code for.
static LogicalResult checkStreamable(AttentionOp op) {
  ScheduleAttr schedule = op.getScheduleAttr();
  if (op.maskOrAll().getNumOperands() > 0)
    return op.emitOpError("expected a mask without operands in a schedule of form stream, found ")
           << op.maskOrAll().str();
  if (schedule.getFlag("strict"))
    return op.emitOpError("expected strict = 0 in a schedule of form stream, found 1: rows are not "
                          "computed again there");
  int64_t splits = schedule.getInt("splits");
  if (splits < 1 || splits > mostStreamSplits)
    return op.emitOpError("expected splits from 1 to ") << mostStreamSplits << ", found " << splits;
  return success();
}

LogicalResult attn::checkGpuSchedule(AttentionOp op, TargetAttr target) {
  ScheduleAttr schedule = op.getScheduleAttr();
  // Of the warps' form Hopper has kernels for packed rows.
  bool warpgroups = hasWarpgroups(target) &&
                    (schedule.getWord("roles") != "uniform" ||
                     schedule.getWord("form") != "stream" || schedule.getFlag("values_in_keys"));
  if (failed(checkInputs(op)) || failed(checkBuilt(op, schedule, warpgroups)))
    return failure();
  if (schedule.getInt("split_output") != 1 || schedule.getFlag("values_in_keys"))
    return warpgroups ? checkLatentSchedule(op, target.getInt("shared_memory"))
                      : checkWarpLatentSchedule(op, target, sizesOf(op));
  if (failed(checkSizes(op)))
    return failure();
  bool isStream = schedule.getWord("form") == "stream";
  if (isStream && failed(checkStreamable(op)))
    return failure();
  if (isStream && warpgroups)
    return checkGpuStreamSchedule(op, target);
  if (schedule.getWord("maximum") == "lazy" && !mayBeLazy(op))
    return op.emitOpError(
        "expected maximum = exact for f16, found lazy: a weight above 65504, which "
        "bf16 holds, would be infinite");
  if (!warpgroups)
    return checkWarpSchedule(op, target, sizesOf(op));
  WarpgroupTile tile = sizesOf(op);
  tile.keys = schedule.getInt("keys");
  tile.consumers = schedule.getInt("consumers");
  tile.stages = schedule.getInt("stages");
  tile.queriesInRegisters = schedule.getFlag("q_in_registers");
  if (tile.consumers < 1 || tile.consumers > 4 || schedule.getInt("rows") != tile.rows())
    return op.emitOpError("expected 1 to 4 consumers of 64 rows each, found consumers = ")
           << tile.consumers << " and rows = " << schedule.getInt("rows");
  if (tile.keys % 16 != 0 || tile.keys < 16 || tile.keys > 256)
    return op.emitOpError("expected keys to be a multiple of 16 up to 256, found ") << tile.keys;
  if (tile.stages < 1 || !llvm::isPowerOf2_64(static_cast<uint64_t>(tile.stages)))
    return op.emitOpError("expected stages to be a power of two, found ") << tile.stages;
  if (tile.neededRegisters() > tile.consumerRegisters())
    return op.emitOpError("expected at most ")
           << tile.consumerRegisters() << " registers per consumer thread, found "
           << tile.neededRegisters() << " for keys = " << tile.keys
           << (tile.queriesInRegisters ? ", values of " : " and values of ") << tile.vSize
           << " columns" << (tile.queriesInRegisters ? " and queries in registers" : "")
           << "; the products would run one after the other";
  int64_t shared = target.getInt("shared_memory");
  if (tile.sharedBytes() > shared)
    return op.emitOpError("expected at most ")
           << shared << " bytes of shared memory, found " << tile.sharedBytes()
           << "; take fewer keys or stages";
  return success();
}
