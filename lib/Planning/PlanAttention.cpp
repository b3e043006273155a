//===- PlanAttention.cpp - chooses a schedule ---===//
#include "CostModel.h"
#include "PlanGpu.h"
#include "PlanGroup.h"
#include "ScheduleFields.h"
#include "attn/Planning/Transforms.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace mlir;
using namespace mlir::attn;

/// Rows of a register block worth trying: more accumulators than registers spill, fewer wait.
static constexpr int64_t blockKeys[] = {16, 12, 8, 6, 4};
static constexpr int64_t blockVectors[] = {1, 2, 3, 4};
/// Speed is flat in this range of keys per tile as long as the panels fit their cache.
static constexpr int64_t largestTile = 128;
static constexpr int64_t panelCounts[] = {1, 2, 4, 6, 8, 10, 12, 16};
/// Sums of a register block that cover the latency of multiply-adds several times over: more are
/// no faster, and end less evenly.
static constexpr int64_t sumsPerLatency = 4;
/// Rows of an item: more would leave too few items for the cores where sequences are short.
static constexpr int64_t largestItem = 512;

//===----------------------------------------------------------------------===//
// What is known
//===----------------------------------------------------------------------===//

static Workload describe(AttentionOp op, const CoreFacts &core) {
  Workload work;
  work.qkSize = op.qkSize();
  work.vSize = op.vSize();
  auto element = cast<RankedTensorType>(op.getKey().getType()).getElementType();
  work.isBf16 = element.isBF16();
  work.perWord = work.isBf16 && core.bf16Dot ? 2 : 1;
  work.elementBytes = element.getIntOrFloatBitWidth() / 8;
  // Pairs of values are words of two keys; other narrow elements are widened.
  bool keysAreWords = element.isF32() || work.perWord == 2, valuesAreWords = element.isF32();
  work.copiedBytes =
      work.elementBytes * ((keysAreWords ? 0 : work.qkSize) + (valuesAreWords ? 0 : work.vSize));
  work.group = 1;
  for (const HeadGroup &group : computeHeadGroups(op.headMap()))
    work.group = std::max(work.group, static_cast<int64_t>(group.heads.size()));
  auto function = op->getParentOfType<FunctionOpInterface>();
  auto entry = function ? function->getAttrOfType<StringAttr>("attn.entry") : StringAttr();
  auto length = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(2);
  work.oneQuery = (entry && isDecodeRole(entry.getValue())) || length == 1;
  return work;
}

FailureOr<TargetAttr> attn::getTarget(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>("attn.target");
  if (!target)
    return module.emitError("expected the facts of a target in 'attn.target', found none; run "
                            "--attn-attach-target=target=cpu first");
  return target;
}

static LogicalResult checkKind(AttentionOp op, TargetAttr target) {
  if (target.getWord("kind") == "cpu")
    return success();
  return op.emitOpError("expected a target of kind cpu, found ")
         << target.getWord("kind") << "; planning knows no other kind yet";
}

