//===- WorkPlan.cpp - the facts one attn.work is lowered by on an NVIDIA GPU -===//
#include "WorkPlan.h"
#include "attn/Planning/LatentWarpTile.h"
#include "attn/Planning/StreamTile.h"
#include "attn/Target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::attn;

/// Bytes of shared memory that a block may have.
static constexpr int64_t sharedLimit = 232448;

/// The one operation of a kind in a block, or null.
template <typename T> static T only(Block &block) {
  auto range = block.getOps<T>();
  return llvm::hasSingleElement(range) ? *range.begin() : T();
}

FailureOr<NVWorkPlan> NVWorkPlan::create(WorkOp work, function_ref<int64_t(Value)> numberOf) {
  NVWorkPlan plan;
  plan.work = work;
  plan.function = work->getParentOfType<func::FuncOp>();
  plan.numberOf = numberOf;
  if (failed(plan.readBody()) || failed(plan.readLatent()) || failed(plan.checkTypes()) ||
      failed(plan.readSchedule()) || failed(plan.readRoles()) || failed(plan.readMaskRoles()))
    return failure();
  plan.readOffset();
  return plan;
}

int64_t NVWorkPlan::largestGroup() const {
  size_t most = 1;
  for (const HeadGroup &group : computeHeadGroups(heads))
    most = std::max(most, group.heads.size());
  return static_cast<int64_t>(most);
}

static void collectDocuments(MaskAttr mask, SmallVectorImpl<int64_t> &operands) {
  if (mask.getKind() == MaskKind::Document && !llvm::is_contained(operands, mask.getValues()[0]))
    operands.push_back(mask.getValues()[0]);
  for (unsigned i = 0; i < mask.getChildren().size(); ++i)
    collectDocuments(mask.getChild(i), operands);
}

SmallVector<int64_t> NVWorkPlan::documentOperands() const {
  SmallVector<int64_t> operands;
  collectDocuments(mask, operands);
  return operands;
}

int64_t NVWorkPlan::documentOperand() const {
  SmallVector<int64_t> operands = documentOperands();
  return operands.empty() ? -1 : operands.front();
}

LogicalResult NVWorkPlan::readBody() {
  Block &body = work.getBody().front();
  init = only<OnlineInitOp>(body);
  stream = only<StreamOp>(body);
  if (!init || !stream)
    return work.emitOpError(
        "must hold one attn.online.init and one attn.stream to be lowered for a GPU");
  dot = only<TileDotOp>(stream.getBody().front());
  auto step = only<OnlineStepOp>(stream.getBody().front());
  if (!dot || !step)
    return stream.emitOpError(
        "must hold one attn.tile.dot and one attn.online.step to be lowered for a GPU");
  if (step.getNormalizer() != Normalizer::Softmax)
    return step.emitOpError(
        "expected the softmax normaliser; others are not built for this target yet");
  for (auto store : body.getOps<StoreTileOp>()) {
    bool isLse = cast<MemRefType>(store.getTarget().getType()).getRank() == 3;
    (isLse ? storeLse : storeOut) = store;
  }
  if (!storeOut)
    return work.emitOpError("stores no output");
  mask = stream.getMask();
  heads = {SmallVector<int64_t>(work.getQueryMap()), SmallVector<int64_t>(work.getKeyMap()),
           SmallVector<int64_t>(work.getValueMap())};
  scale = dot.getScale().convertToDouble();
  tile.qkSize = dot.getQuery().getType().getColumns();
  tile.vSize = step.getValues().getType().getColumns();
  return success();
}

LogicalResult NVWorkPlan::checkTypes() {
  Type element = cast<MemRefType>(work.getQuery().getType()).getElementType();
  Type out = cast<MemRefType>(storeOut.getTarget().getType()).getElementType();
  isHalf = element.isF16();
  if (!isHalf && !element.isBF16())
    return work.emitOpError("expected elements of bf16 or f16, found ")
           << element << "; the tensor cores' other types are not built yet";
  if (out != element)
    return work.emitOpError("expected an output of the inputs' type ")
           << element << ", found " << out;
  for (int64_t size : {tile.qkSize, tile.vSize})
    if (!isLatent() && (size % 8 != 0 || size > 256))
      return work.emitOpError("expected head sizes that are multiples of 8 up to 256, found ")
             << size;
  return success();
}

/// First key column of the values where they are a view of the keys: all heads and keys, a range of
/// columns. -1 for values of their own.
static int64_t columnInKeys(WorkOp work) {
  if (work.getValue() == work.getKey())
    return 0;
  auto view = work.getValue().getDefiningOp<memref::SubViewOp>();
  if (!view || view.getSource() != work.getKey() ||
      llvm::any_of(view.getStaticStrides(), [](int64_t stride) { return stride != 1; }) ||
      llvm::any_of(view.getStaticOffsets().drop_back(), [](int64_t first) { return first != 0; }))
    return -1;
  return view.getStaticOffsets().back();
}

