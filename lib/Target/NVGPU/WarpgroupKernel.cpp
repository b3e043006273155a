//===- WarpgroupKernel.cpp - frame, scheduling and producers of a kernel -----===//
#include "WarpgroupKernel.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Barriers and copies
//===----------------------------------------------------------------------===//

/// Waits until the barrier has left the phase of `parity`.
void WarpgroupEmitter::wait(Val barrier, Val parity) {
  b.ptx("{ .reg .pred P1;\nLAB_WAIT:\nmbarrier.try_wait.parity.shared.b64 P1, [$0], $1, "
        "10000000;\n@P1 bra.uni DONE;\n"
        "bra.uni LAB_WAIT;\nDONE: }",
        {barrier, parity});
}

/// Whether the barrier's phase is over, without waiting for it.
Val WarpgroupEmitter::test(Val barrier, Val parity) {
  return b
      .ptx("{ .reg .pred p;\nmbarrier.test_wait.parity.shared.b64 p, [$1], $2;\n"
           "selp.b32 $0, 1, 0, p; }",
           {}, {b.getI32Type()}, {barrier, parity})
      .front();
}

/// wait() where test() has not found the phase to be over.
void WarpgroupEmitter::waitUnless(Val isKnown, Val barrier, Val parity) {
  b.ptx("{ .reg .pred P1;\nsetp.ne.b32 P1, $2, 0;\n@P1 bra.uni DONE;\nLAB_WAIT:\n"
        "mbarrier.try_wait.parity.shared.b64 P1, [$0], $1, 10000000;\n@P1 bra.uni DONE;\n"
        "bra.uni LAB_WAIT;\nDONE: }",
        {barrier, parity, isKnown});
}

/// One arrival per warp, predicated instead of branched.
void WarpgroupEmitter::arrive(Val barrier) {
  b.ptx("{ .reg .pred p;\nsetp.eq.s32 p, $1, 0;\n@p mbarrier.arrive.release.cta.shared::cta.b64 _, "
        "[$0]; }",
        {barrier, lane});
}

void WarpgroupEmitter::expect(Val barrier, int64_t bytes) {
  b.ptx("mbarrier.arrive.expect_tx.shared.b64 _, [$0], $1;", {barrier, b.i32(bytes)});
}

/// One box of a swizzled chunk's columns. Parts outside the tensor arrive as zeros.
void WarpgroupEmitter::loadBox(Val target, Value map, Val barrier, int64_t column, Val row,
                               Val head, Val batch) {
  auto pointer = [&](Val address) {
    return b.val(
        LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 3), address.v));
  };
  b.intrinsicNoResult("llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.4d",
                      {pointer(target), pointer(barrier), b.val(map), b.i32(column), row, head,
                       batch, b.i64(0),
                       b.val(LLVM::ConstantOp::create(b, b.getI1Type(), b.getBoolAttr(false)))});
}

/// One box per chunk: [chunk][rows][columns].
void WarpgroupEmitter::load(Val target, Value map, Val barrier, int64_t rows, int64_t size, Val row,
                            Val head, Val batch) {
  int64_t columns = WarpgroupTile::chunkColumns(size);
  for (int64_t i = 0; i < WarpgroupTile::chunks(size); ++i)
    loadBox(target + i * rows * columns * 2, map, barrier, i * columns, row, head, batch);
}

Val attn::ringSlot(Val count, int64_t stages) {
  if (llvm::isPowerOf2_64(static_cast<uint64_t>(stages)))
    return count & (stages - 1);
  return count - count.div(stages) * stages;
}

Val attn::ringParity(Val count, int64_t stages) {
  if (llvm::isPowerOf2_64(static_cast<uint64_t>(stages)))
    return (count >> llvm::Log2_64(static_cast<uint64_t>(stages))) & 1;
  return count.div(stages) & 1;
}

void WarpgroupEmitter::loadRing(int64_t full, int64_t empty, int64_t at0, Value map, int64_t size,
                                Val keyTile, Val head, Val batch, Val count) {
  int64_t bytes = t.keys * WarpgroupTile::rowBytes(size);
  Val slot = ringSlot(count, t.stages), parity = ringParity(count, t.stages);
  wait(shared(empty) + (slot << 3), parity ^ 1);
  Val barrier = shared(full) + (slot << 3);
  expect(barrier, bytes);
  load(shared(at0) + slot * bytes, map, barrier, t.keys, size, keyTile * t.keys, head, batch);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

//===----------------------------------------------------------------------===//
// Producers
//===----------------------------------------------------------------------===//

/// Tells the consumers and the query producer which tile comes next.
void WarpgroupEmitter::publishNext(Val number, Val next) {
  Val slot = number & 1, parity = (number >> 1) & 1;
  wait(shared(at.tileEmpty) + (slot << 3), parity ^ 1);
  b.ptx("st.shared.b32 [$0], $1;", {shared(at.tileNumber) + (slot << 2), next});
  b.ptx("mbarrier.arrive.release.cta.shared::cta.b64 _, [$0];",
        {shared(at.tileFull) + (slot << 3)});
}

Val WarpgroupEmitter::nextTile(Val number) {
  Val slot = number & 1;
  wait(shared(at.tileFull) + (slot << 3), (number >> 1) & 1);
  Val next =
      b.ptx("ld.shared.b32 $0, [$1];", {}, {b.getI32Type()}, {shared(at.tileNumber) + (slot << 2)})
          .front();
  arrive(shared(at.tileEmpty) + (slot << 3));
  return next;
}

/// Address of the launch's counters: tiles taken, blocks done.
static Value counterAddress(KernelBuilder &b, Val slot, int64_t which) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), 1);
  Value table = LLVM::AddressOfOp::create(b, pointer, countersName);
  return b.pointerAt(table, (slot << 3) + 4 * which, 1);
}

