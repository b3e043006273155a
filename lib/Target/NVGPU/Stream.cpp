//===- Stream.cpp - frame, units and producer of a stream kernel -------------===//
#include "Stream.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

PackedGroups::PackedGroups(const HeadMap &map) {
  SmallVector<HeadGroup> all = computeHeadGroups(map);
  count = static_cast<int64_t>(all.size());
  for (const HeadGroup &group : all)
    size = std::max(size, static_cast<int64_t>(group.heads.size()));
  for (const HeadGroup &group : all) {
    keyHead.push_back(group.key);
    valueHead.push_back(group.value);
    for (int64_t row = 0; row < size; ++row) {
      bool isThere = row < static_cast<int64_t>(group.heads.size());
      member.push_back(isThere ? group.heads[static_cast<size_t>(row)] : -1);
    }
  }
  for (auto [i, head] : llvm::enumerate(member))
    isEven &= head == static_cast<int64_t>(i);
}

/// Score head of a row of a group; -1 for none.
Val StreamEmitter::memberOf(Val group, Val row) {
  Val index = group * groups.size + row;
  return groups.isEven ? index : tableEntry(groups.member, index, "members");
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// Heads of a group may have different masks: keys that some head sees, keys that all see.
KeyBounds StreamEmitter::boundsOfGroup(Val first, Val last, Val group) {
  if (!plan.mask.contains(MaskKind::PerHead))
    return boundsOf(plan.mask, first, last, group);
  KeyBounds all;
  for (int64_t row = 0; row < groups.size; ++row) {
    Val head = memberOf(group, b.i32(row)).max(0);
    KeyBounds one = concrete(boundsOf(plan.mask, first, last, head));
    all = row == 0 ? one
                   : KeyBounds{all.low.min(one.low), all.high.max(one.high),
                               all.fullLow.max(one.fullLow), all.fullHigh.min(one.fullHigh)};
  }
  return all;
}

/// Units of one item are neighbours in number, and so are the row tiles of one part, which read
/// the same keys.
StreamUnit StreamEmitter::unitOf(Val number) {
  StreamUnit unit;
  unit.number = number;
  Val rest = number.div(a.rowTiles), rowTile = number - rest * a.rowTiles;
  Val batchGroup = rest.div(s.parts);
  unit.part = rest - batchGroup * s.parts;
  unit.item = batchGroup * a.rowTiles + rowTile;
  unit.batch = batchGroup.div(groups.count);
  unit.group = batchGroup - unit.batch * groups.count;
  unit.keyHead = headFrom(groups.keyHead, unit.group, "group_keys");
  unit.valueHead = headFrom(groups.valueHead, unit.group, "group_values");
  unit.firstRow = rowTile << 6;
  Val lastRow = (unit.firstRow + 64).min(a.queries * groups.size) - 1;
  KeyBounds found = boundsOfGroup(unit.firstRow.div(groups.size) + a.offset,
                                  lastRow.div(groups.size) + a.offset, unit.group);
  unit.hasLow = static_cast<bool>(found.fullLow);
  KeyBounds bounds = concrete(found);
  int64_t keys = keysOfStep();
  Val end = (bounds.high.max(0).min(a.keys) + (keys - 1)).div(keys);
  Val low = bounds.low.max(0).div(keys).min(end);
  // Parts differ by at most one tile.
  Val share = (end - low).div(s.parts), more = (end - low) - share * s.parts;
  unit.from = low + unit.part * share + unit.part.min(more);
  unit.to = unit.from + share + unit.part.lt(more).select(b.i32(1), b.i32(0));
  unit.fullFrom = (bounds.fullLow.max(0) + (keys - 1)).div(keys);
  unit.fullEnd = bounds.fullHigh.max(0).min(a.keys).div(keys);
  return unit;
}

/// One thread: the next unit's first tiles are in flight while this one's last are computed. The
/// next number is on its way while this unit's copies are started.
void StreamEmitter::emitProducer() {
  auto isLeft = [&](ArrayRef<Val> it) { return it[0].lt(s.units); };
  b.loopWhile({block, b.i32(0), b.i32(0)}, isLeft, [&](Vals it) -> Vals {
    Val next = takeTile();
    StreamUnit unit = unitOf(it[0]);
    b.loop(unit.from, unit.to, {}, [&](Val keyTile, Vals) -> Vals {
      Val count = it[1] + (keyTile - unit.from);
      loadRing(at.keyFull, at.keyEmpty, t.keyOffset(), a.keyMap, t.qkSize, keyTile, unit.keyHead,
               unit.batch, count);
      loadRing(at.valueFull, at.valueEmpty, t.valueOffset(), a.valueMap, t.vSize, keyTile,
               unit.valueHead, unit.batch, count);
      return {};
    });
    publishNext(it[2], next);
    return {next, it[1] + (unit.to - unit.from), it[2] + 1};
  });
  resetCounters();
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

StreamEmitter::StreamEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
    : WarpgroupEmitter(b, plan, name), tile(plan.tile), groups(plan.heads) {}

/// The copy engine reads its maps while the block prepares.
void StreamEmitter::prefetchMaps() {
  b.ifThen(thread.eq(128), [&] {
    for (Value map : {a.keyMap, a.valueMap})
      b.intrinsicNoResult("llvm.nvvm.prefetch.tensormap", {b.val(map)});
  });
}

void StreamEmitter::initBarriers() {
  int64_t stages = t.stages, at0 = t.barrierOffset();
  auto take = [&](int64_t count) {
    int64_t here = at0;
    at0 += 8 * count;
    return here;
  };
  at.keyFull = take(stages), at.keyEmpty = take(stages);
  at.valueFull = take(stages), at.valueEmpty = take(stages);
  at.tileFull = take(2), at.tileEmpty = take(2);
  at.tileNumber = take(1), flagOffset = take(1);
  std::tuple<int64_t, int64_t, int64_t> all[] = {
      {at.keyFull, stages, 1},    {at.valueFull, stages, 1}, {at.keyEmpty, stages, 4},
      {at.valueEmpty, stages, 4}, {at.tileFull, 2, 1},       {at.tileEmpty, 2, 4}};
  initBarriers(all);
}

/// (offset of the first, how many, arrivals of a phase) of each kind; then the whole block waits.
void StreamEmitter::initBarriers(ArrayRef<std::tuple<int64_t, int64_t, int64_t>> all) {
  b.ifThen(thread.eq(0), [&] {
    for (auto [first, count, arrivals] : all)
      for (int64_t i = 0; i < count; ++i)
        b.ptx("mbarrier.init.shared.b64 [$0], $1;", {shared(first + 8 * i), b.i32(arrivals)});
    b.ptx("fence.mbarrier_init.release.cluster;", {});
  });
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
}

static SmallVector<Type> argumentTypes(KernelBuilder &b) {
  SmallVector<Type> types(2, LLVM::LLVMPointerType::get(b.getContext()));
  types.append(5, LLVM::LLVMPointerType::get(b.getContext(), 1));
  types.append(8, b.getI32Type());
  types.append(9, b.getI64Type());
  return types;
}

static LLVM::LLVMFuncOp declare(KernelBuilder &b, StringRef name, int64_t threads, int64_t blocks) {
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), argumentTypes(b));
  auto function = LLVM::LLVMFuncOp::create(b, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    b.getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(blocks));
  function.setDenormalFpMathF32("preserve-sign");
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), 128);
  for (unsigned i = 0; i < 2; ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
    function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
  }
  return function;
}

