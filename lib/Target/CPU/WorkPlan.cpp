//===- WorkPlan.cpp - the facts one attn.work is lowered by ------------------===//
#include "WorkPlan.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

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
    return work.emitOpError(
        "must hold one attn.online.init and one attn.stream to be lowered for a CPU");
  dot = only<TileDotOp>(stream.getBody().front());
  auto step = only<OnlineStepOp>(stream.getBody().front());
  if (!dot || !step)
    return stream.emitOpError(
        "must hold one attn.tile.dot and one attn.online.step to be lowered for a CPU");
  normalizer = step.getNormalizer();
  for (auto store : body.getOps<StoreTileOp>()) {
    bool isLse = cast<MemRefType>(store.getTarget().getType()).getRank() == 3;
    (isLse ? storeLse : storeOut) = store;
  }
  if (!storeOut)
    return work.emitOpError("stores no output");
  groups = work.headGroups();
  Type element = cast<MemRefType>(work.getKey().getType()).getElementType();
  isBf16 = element.isBF16();
  isF32 = element.isF32();
  scale = dot.getScale().convertToDouble();
  qkSize = dot.getQuery().getType().getColumns();
  vSize = step.getValues().getType().getColumns();
  return success();
}

/// Pairs of keys must not straddle register blocks.
bool WorkPlan::usesPairs() {
  return isBf16 && target.getFlag("bf16_dot") && hasDots() && registerKeys % 2 == 0;
}

/// Two by two matrix tiles for each product: 32 keys (or value columns) by 32 rows.
bool WorkPlan::usesTiles() {
  return isBf16 && target.getFlag("amx") && target.getFlag("bf16_convert") && lanes == 16 &&
         rows % 32 == 0 && keys % 32 == 0;
}

/// Whether values are a view of the keys' first columns, of the same head.
bool WorkPlan::sharesKeys() {
  auto view = work.getValue().getDefiningOp<memref::SubViewOp>();
  bool sameHead = llvm::all_of(groups, [](const HeadGroup &g) { return g.key == g.value; });
  auto all = [](ArrayRef<int64_t> numbers, int64_t number) {
    return llvm::all_of(numbers, [&](int64_t n) { return n == number; });
  };
  return view && view.getSource() == work.getKey() && sameHead && view.getType().getRank() == 4 &&
         all(view.getStaticOffsets(), 0) && all(view.getStaticStrides(), 1);
}

int64_t WorkPlan::weightTileRows() const {
  size_t most = streamRows;
  for (const HeadGroup &group : groups)
    most = std::max(most, group.heads.size());
  return std::min(rows, static_cast<int64_t>(llvm::PowerOf2Ceil(most)));
}

int64_t WorkPlan::rowWords() const {
  int64_t words = pairs ? (qkSize + 1) / 2 : qkSize;
  return tiles ? static_cast<int64_t>(llvm::alignTo(words, 16)) : words;
}

Type WorkPlan::wordType() const {
  MLIRContext *context = target.getContext();
  return pairs ? Type(IntegerType::get(context, 32)) : Type(Float32Type::get(context));
}

static constexpr double log2e = 1.4426950408889634, ln2 = 0.69314718055994531;

/// A region and a sink want the scores' own unit. A factor of at most one keeps a score finite that
/// is so without it, and a negative one would turn the maximum into the minimum.
bool WorkPlan::hasFreeScores() {
  bool unseen = isSoftmax() && !hasRegion() && !init.getSinks();
  return unseen && !tiles && !streamed && (pairs ? scale > 0 : std::fabs(scale) * log2e <= 1);
}

double WorkPlan::weightFactor() const {
  if (!freeScores)
    return log2e;
  return pairs ? scale * log2e : 1.0;
}

double WorkPlan::maximumFactor() const {
  if (!freeScores)
    return 1.0;
  return pairs ? scale : ln2;
}

double WorkPlan::queryFactor() const {
  int exponent;
  if (freeScores)
    return pairs ? 1.0 : scale * log2e;
  if (keyDots())
    return 1.0;
  return !(pairs || scoreTiles) || std::fabs(std::frexp(scale, &exponent)) == 0.5 ? scale : 1.0;
}

double WorkPlan::scoreFactor() const { return !freeScores && queryFactor() == 1.0 ? scale : 1.0; }