static Val atomicAdd(KernelBuilder &b, Value address, LLVM::AtomicOrdering ordering) {
  return b.val(LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, address, b.i32(1).v, ordering));
}

/// A tile that no block has yet; the first ones are the blocks' own numbers.
Val WarpgroupEmitter::takeTile() {
  return atomicAdd(b, counterAddress(b, a.slot, 0), LLVM::AtomicOrdering::monotonic) + grid;
}

/// The last block to finish leaves the counters at zero for the next launch.
void WarpgroupEmitter::resetCounters() {
  Val done = atomicAdd(b, counterAddress(b, a.slot, 1), LLVM::AtomicOrdering::acq_rel);
  b.ifThen(done.eq(grid - 1), [&] {
    for (int64_t i : {0, 1})
      LLVM::StoreOp::create(b, b.i32(0).v, counterAddress(b, a.slot, i));
  });
}

void WarpgroupEmitter::emitProducer() {
  auto isLeft = [&](ArrayRef<Val> it) { return isTile(it[0]); };
  b.loopWhile({block, b.i32(0), b.i32(0)}, isLeft, [&](Vals it) -> Vals {
    Val number = it[0], count = it[1], query = it[2];
    auto fresh = [&] { return takeTile(); };
    Val next, known;
    if (plan.lazy) {
      waitConsumed(query - 2);
      next = flaggedOr(query, fresh);
      known = isTile(next);
      b.ifThen(known, [&] { publishNext(query, next); });
    } else {
      next = fresh();
      publishNext(query, next);
    }
    readDocuments(query);
    QueryTile tile = tileOf(tileNumber(number), t.rows());
    auto key = [&](Val keyTile, Val n) {
      loadRing(at.keyFull, at.keyEmpty, t.keyOffset(), a.keyMap, t.qkSize, keyTile, tile.keyHead,
               tile.batch, n);
    };
    auto value = [&](Val keyTile, Val n) {
      loadRing(at.valueFull, at.valueEmpty, t.valueOffset(), a.valueMap, t.vSize, keyTile,
               tile.valueHead, tile.batch, n);
    };
    key(tile.last, count);
    b.loop(b.i32(1), tile.count, {}, [&](Val i, Vals) -> Vals {
      key(tile.last - i, count + i);
      value(tile.last - i + 1, count + i - 1);
      return {};
    });
    value(tile.last - tile.count + 1, count + tile.count - 1);
    if (plan.lazy)
      next = b.choose(
          known, [&] { return Vals{next}; },
          [&] {
            Val last = lastFlagged(query);
            publishNext(query, last);
            return Vals{last};
          })[0];
    return {next, count + tile.count, query + 1};
  });
  resetCounters();
}