LogicalResult NVWorkPlan::readLatent() {
  ScheduleAttr schedule = work.getSchedule();
  if (!schedule.getFlag("values_in_keys"))
    return success();
  int64_t column = columnInKeys(work);
  if (column < 0)
    return work.emitOpError("expected values that are a view of the keys' columns, as the schedule "
                            "says (values_in_keys = 1)");
  if (schedule.getWord("roles") == "uniform")
    return readWarpLatent(column);
  latent = LatentTile{tile.qkSize, tile.vSize, column, schedule.getInt("stages")};
  if (latent->isSupported() && schedule.getInt("split_output") == LatentTile::parts &&
      schedule.getInt("keys") == LatentTile::keys && schedule.getWord("form") == "stream" &&
      latent->sharedBytes() <= sharedLimit)
    return success();
  return work.emitOpError("has a schedule this target cannot obey; let --attn-plan choose it");
}

/// Warps that share the rows of a block.
LogicalResult NVWorkPlan::readWarpLatent(int64_t column) {
  ScheduleAttr schedule = work.getSchedule();
  LatentWarpTile w;
  w.overlap = schedule.getFlag("overlap");
  static_cast<TileSizes &>(w) = tile;
  w.keys = w.partKeys = schedule.getInt("keys");
  w.stages = schedule.getInt("stages");
  w.warps = schedule.getInt("consumers");
  w.rowTiles = schedule.getInt("rows") / 16;
  w.valueColumn = column;
  warp = w;
  if (w.isSupported() && w.rows() == schedule.getInt("rows") &&
      schedule.getInt("split_output") == w.warps && schedule.getWord("form") == "stream" &&
      !schedule.getFlag("q_in_registers") && schedule.getInt("register_keys") == 0)
    return success();
  return work.emitOpError("has a schedule this target cannot obey; let --attn-plan choose it");
}

LogicalResult NVWorkPlan::readStreamSchedule() {
  ScheduleAttr schedule = work.getSchedule();
  splits = schedule.getInt("splits");
  overlap = schedule.getFlag("overlap");
  tile.queryBuffers = 1;
  blocks = 1;
  if ((latent || StreamTile(tile).holds(sharedLimit)) && schedule.getInt("rows") == 64 &&
      tile.consumers == (latent ? 2 : 1) && schedule.getInt("panels") == 1 &&
      schedule.getWord("roles") == "specialised" && schedule.getFlag("persistent") &&
      schedule.getFlag("p_in_registers") && schedule.getWord("maximum") == "exact")
    return success();
  return work.emitOpError("has a schedule this target cannot obey; let --attn-plan choose it");
}

/// Warps that have rows of their own.
static WarpTile warpTileOf(ScheduleAttr schedule, const TileSizes &sizes) {
  WarpTile w;
  static_cast<TileSizes &>(w) = sizes;
  w.keys = schedule.getInt("keys");
  w.stages = schedule.getInt("stages");
  w.warps = schedule.getInt("consumers");
  w.sharesRows = schedule.getWord("form") == "stream" && schedule.getInt("rows") == 16;
  w.rowTiles = w.warps <= 0 ? 0 : w.sharesRows ? 1 : schedule.getInt("rows") / (16 * w.warps);
  w.queriesInRegisters = schedule.getFlag("q_in_registers");
  w.partKeys = schedule.getInt("register_keys") ? schedule.getInt("register_keys") : w.warpKeys();
  return w;
}

LogicalResult NVWorkPlan::readWarpSchedule() {
  ScheduleAttr schedule = work.getSchedule();
  auto target = function->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>(targetAttrName);
  if (!warp)
    warp = warpTileOf(schedule, tile);
  WarpTile &w = *warp;
  blocks = schedule.getInt("blocks");
  lazy = schedule.getWord("maximum") == "lazy";
  strict = schedule.getFlag("strict");
  longestFirst = schedule.getWord("order") == "longest_first";
  isStream = schedule.getWord("form") == "stream";
  splits = schedule.getInt("splits");
  overlap = schedule.getFlag("overlap");
  // Packed rows of four warps; the copies of all go on while some compute nothing.
  bool obeys = isStream
                   ? (w.isLatent() || (w.warps == 4 && w.rowTiles == 1)) && w.stages > 1 && !lazy
                   : splits == 1;
  int64_t shared = w.isLatent() ? LatentWarpTile(w, overlap).sharedBytes() : w.sharedBytes();
  if (obeys && w.rowTiles > 0 && w.rows() == schedule.getInt("rows") && w.keys > 0 &&
      w.partKeys % 16 == 0 && w.partKeys > 0 && w.warpKeys() % w.partKeys == 0 && w.stages > 0 &&
      w.stateBytes() <= w.stages * w.valueBytes() && blocks > 0 &&
      blocks * (shared + WarpTile::reservedBytes) <=
          target.getInt("shared_memory") + WarpTile::reservedBytes &&
      schedule.getInt("panels") == 1 && !schedule.getFlag("persistent") &&
      schedule.getFlag("p_in_registers") && !(lazy && isHalf))
    return success();
  return work.emitOpError("has a schedule this target cannot obey; let --attn-plan choose it");
}