static LogicalResult checkSizes(AttentionOp op) {
  auto check = [&](int64_t size, int64_t limit, StringRef what) -> LogicalResult {
    if (size <= limit)
      return success();
    return op.emitOpError("expected a head size of at most ")
           << limit << " for " << what << ", found " << size
           << ": one panel of rows would not leave room for a tile in the second-level cache; "
              "split the head, or sum partial products";
  };
  if (failed(check(op.qkSize(), 576, "queries and keys")))
    return failure();
  return check(op.vSize(), 512, "values");
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Every tile whose register block and working set fit, smallest first.
static SmallVector<TileShape> candidates(const CoreFacts &core, const Workload &work) {
  SmallVector<TileShape> tiles;
  for (int64_t vectors : blockVectors)
    for (int64_t blockRows : blockKeys)
      for (int64_t panels : panelCounts)
        for (int64_t keys = 4 * blockRows; keys <= largestTile; keys += 4 * blockRows) {
          TileShape tile{{blockRows, vectors}, core.lanes, keys, panels};
          int64_t sums = blockRows * vectors;
          if (tile.block.registersOn(core) <= core.registers &&
              sums <= sumsPerLatency * core.fmaLatency * core.fmaPerCycle &&
              tile.rows() * panels <= largestItem && tile.workingSet(work) <= core.l2 / 4 * 3)
            tiles.push_back(tile);
        }
  return tiles;
}

static std::optional<TileShape> chooseTile(const CoreFacts &core, const Workload &work) {
  std::optional<TileShape> best;
  double bestCost = 0;
  for (const TileShape &tile : candidates(core, work)) {
    double cost = cyclesPerScore(core, work, tile);
    if (best && cost >= bestCost)
      continue;
    best = tile;
    bestCost = cost;
  }
  return best;
}

/// Longest work first pays where items differ: a mask that sees more keys at later positions.
static StringRef chooseOrder(MaskAttr mask) {
  bool uneven = mask.contains(MaskKind::Causal) || mask.contains(MaskKind::Chunk) ||
                mask.contains(MaskKind::Stride) || mask.contains(MaskKind::PrefixLength);
  return uneven ? "longest_first" : "linear";
}

/// Steps of a product's loop per iteration; at least four iterations must be left, or the
/// loop vanishes and its operands are all kept in registers.
static int64_t chooseUnroll(const Workload &work) {
  int64_t unroll = 4;
  while (unroll > 1 && (work.qkSize % unroll != 0 || work.qkSize / unroll < 4))
    unroll /= 2;
  return unroll;
}

//===----------------------------------------------------------------------===//
// Stream form
//===----------------------------------------------------------------------===//

/// Rows of a group up to which reading keys and values once, without a copy, decides; with more
/// rows the products do, and packed panels are faster.
static constexpr int64_t streamGroup = 8;
static constexpr int64_t streamKeys = 32, stretchKeys = 1024, streamSplits = 64;
/// Rows that the stream form takes in one visit of a key.
static constexpr int64_t streamRows = 4;

/// Matrix tiles: two of rows by two of keys. Many panels share a key tile, because values are
/// transposed once per tile; many keys, because each tile loads and stores the accumulator, as long
/// as keys and values leave the panels their part of the second-level cache, and without the lazy
/// maximum scores theirs.
static constexpr int64_t matrixRows = 32, matrixPanels = 32, matrixTileShare = 8;
static int64_t matrixKeys(const CoreFacts &core, const Workload &work, bool lazy) {
  constexpr int64_t many = 512, few = 256;
  int64_t bytes = many * (work.qkSize + work.vSize) * work.elementBytes;
  return lazy && bytes <= core.l2 / matrixTileShare ? many : few;
}
/// Blocks of 32 keys by 32 rows whose scores are under way before the weights of one are made.
static constexpr int64_t matrixStages = 1;
/// Value columns of a register block where values are not finite and vectors take over.
static constexpr int64_t matrixBlock = 8;

static bool suitsMatrix(const CoreFacts &core, const Workload &work) {
  return core.amx && core.lanes == 16 && work.isBf16 && !work.oneQuery;
}

/// `lazy`: of softmax; another normalizer has no maximum.
static ScheduleAttr buildMatrixSchedule(MLIRContext *context, const CoreFacts &core,
                                        const Workload &work, MaskAttr mask, bool lazy) {
  ScheduleFields fields(context);
  fields.set("rows", matrixRows);
  fields.set("keys", matrixKeys(core, work, lazy));
  fields.set("panels", matrixPanels);
  fields.set("lanes", core.lanes);
  fields.set("register_keys", matrixBlock);
  fields.set("register_values", matrixBlock);
  fields.set("unroll", 1);
  if (lazy) {
    fields.set("maximum", "lazy");
    fields.set("powers", "short_table");
    fields.set("bypass", "both");
    fields.set("stages", matrixStages);
    fields.set("overlap", 1);
  }
  fields.set("order", chooseOrder(mask));
  return fields.attribute();
}

static SmallVector<std::string> explainMatrix(int64_t keys, bool lazy) {
  SmallVector<std::string> reasons = {
      llvm::formatv("rows = {0}, keys = {1}: blocks of 2 x 2 tiles of the matrix unit; more keys "
                    "load and store the accumulator less often",
                    matrixRows, keys),
      llvm::formatv("panels = {0}: one transposition of the values serves {1} rows", matrixPanels,
                    matrixPanels * matrixRows)};
  if (lazy) {
    reasons.push_back("maximum = lazy: weights follow the scores block by block, without a pass "
                      "that looks for the maximum; a tile whose sums grow too large is repeated");
    reasons.push_back("overlap = 1: the matrix unit multiplies the next keys, and behind the last "
                      "ones the next panel's first, while the vector unit makes weights");
    reasons.push_back(llvm::formatv("stages = {0}: the blocks of 32 keys by which the scores are "
                                    "ahead; what a tile register stores cannot be loaded at once",
                                    matrixStages));
    reasons.push_back("powers = short_table: the matrix unit leaves one port to what weights need "
                      "most, and 16 bits want 6 of its cycles for two vectors, a polynomial 13");
    reasons.push_back(
        "bypass = both: keys and values come through once for each panel; weights and "
        "scores stay in the first-level cache");
  }
  return reasons;
}

/// Rows of queries whose sums with a whole row of values have room in registers beside 8 for the
/// rest, and how many are worth a visit of their own.
static int64_t rowsInRegisters(const CoreFacts &core, const Workload &work) {
  return (core.registers - 8) / (roundUp(work.vSize, core.lanes) / core.lanes);
}
static constexpr int64_t enoughRows = 3;

/// Whether the form `group` with half a vector for the rows beats the stream form: with more rows
/// than that takes in one visit where rows are so long that it visits values in pieces, else where
/// rows leave no more than one lane idle and no key is widened first.
static bool prefersHalfVector(const CoreFacts &core, const Workload &work) {
  if (!fitsHalfVector(core, work) || work.group <= streamRows)
    return false;
  bool isWidened = work.elementBytes < 4 && work.perWord == 1;
  bool fillsHalf = work.group + 1 >= core.lanes / 2;
  return rowsInRegisters(core, work) < enoughRows || (fillsHalf && !isWidened);
}

/// Elements of a row of keys in a tile of the matrix unit.
static constexpr int64_t tileElements = 32;

/// Whether the matrix unit makes the scores of decode: keys that fill the rows of its tiles.
static bool scoresByTiles(const CoreFacts &core, const Workload &work) {
  return core.amx && core.lanes == 16 && work.isBf16 && work.qkSize % tileElements == 0;
}

/// Whether it multiplies the values, too, so that arithmetic of a large group is no limit.
static bool addsByTiles(AttentionOp op, const CoreFacts &core, const Workload &work) {
  return scoresByTiles(core, work) && work.vSize % tileElements == 0 && canGroup(op, work);
}

/// Whether decode goes by the form `group`, because arithmetic is the limit.
static bool suitsGroup(AttentionOp op, const CoreFacts &core, const Workload &work) {
  return canGroup(op, work) && !addsByTiles(op, core, work) &&
         (work.group > streamGroup || prefersHalfVector(core, work));
}

static bool suitsStream(AttentionOp op, const CoreFacts &core, const Workload &work) {
  bool evenPairs = !work.isBf16 || (work.qkSize % 2 == 0 && work.vSize % 2 == 0);
  bool isSmall = work.group <= streamGroup || addsByTiles(op, core, work);
  return work.oneQuery && isSmall && evenPairs;
}

/// Rows that share the first visit of a value. As many as have room for their sums beside 8
/// registers for the rest, for the first visit is what waits for memory. Where that is not even
/// three, one, by whole rows: hardware fetches ahead what is read in the order of addresses. A core
/// that is asked for rows ahead takes two, by less than whole rows.
static int64_t streamValueRows(const CoreFacts &core, const Workload &work) {
  // Two bf16 of a word are taken apart once for four rows.
  if (work.isBf16 && !core.bf16Dot && core.registers == 32)
    return 4;
  int64_t rows = rowsInRegisters(core, work);
  if (rows >= enoughRows)
    return std::min(rows, streamRows);
  return rows > 0 && core.prefetchAhead == 0 ? 1 : 2;
}

/// Cache lines of the longer of a key's two rows.
static int64_t linesOfRow(const Workload &work) {
  constexpr int64_t lineBytes = 64;
  return std::max(work.qkSize, work.vSize) * work.elementBytes / lineBytes;
}

/// Whether the values of a tile are read in one stretch and the scores of the next in another, each
/// of many keys. Hardware that is not asked fetches ahead for each load by itself, and loses track
/// where keys and values in turn have too many: long rows, and values that all but one row of
/// queries visit in pieces. Two short turns are better for two rows of queries.
static bool readsInStretches(const CoreFacts &core, const Workload &work) {
  constexpr int64_t mostLines = 8;
  bool inPieces = rowsInRegisters(core, work) < enoughRows && work.group >= enoughRows;
  return core.prefetchAhead == 0 && core.registers == 32 &&
         (linesOfRow(work) > mostLines || inPieces);
}

static int64_t streamTileKeys(const CoreFacts &core, const Workload &work) {
  return readsInStretches(core, work) ? stretchKeys : streamKeys;
}

/// Panels that share a read of keys and values, in items of about equal size: more would leave few
/// items where sequences are short.
static int64_t streamPanels(const CoreFacts &core, const Workload &work) {
  constexpr int64_t most = 4;
  int64_t all = roundUp(work.group, core.lanes) / core.lanes, items = roundUp(all, most) / most;
  return roundUp(all, items) / items;
}

static ScheduleAttr buildStreamSchedule(MLIRContext *context, const CoreFacts &core,
                                        const Workload &work) {
  ScheduleFields fields(context);
  fields.set("rows", core.lanes);
  fields.set("keys", streamTileKeys(core, work));
  fields.set("panels", streamPanels(core, work));
  fields.set("lanes", core.lanes);
  fields.set("register_keys", 4);
  fields.set("register_values", streamValueRows(core, work));
  fields.set("splits", streamSplits);
  fields.set("form", "stream");
  return fields.attribute();
}

static std::string reasonForStreamKeys(const CoreFacts &core, const Workload &work) {
  return llvm::formatv(
      readsInStretches(core, work)
          ? "keys = {0}: rows are long, so that all values of a tile are read, then "
            "all keys of the next; each change costs what is fetched ahead"
          : "keys = {0}: keys and values of a tile stay in the first-level cache "
            "for all rows",
      streamTileKeys(core, work));
}

static SmallVector<std::string> explainStream(const CoreFacts &core, const Workload &work) {
  SmallVector<std::string> reasons = {
      llvm::formatv("form = stream: {0} rows of a group leave memory as the limit{1}; keys and "
                    "values are read once, without a copy",
                    work.group, work.group > streamGroup ? ", or the matrix unit" : ""),
      llvm::formatv("rows = {0}: the weights of a key are one vector", core.lanes),
      reasonForStreamKeys(core, work),
      llvm::formatv("register_values = {0}: rows that share a visit of a value, which waits for "
                    "memory the first time",
                    streamValueRows(core, work)),
      llvm::formatv(
          "splits = {0}: at most; parts of the key range keep all cores busy with one sequence",
          streamSplits)};
  if (scoresByTiles(core, work))
    reasons.push_back(llvm::formatv(
        "the matrix unit makes the scores, of 16 keys at a time as they lie in memory{0}",
        work.vSize % tileElements == 0 ? ", and multiplies the values of more than four rows"
                                       : ""));
  return reasons;
}

//===----------------------------------------------------------------------===//
// Reasons
//===----------------------------------------------------------------------===//

static std::string kib(int64_t bytes) {
  return llvm::formatv("{0:F1} KiB", static_cast<double>(bytes) / 1024).str();
}

static std::string reasonForRows(const CoreFacts &core, const Workload &work,
                                 const TileShape &tile) {
  if (work.oneQuery)
    return llvm::formatv("rows = {0}: one query position times {1} heads of a group, in vectors of "
                         "{2} lanes",
                         tile.rows(), work.group, core.lanes);
  return llvm::formatv("rows = {0}: {1} vectors of {2} lanes, so that a broadcast key element "
                       "serves {1} multiply-adds",
                       tile.rows(), tile.block.vectors, core.lanes);
}

static std::string reasonForPanels(const CoreFacts &core, const Workload &work,
                                   const TileShape &tile) {
  std::string size =
      llvm::formatv("{0} of {1} second-level cache", kib(tile.workingSet(work)), kib(core.l2));
  if (work.oneQuery)
    return llvm::formatv(
        "panels = {0}: one read of a key serves {1} of the {2} rows of a group; {3}", tile.panels,
        std::min(work.group, tile.panels * tile.rows()), work.group, size);
  return llvm::formatv("panels = {0}: one load of a key tile serves {1} rows; {2}", tile.panels,
                       tile.panels * tile.rows(), size);
}

static std::string reasonForBlock(const CoreFacts &core, const TileShape &tile) {
  return llvm::formatv(
      "register_keys = {0}: {0} x {1} accumulators and {2} operands use {3} of {4} "
      "registers, {5:F2} cycles per multiply-add",
      tile.block.keys, tile.block.vectors, tile.block.vectors + 1, tile.block.registers(),
      core.registers, tile.block.cyclesPerFma(core));
}

static std::string reasonForOrder(StringRef order) {
  return order == "linear" ? "order = linear: every item sees equally many keys"
                           : "order = longest_first: later positions see more keys";
}

static SmallVector<std::string> explain(const CoreFacts &core, const Workload &work,
                                        const TileShape &tile, MaskAttr mask) {
  SmallVector<std::string> reasons;
  reasons.push_back(reasonForRows(core, work, tile));
  reasons.push_back(llvm::formatv(
      "keys = {0}: scores {1} and query panel {2} of {3} first-level cache", tile.keys,
      kib(tile.scorePanelBytes()), kib(tile.queryPanelBytes(work)), kib(core.l1)));
  reasons.push_back(reasonForPanels(core, work, tile));
  reasons.push_back(llvm::formatv("lanes = {0}: the target's vector", core.lanes));
  reasons.push_back(reasonForBlock(core, tile));
  reasons.push_back(llvm::formatv("register_values = {0}: as register_keys; {1} value columns in "
                                  "{2} blocks",
                                  tile.block.keys, work.vSize,
                                  roundUp(work.vSize, tile.block.keys) / tile.block.keys));
  reasons.push_back(llvm::formatv("unroll = {0}: leaves {1} iterations of the product's loop",
                                  chooseUnroll(work), work.qkSize / chooseUnroll(work)));
  reasons.push_back(reasonForOrder(chooseOrder(mask)));
  reasons.push_back(llvm::formatv("estimate: {0:F3} cycles per pair of row and key",
                                  cyclesPerScore(core, work, tile)));
  return reasons;
}

static ScheduleAttr buildSchedule(MLIRContext *context, const Workload &work, const TileShape &tile,
                                  MaskAttr mask) {
  ScheduleFields fields(context);
  fields.set("rows", tile.rows());
  fields.set("keys", tile.keys);
  fields.set("panels", tile.panels);
  fields.set("lanes", tile.lanes);
  fields.set("register_keys", tile.block.keys);
  fields.set("register_values", tile.block.keys);
  fields.set("unroll", chooseUnroll(work));
  fields.set("order", chooseOrder(mask));
  return fields.attribute();
}

FailureOr<Plan> attn::planAttention(AttentionOp op, TargetAttr target, Maximum wanted) {
  if (target.getWord("kind") == "gpu")
    return planOnGpu(op, target, wanted);
  if (failed(checkKind(op, target)) || failed(checkSizes(op)))
    return failure();
  CoreFacts core(target);
  Workload work = describe(op, core);
  if (suitsGroup(op, core, work))
    return planGroup(op, core, work, streamSplits);
  if (suitsStream(op, core, work))
    return Plan{buildStreamSchedule(op.getContext(), core, work), explainStream(core, work)};
  bool lazy = op.getNormalizer() == Normalizer::Softmax && wanted == Maximum::Lazy;
  if (suitsMatrix(core, work))
    return Plan{buildMatrixSchedule(op.getContext(), core, work, op.maskOrAll(), lazy),
                explainMatrix(matrixKeys(core, work, lazy), lazy)};
  std::optional<TileShape> tile = chooseTile(core, work);
  if (!tile)
    return op.emitOpError("found no tile for head sizes ")
           << work.qkSize << " and " << work.vSize << " on a core with " << core.registers
           << " vector registers and " << kib(core.l2)
           << " of second-level cache; write a schedule by hand";
  MaskAttr mask = op.maskOrAll();
  return Plan{buildSchedule(op.getContext(), work, *tile, mask), explain(core, work, *tile, mask)};
}

LogicalResult attn::completeSchedule(AttentionOp op, TargetAttr target) {
  if (target.getWord("kind") == "gpu")
    return success();
  FailureOr<Plan> plan = planAttention(op, target);
  if (failed(plan))
    return failure();
  NamedAttrList fields(op.getScheduleAttr().getFields());
  for (StringRef open : {"lanes", "register_keys", "register_values"})
    if (!fields.get(open))
      fields.set(open, plan->schedule.getFields().get(open));
  op.setScheduleAttr(ScheduleAttr::get(op.getContext(), fields.getDictionary(op.getContext())));
  return success();
}