/// A second thread: queries go to each warpgroup as soon as it is done with its previous ones.
void WarpgroupEmitter::emitQueryProducer() {
  auto isLeft = [&](ArrayRef<Val> it) { return isTile(it[0]); };
  b.loopWhile({block, b.i32(0)}, isLeft, [&](Vals it) -> Vals {
    readDocuments(it[1]);
    QueryTile tile = tileOf(tileNumber(it[0]), t.rows());
    tile.word = it[0], tile.number = it[1];
    for (int64_t w = 0; w < t.consumers; ++w)
      writeCard(tile, w);
    int64_t log = t.queryBuffers - 1;
    Val slot = it[1] & (t.queryBuffers - 1), parity = ((it[1] >> log) & 1) ^ 1;
    for (int64_t w = 0; w < t.consumers; ++w) {
      Val index = slot * t.consumers + w;
      Val full = shared(at.queryFull) + (index << 3);
      wait(full + (at.queryEmpty - at.queryFull), parity);
      expect(full, t.queryBytesPerGroup());
      load(shared(0) + index * t.queryBytesPerGroup(), a.queryMap, full, 64, t.qkSize,
           tile.rowTile * t.rows() + 64 * w, tile.queryHead, tile.batch);
    }
    Val laneBefore = lane;
    lane = b.i32(0);
    Val next = nextTile(it[1]);
    lane = laneBefore;
    return {next, it[1] + 1};
  });
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

void WarpgroupEmitter::initBarriers() {
  int64_t s = t.stages, q = t.queryBuffers * t.consumers, at0 = t.barrierOffset();
  auto take = [&](int64_t count) {
    int64_t here = at0;
    at0 += 8 * count;
    return here;
  };
  at.keyFull = take(s), at.keyEmpty = take(s), at.valueFull = take(s), at.valueEmpty = take(s);
  at.queryFull = take(q), at.queryEmpty = take(q), at.tileFull = take(2), at.tileEmpty = take(2);
  at.tileNumber = take(1), at.tileDone = take(1), at.flagged = take(1);
  at.cards = t.cardOffset();
  int64_t warps =
      4 * t.consumers; // one arrival per consumer warp; the query producer reads tile numbers, too
  int64_t readers = warps + 1 + t.hasDocuments; // and so does the scout
  std::tuple<int64_t, int64_t, int64_t> all[] = {
      {at.keyFull, s, 1},        {at.valueFull, s, 1},       {at.keyEmpty, s, warps},
      {at.valueEmpty, s, warps}, {at.queryFull, q, 1},       {at.queryEmpty, q, 4},
      {at.tileFull, 2, 1},       {at.tileEmpty, 2, readers}, {at.tileDone, 1, warps}};
  b.ifThen(thread.eq(0), [&] {
    for (auto [first, count, arrivals] : all)
      for (int64_t i = 0; i < count; ++i)
        b.ptx("mbarrier.init.shared.b64 [$0], $1;", {shared(first + 8 * i), b.i32(arrivals)});
    for (int64_t i = 0; t.hasDocuments && i < WarpgroupTile::cards; ++i)
      b.ptx("mbarrier.init.shared.b64 [$0], 1;", {shared(documentBarriers() + 8 * i)});
    b.ptx("st.shared.b64 [$0], 0;", {shared(at.flagged)});
    b.ptx("fence.mbarrier_init.release.cluster;", {});
  });
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
}

static void markMaps(KernelBuilder &b, LLVM::LLVMFuncOp function) {
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), 128);
  for (unsigned i = 0; i < 3; ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
    function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
  }
}

void WarpgroupEmitter::createFunction() {
  SmallVector<Type> types(3, LLVM::LLVMPointerType::get(b.getContext()));
  llvm::append_range(types, commonArgumentTypes(b));
  size_t common = types.size();
  if (plan.isStrict())
    llvm::append_range(types, tensorArgumentTypes());
  size_t tensors = types.size();
  llvm::append_range(types, maskArgumentTypes());
  LLVM::LLVMFuncOp function = beginKernel(b, name, types, t.threads(), 1);
  markMaps(b, function);
  ValueRange args = function.getBody().getArguments();
  a.queryMap = args[0], a.keyMap = args[1], a.valueMap = args[2];
  readCommonArguments(args.drop_front(3));
  if (plan.isStrict())
    readTensorArguments(args.drop_front(common));
  readMaskArguments(args.drop_front(tensors));
}

LogicalResult WarpgroupEmitter::emit() {
  if (failed(checkScore()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  LLVM::GlobalOp memory = sharedMemory(b, plan.function->getParentOfType<ModuleOp>());
  factor = (plan.scalesScores() ? 1 : plan.scale) * 1.4426950408889634;
  createFunction();
  documentOperand = plan.documentOperand();
  if (t.hasDocuments)
    documentBounds[documentOperand] = {b.i32(0), b.i32(0), b.i32(0), b.i32(0)};
  ends = endsOf(plan.mask);
  forgetDocuments();
  base = b.val(LLVM::PtrToIntOp::create(b, b.getI32Type(),
                                        LLVM::AddressOfOp::create(b, memory).getResult()));
  thread = b.special("tid.x"), block = b.special("ctaid.x"), grid = b.special("nctaid.x");
  lane = thread & 31;
  Val warpgroup = b.uniform(thread >> 7);
  initBarriers();
  b.followLaunchBefore();
  if (t.hasDocuments)
    prepareDocuments();
  // Each role in one branch of a single condition: else ptxas ignores setmaxnreg.
  b.ifThen(
      warpgroup.eq(0),
      [&] {
        b.intrinsicNoResult("llvm.nvvm.setmaxnreg.dec.sync.aligned.u32",
                            {b.i32(t.producerRegisters())});
        b.ifThen(thread.eq(0), [&] { emitProducer(); });
        b.ifThen(thread.eq(32), [&] { emitQueryProducer(); });
        if (t.hasDocuments)
          b.ifThen((thread >> 5).eq(2), [&] { emitScout(); });
        forgetDocuments();
      },
      [&] {
        b.intrinsicNoResult("llvm.nvvm.setmaxnreg.inc.sync.aligned.u32",
                            {b.i32(t.consumerRegisters())});
        group = warpgroup - 1;
        emitConsumer();
      });
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}