LogicalResult NVWorkPlan::readSchedule() {
  ScheduleAttr schedule = work.getSchedule();
  if (schedule.getWord("roles") == "uniform")
    return readWarpSchedule();
  isStream = schedule.getWord("form") == "stream";
  tile.keys = schedule.getInt("keys");
  tile.consumers = schedule.getInt("consumers");
  tile.stages = schedule.getInt("stages");
  if (isStream)
    return readStreamSchedule();
  overlap = schedule.getFlag("overlap");
  pingpong = schedule.getFlag("pingpong") && tile.consumers > 1;
  peek = schedule.getFlag("peek");
  lazy = schedule.getWord("maximum") == "lazy";
  strict = schedule.getFlag("strict");
  longestFirst = schedule.getWord("order") == "longest_first";
  tile.queriesInRegisters = schedule.getFlag("q_in_registers");
  tile.hasDocuments = documentOperand() >= 0;
  // A second buffer lets the next tile's queries arrive during this tile, as one does whose queries
  // are in registers.
  tile.queryBuffers = tile.queriesInRegisters ? 1 : 2;
  if (tile.sharedBytes() > sharedLimit)
    tile.queryBuffers = 1;
  if (schedule.getInt("rows") != tile.rows() || schedule.getInt("panels") != 1 ||
      schedule.getWord("roles") != "specialised" || !schedule.getFlag("persistent") ||
      !schedule.getFlag("p_in_registers") || (lazy && isHalf) || schedule.getInt("splits") != 1)
    return work.emitOpError("has a schedule this target cannot obey; let --attn-plan choose it");
  return success();
}

LogicalResult NVWorkPlan::readRoles() {
  roles.query = numberOf(work.getQuery());
  roles.key = numberOf(work.getKey());
  roles.value = isLatent() ? roles.key : numberOf(work.getValue());
  roles.out = numberOf(storeOut.getTarget());
  if (roles.query < 0 || roles.key < 0 || roles.value < 0 || roles.out < 0)
    return work.emitOpError(
        "expected queries, keys, values and output to be tensors that the host knows");
  if (storeLse)
    roles.lse = numberOf(storeLse.getTarget());
  if (init.getSinks())
    roles.sinks = numberOf(init.getSinks());
  if ((storeLse && roles.lse < 0) || (init.getSinks() && roles.sinks < 0))
    return work.emitOpError("expected log-sum-exp and sinks to be tensors that the host knows");
  return success();
}

LogicalResult NVWorkPlan::readMaskRoles() {
  constexpr size_t most = 4; // ATTN_GPU_MAX_MASKS
  if (stream.getMaskOperands().size() > most)
    return stream.emitOpError("expected at most ")
           << most << " mask operands, found " << stream.getMaskOperands().size();
  for (Value operand : stream.getMaskOperands()) {
    roles.masks.push_back(numberOf(operand));
    maskTypes.push_back(cast<MemRefType>(operand.getType()));
    if (roles.masks.back() < 0)
      return stream.emitOpError("expected mask operands to be tensors that the host knows");
  }
  return success();
}

/// `Sk - Sq` of the attention's own keys and queries.
static bool isDifferenceOfLengths(WorkOp work) {
  auto difference = work.getOffset().getDefiningOp<arith::SubIOp>();
  auto sizeOf = [](Value size, Value memref) {
    auto dim = size.getDefiningOp<memref::DimOp>();
    auto type = cast<MemRefType>(memref.getType());
    APInt constant;
    if (!dim)
      return matchPattern(size, m_ConstantInt(&constant)) && !type.isDynamicDim(2) &&
             type.getDimSize(2) == constant.getSExtValue();
    // Queries and outputs share a length, as do keys and values.
    return dim.getConstantIndex() == 2 && (dim.getSource() == memref);
  };
  return difference && sizeOf(difference.getLhs(), work.getKey()) &&
         sizeOf(difference.getRhs(), work.getQuery());
}

bool NVWorkPlan::hasPlainOffset(WorkOp work) {
  return isa<BlockArgument>(work.getOffset()) || matchPattern(work.getOffset(), m_Constant()) ||
         isDifferenceOfLengths(work);
}

void NVWorkPlan::readOffset() {
  APInt constant;
  if (matchPattern(work.getOffset(), m_ConstantInt(&constant)))
    roles.constantOffset = constant.getSExtValue();
  else if (!isDifferenceOfLengths(work))
    roles.offset = numberOf(work.getOffset());
}