void StreamEmitter::createFunction() {
  LLVM::LLVMFuncOp function = declare(b, name, threadsOfBlock(), plan.blocks);
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  auto args = entry->getArguments();
  a.keyMap = args[0], a.valueMap = args[1], s.query = args[2], a.out = args[3], a.lse = args[4];
  a.sinks = args[5], s.workspace = args[6];
  Val *numbers[] = {&a.slot,    &a.queries, &a.keys,       &s.units,     &s.parts,    &a.rowTiles,
                    &a.offset,  &s.rows,    &s.queryBatch, &s.queryHead, &s.queryRow, &a.outBatch,
                    &a.outHead, &a.outRow,  &a.lseBatch,   &a.lseHead,   &a.lseRow};
  for (auto [i, number] : llvm::enumerate(numbers))
    *number = b.val(args[7 + i]);
}

/// Warps 0 to 3 compute, warp 4 drives the copy engine. Registers suffice for all, so none are
/// handed over.
void StreamEmitter::emitRoles() {
  Val warp = b.uniform(thread >> 5);
  b.ifThen(
      warp.eq(4), [&] { b.ifThen(lane.eq(0), [&] { emitProducer(); }); }, [&] { emitConsumer(); });
}

LogicalResult StreamEmitter::emit() {
  if (failed(checkScore()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  LLVM::GlobalOp window = sharedMemory(b, plan.function->getParentOfType<ModuleOp>());
  factor = (plan.scalesScores() ? 1 : plan.scale) * 1.4426950408889634;
  createFunction();
  memory = std::make_unique<PartMemory>(b, s.workspace, s.units, s.rows, t.vSize, factor);
  base = b.val(LLVM::PtrToIntOp::create(b, b.getI32Type(),
                                        LLVM::AddressOfOp::create(b, window).getResult()));
  thread = b.special("tid.x"), block = b.special("ctaid.x"), grid = b.special("nctaid.x");
  lane = thread & 31;
  group = b.i32(0);
  prefetchMaps();
  initBarriers();
  emitRoles();
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}
