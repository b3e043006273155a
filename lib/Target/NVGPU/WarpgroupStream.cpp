//===- WarpgroupStream.cpp - frame and producer of a stream kernel of warpgroups ---===//
#include "WarpgroupStream.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::attn;

/// The block's first unit, number 0, begins behind the launch before: what the unit is was worked
/// out meanwhile.
void WarpgroupStreamEmitter::beginUnit(Val number) {
  b.ifThen(number.eq(0), [&] { b.waitForLaunchBefore(); });
}

/// One thread: the next unit's first tiles are in flight while this one's last are computed.
void WarpgroupStreamEmitter::emitProducer() {
  walk({b.i32(0)}, [&](const StreamUnit &unit, Vals it) -> Vals {
    beginUnit(it[0]);
    b.loop(unit.from, unit.to, {}, [&](Val keyTile, Vals) -> Vals {
      Val count = it[0] + (keyTile - unit.from);
      loadRing(at.keyFull, at.keyEmpty, t.keyOffset(), a.keyMap, t.qkSize, keyTile, unit.keyHead,
               unit.batch, count);
      loadRing(at.valueFull, at.valueEmpty, t.valueOffset(), a.valueMap, t.vSize, keyTile,
               unit.valueHead, unit.batch, count);
      return {};
    });
    return {it[0] + (unit.to - unit.from)};
  });
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

/// The copy engine reads its maps while the block prepares.
void WarpgroupStreamEmitter::prefetchMaps() {
  b.ifThen(thread.eq(128), [&] {
    for (Value map : {a.keyMap, a.valueMap})
      b.intrinsicNoResult("llvm.nvvm.prefetch.tensormap", {b.val(map)});
  });
}

void WarpgroupStreamEmitter::initBarriers() {
  int64_t stages = t.stages, at0 = t.barrierOffset();
  auto take = [&](int64_t count) {
    int64_t here = at0;
    at0 += 8 * count;
    return here;
  };
  at.keyFull = take(stages), at.keyEmpty = take(stages);
  at.valueFull = take(stages), at.valueEmpty = take(stages);
  queryFull = take(2), queryEmpty = take(2), flagOffset = take(1);
  // One arrival per consumer warp; the loader's lanes each store a part of the queries.
  initBarriers({{at.keyFull, stages, 1},
                {at.valueFull, stages, 1},
                {at.keyEmpty, stages, 4},
                {at.valueEmpty, stages, 4},
                {queryFull, 2, 32},
                {queryEmpty, 2, 4}});
}

/// (offset of the first, how many, arrivals of a phase) of each kind; then the whole block waits.
void WarpgroupStreamEmitter::initBarriers(ArrayRef<std::tuple<int64_t, int64_t, int64_t>> all) {
  b.ifThen(thread.eq(0), [&] {
    for (auto [first, count, arrivals] : all)
      for (int64_t i = 0; i < count; ++i)
        b.ptx("mbarrier.init.shared.b64 [$0], $1;", {shared(first + 8 * i), b.i32(arrivals)});
    b.ptx("fence.mbarrier_init.release.cluster;", {});
  });
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
}

static void markMaps(KernelBuilder &b, LLVM::LLVMFuncOp function) {
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), 128);
  for (unsigned i = 0; i < 2; ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
    function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
  }
}

/// Maps of keys and values, then what all kernels of the form have.
void WarpgroupStreamEmitter::createFunction() {
  SmallVector<Type> types(2, LLVM::LLVMPointerType::get(b.getContext()));
  llvm::append_range(types, streamArgumentTypes());
  LLVM::LLVMFuncOp function = beginKernel(b, name, types, threadsOfBlock(), plan.blocks);
  markMaps(b, function);
  ValueRange args = function.getBody().getArguments();
  a.keyMap = args[0], a.valueMap = args[1];
  readStreamArguments(args.drop_front(2));
}

/// Warps 0 to 3 compute, warp 4 drives the copy engine, warp 5 loads queries. Registers suffice for
/// all, so none are handed over.
void WarpgroupStreamEmitter::emitRoles() {
  Val warp = b.uniform(thread >> 5);
  b.ifThen(
      warp.lt(b.i32(4)), [&] { emitConsumer(); },
      [&] {
        b.ifThen(
            warp.eq(4), [&] { b.ifThen(lane.eq(0), [&] { emitProducer(); }); },
            [&] { emitQueryLoader(lane, 32); });
      });
}

LogicalResult WarpgroupStreamEmitter::emit() {
  if (failed(checkScore()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  LLVM::GlobalOp window = sharedMemory(b, plan.function->getParentOfType<ModuleOp>());
  factor = (plan.scalesScores() ? 1 : plan.scale) * 1.4426950408889634;
  createFunction();
  base = b.val(LLVM::PtrToIntOp::create(b, b.getI32Type(),
                                        LLVM::AddressOfOp::create(b, window).getResult()));
  thread = b.special("tid.x"), block = b.special("ctaid.x"), grid = b.special("nctaid.x");
  lane = thread & 31;
  group = b.i32(0);
  prefetchMaps();
  b.letNextStart();
  initBarriers();
  emitRoles();
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}