LogicalResult WorkPlan::readSchedule() {
  ScheduleAttr schedule = work.getSchedule();
  lanes = schedule.getInt("lanes") > 0 ? schedule.getInt("lanes") : target.getInt("lanes");
  rows = schedule.getInt("rows");
  panels = schedule.getInt("panels");
  keys = schedule.getInt("keys");
  registerKeys = schedule.getInt("register_keys");
  registerValues = schedule.getInt("register_values");
  unroll = schedule.getInt("unroll");
  longestFirst = schedule.getWord("order") == "longest_first";
  if (rows % lanes != 0)
    return work.emitOpError() << "schedule has " << rows << " rows, but the target computes "
                              << lanes << " at a time; make rows a multiple";
  vectors = rows / lanes;
  splits = schedule.getInt("splits");
  grouped = schedule.getWord("form") == "group";
  streamed = grouped || schedule.getWord("form") == "stream";
  tiles = !streamed && usesTiles();
  readStreamTiles();
  pairs = grouped ? usesPairs() : !streamed && (tiles || usesPairs());
  latent = sharesKeys();
  sharesTile = (grouped ? widensKeys() : !streamed && !pairs) && latent;
  if (registerKeys < 1 || registerValues < 1)
    return work.emitOpError("schedule needs positive register_keys and register_values on a CPU");
  if (keys % registerKeys != 0)
    return work.emitOpError() << "schedule has tiles of " << keys
                              << " keys, not a multiple of register_keys = " << registerKeys;
  if (splits != 1 && !streamed)
    return work.emitOpError(
        "splits above one are built for the forms stream and group only on the CPU");
  lazy = schedule.getWord("maximum") == "lazy";
  overlap = schedule.getFlag("overlap");
  freeScores = hasFreeScores();
  stages = schedule.getInt("stages");
  powers = schedule.getWord("powers");
  tablePowers = powers != "polynomial" && !storeLse;
  bypass = schedule.getWord("bypass");
  return failed(readMatrix()) ? failure() : readForm();
}

/// The lazy maximum and the weave belong to the matrix form.
LogicalResult WorkPlan::readMatrix() {
  if (lazy && !(tiles && isSoftmax()))
    return work.emitOpError("the lazy maximum is built on the CPU for softmax on matrix tiles only "
                            "(bf16, AMX, rows and keys multiples of 32); use maximum = exact");
  if (powers != "polynomial" && !lazy)
    return work.emitOpError() << "powers = " << powers
                              << " is built on the CPU for maximum = lazy, whose second attempt "
                                 "repeats what the table "
                                 "cannot hold; use powers = polynomial";
  if (bypass != "none" && !tiles)
    return work.emitOpError(
        "bypass is a hint of tile loads and needs matrix tiles (bf16, AMX, rows "
        "and keys multiples of 32); use bypass = none");
  if (overlap && !lazy)
    return work.emitOpError("overlap = 1 on a CPU runs the matrix unit under the weights of a "
                            "schedule with maximum = lazy; use overlap = 0");
  if (int64_t blocks = keys / 32 * (rows / 32); overlap && (stages < 1 || stages > blocks))
    return work.emitOpError() << "overlap = 1 takes blocks of 32 keys by 32 rows, with the one "
                              << stages
                              << " further on under way (stages); expected stages of at least 1 "
                                 "and at most the "
                              << blocks << " blocks of a panel and key tile";
  return success();
}

/// Keys the stream form may pack into a vector.
static constexpr int64_t streamKeys = 4;

LogicalResult WorkPlan::readForm() {
  if (!streamed)
    return success();
  if (rows != lanes)
    return work.emitOpError() << "schedule of form " << work.getSchedule().getWord("form")
                              << " has " << rows << " rows; a panel of it is one vector of "
                              << lanes;
  if (grouped)
    return readGroup();
  if (rows % streamRows != 0)
    return work.emitOpError() << "schedule of form stream has " << rows
                              << " rows, not a multiple of " << streamRows;
  if (keys % streamKeys != 0)
    return work.emitOpError() << "schedule of form stream has tiles of " << keys
                              << " keys, not a multiple of " << streamKeys;
  if (isBf16 && (qkSize % 2 != 0 || vSize % 2 != 0))
    return work.emitOpError(
        "schedule of form stream needs even head sizes with bf16; use form panels");
  return success();
}

/// Tiles have whole rows: 32 elements of keys, 32 keys, two vectors of value columns. Vectors visit
/// the values of one block of rows as fast as the matrix unit, whose operands must be woven first.
void WorkPlan::readStreamTiles() {
  scoreTiles = streamed && !grouped && isBf16 && target.getFlag("amx") &&
               target.getFlag("bf16_convert") && lanes == 16 && qkSize % 32 == 0 && keys % 32 == 0;
  weightTiles = scoreTiles && vSize % 32 == 0 && weightTileRows() > streamRows;
}

LogicalResult WorkPlan::readGroup() {
  if (rows % registerValues != 0)
    return work.emitOpError() << "schedule of form group has " << rows
                              << " rows, not a multiple of register_values = " << registerValues;
  bool oddWords = valueChunks().words && !valueChunks().byPairs && vSize % 2 != 0;
  if ((pairs && qkSize % 2 != 0) || oddWords)
    return work.emitOpError(
        "schedule of form group needs even head sizes with bf16; use form panels");
  return success();
}

WorkPlan::RowChunks WorkPlan::rowChunks(int64_t size, bool isKey) const {
  bool inWords = isBf16 && !sharesTile; // a shared tile is float32
  int64_t lanes = columnLanes(), elements = inWords ? 2 * lanes : lanes;
  return {elements,
          (size + elements - 1) / elements,
          inWords && !(isKey && keyDots()) ? 2 : 1,
          size,
          inWords,
          !isKey && inWords && (valuePairs() || weightTiles)};
}

void WorkPlan::layOut() {
  int64_t next = 0;
  auto slice = [&](int64_t r, int64_t c) {
    Slice s{next, r, c};
    next = static_cast<int64_t>(llvm::alignTo(next + r * c * 4, 64));
    return s;
  };
  auto rowOf = [&](const RowChunks &c) { return c.chunks * c.vectors * columnLanes(); };
  bool inLanes = !streamed || grouped;
  query = inLanes ? slice(rowWords(), rows) : slice(rows, rowOf(queryChunks()));
  auto tiledSize = static_cast<int64_t>(llvm::alignTo(vSize, tiles ? 16 : 1));
  accumulator = streamed ? slice(rows, rowOf(valueChunks())) : slice(tiledSize, rows);
  maximum = slice(1, rows);
  sum = slice(1, rows);
  position = slice(1, rows);
  head = slice(1, rows);
  if (lazy)
    fresh = slice(1, lanes);
  if (!inLanes)
    for (Slice &turn : packed)
      turn = slice(rows / streamRows, keys * streamRows);
  if (scoreTiles)
    tileQuery = slice(rows / scoreColumns() * queryChunks().chunks, 16 * scoreColumns());
  if (weightTiles)
    tileScores = slice(keys, rows);
  panelBytes = next;
  next *= panels;
  if (tiles) {
    keyTile = slice(keys * rowWords() / 16, 16);
    valueTile = slice(static_cast<int64_t>(llvm::alignTo(vSize, 32)) * keys / 32, 16);
  } else if (widensKeys()) {
    keyTile = valueTile = slice(keys, rowWords());
  } else if (!streamed) {
    keyTile = slice(keys, rowWords());
    valueTile = sharesTile ? keyTile : slice(tileRows(), vSize);
  }
  scores = slice(keys, rows);
  if (lazy)
    blockScores = slice(scoreTurns() * scoreBufferRows, 32);
  if (overlap)
    begun = slice(1, lanes);
  if (overlap)
    asked = slice(keys / 32, 2 * asksPerStep());
  if (weightTiles) {
    weightRows = slice(rows, keys / 2);
    valueWords = slice(16, vSize);
  }
  weights = pairs ? slice(tileRows(), rows) : scores;
  rescale = slice(1, rows);
  tileMaximum = slice(1, rows);
  blockSum = slice(1, rows);
  bytes = next;
  next = 0;
  partAccumulator = slice(accumulator.rows, accumulator.columns);
  partMaximum = slice(1, rows);
  partSum = slice(1, rows);
  partPanelBytes = next;
}
