//===- TokenKernel.cpp - loops on blocks, warps and lanes --------------------===//
#include "TokenKernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::attn;

/// Warps of a block whose items are the work of a warp: enough blocks fit a multiprocessor.
static constexpr int64_t warpsBeside = 4;
/// Most warps that share an item: more would wait for each other longer than they work.
static constexpr int64_t warpsTogether = 16;
/// Shared memory that every kernel has without asking.
static constexpr int64_t sharedLimit = 48 << 10;
/// Bytes that one instruction moves for a lane.
static constexpr int64_t widestAccess = 16;
static constexpr int64_t warpSize = 32;

//===----------------------------------------------------------------------===//
// What can be a kernel
//===----------------------------------------------------------------------===//

static bool isBuilt(Operation *op) {
  if (isa<scf::ForOp, scf::YieldOp, scf::ReduceOp, memref::AllocaOp, memref::GetGlobalOp,
          memref::LoadOp, memref::StoreOp, memref::DimOp, math::ExpOp, math::LogOp, math::SqrtOp>(
          op))
    return true;
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return branch.getNumResults() == 0;
  if (auto parallel = dyn_cast<scf::ParallelOp>(op))
    return parallel.getNumReductions() == 0;
  return isa<arith::ArithDialect>(op->getDialect()) && !isa<VectorType>(op->getResultTypes()[0]);
}

static bool countsUpFromZero(scf::ParallelOp loop) {
  return llvm::all_of(loop.getLowerBound(), [](Value v) { return isConstantIntValue(v, 0); }) &&
         llvm::all_of(loop.getStep(), [](Value v) { return isConstantIntValue(v, 1); });
}

LogicalResult TokenKernelEmitter::checkNest() {
  auto parallel = dyn_cast<scf::ParallelOp>(nest);
  if (parallel && !countsUpFromZero(parallel))
    return nest->emitOpError("expected a loop from zero in steps of one to become a kernel");
  auto visited = nest->walk([&](Operation *op) {
    bool isNested = op != nest && isa<scf::ParallelOp>(op);
    if (isBuilt(op) && !isNested)
      return WalkResult::advance();
    op->emitOpError("has no code for a GPU inside of ")
        << nest->getName() << "; loops over tokens are of scf, memref, arith and exp, log, sqrt";
    return WalkResult::interrupt();
  });
  return failure(visited.wasInterrupted());
}

ValueRange TokenKernelEmitter::sizes() const {
  auto parallel = dyn_cast<scf::ParallelOp>(nest);
  return parallel ? ValueRange(parallel.getUpperBound()) : ValueRange();
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

/// An independent loop whose iterations have loops for lanes of their own.
bool TokenKernelEmitter::isWarpLoop(scf::ForOp loop) const {
  if (!isIndependent(loop))
    return false;
  auto inner = loop.getBody()->walk([](scf::ForOp nested) {
    return isIndependent(nested) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return inner.wasInterrupted();
}

static int64_t bytesOf(memref::AllocaOp op) {
  MemRefType type = op.getType();
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  return llvm::alignTo(bytes, widestAccess);
}

/// Blocks where there is a loop for warps, else warps; fewer where each needs much memory.
void TokenKernelEmitter::chooseShape() {
  int64_t most = 1, each = 0;
  nest->walk([&](scf::ForOp loop) {
    if (!isWarpLoop(loop))
      return;
    level = Level::Block;
    most = std::max(most, tripCount(loop).value_or(warpsTogether));
  });
  nest->walk([&](memref::AllocaOp op) { each += bytesOf(op); });
  int64_t wanted = warpsBeside;
  if (level == Level::Block)
    wanted = std::clamp(static_cast<int64_t>(llvm::PowerOf2Ceil(static_cast<uint64_t>(most))),
                        warpsBeside, warpsTogether);
  for (warps = wanted; warps > 1 && warps * each > sharedLimit;)
    warps /= 2;
  if (level == Level::Block && onlyWarpsStore())
    splits = llvm::divideCeil(most, warps);
}

/// Whether nothing is written to the device's memory but by loops for warps, so that blocks that
/// share an item write different elements.
bool TokenKernelEmitter::onlyWarpsStore() const {
  auto visited = nest->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto loop = dyn_cast<scf::ForOp>(op); loop && isWarpLoop(loop))
      return WalkResult::skip();
    auto store = dyn_cast<memref::StoreOp>(op);
    bool isOwn = store && store.getMemRef().getDefiningOp<memref::AllocaOp>();
    return store && !isOwn ? WalkResult::interrupt() : WalkResult::advance();
  });
  return !visited.wasInterrupted();
}

/// Neighbours that a lane takes: as many as one instruction moves, if all lanes have work then.
int64_t TokenKernelEmitter::copiesFor(scf::ForOp loop) const {
  std::optional<int64_t> trips = tripCount(loop);
  if (!trips)
    return 1;
  int64_t bytes = widestAccess;
  auto widen = [&](MemRefType type) {
    bytes = std::min<int64_t>(bytes, type.getElementTypeBitWidth() / 8);
  };
  loop.getBody()->walk([&](memref::LoadOp op) { widen(op.getMemRefType()); });
  loop.getBody()->walk([&](memref::StoreOp op) { widen(op.getMemRefType()); });
  int64_t copies = widestAccess / bytes;
  while (copies > 1 && (*trips % copies != 0 || copies * warpSize > *trips))
    copies /= 2;
  return copies;
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

/// Everything of the entry that the nest names.
void TokenKernelEmitter::collectParameters() {
  llvm::SetVector<Value> outside;
  nest->walk([&](Operation *op) {
    if (op == nest && isa<scf::ParallelOp>(op))
      return;
    for (Value operand : op->getOperands())
      if (!nest->isAncestor(operand.getParentRegion()->getParentOp()) &&
          !matchPattern(operand, m_Constant()) && !operand.getDefiningOp<memref::GetGlobalOp>())
        outside.insert(operand);
  });
  for (Value value : outside) {
    auto type = dyn_cast<MemRefType>(value.getType());
    given.push_back({type ? KernelParameter::Kind::Address : KernelParameter::Kind::Index, value});
    if (!type)
      continue;
    SmallVector<int64_t> strides = type.getStridesAndOffset().first;
    for (unsigned i = 0; i < strides.size(); ++i)
      if (ShapedType::isDynamic(strides[i]))
        given.push_back({KernelParameter::Kind::Stride, value, i});
    for (unsigned i = 0; i < strides.size(); ++i)
      if (type.isDynamicDim(i) && llvm::any_of(value.getUsers(), [&](Operation *user) {
            return isa<memref::DimOp>(user) && nest->isAncestor(user);
          }))
        given.push_back({KernelParameter::Kind::Size, value, i});
  }
}

void TokenKernelEmitter::createFunction() {
  auto data = LLVM::LLVMPointerType::get(b.getContext(), 1);
  size_t loops = sizes().size();
  SmallVector<Type> types(std::max<size_t>(loops, 1), b.getI64Type());
  for (const KernelParameter &parameter : given)
    types.push_back(parameter.kind == KernelParameter::Kind::Address ? Type(data) : b.getI64Type());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
  auto function = LLVM::LLVMFuncOp::create(b, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    b.getDenseI32ArrayAttr({static_cast<int32_t>(threads())}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  readParameters(function.getBody().getArguments());
  if (b.followsLaunches)
    b.followLaunchBefore();
}

Value TokenKernelEmitter::constant(int64_t number) {
  return arith::ConstantIndexOp::create(b, number);
}
Value TokenKernelEmitter::toIndex(Value integer) {
  return arith::IndexCastOp::create(b, b.getIndexType(), integer);
}
Value TokenKernelEmitter::toI64(Value index) {
  return arith::IndexCastOp::create(b, b.getI64Type(), index);
}

void TokenKernelEmitter::readParameters(ValueRange arguments) {
  size_t loops = std::max<size_t>(sizes().size(), 1);
  auto narrow = [&](Value wide) -> Value {
    return arith::TruncIOp::create(b, b.getI32Type(), wide);
  };
  items = narrow(arguments[0]);
  for (Value extent : arguments.slice(1, loops - 1))
    extents.push_back(narrow(extent));
  for (auto [parameter, argument] : llvm::zip_equal(given, arguments.drop_front(loops))) {
    auto type = dyn_cast<MemRefType>(parameter.value.getType());
    if (parameter.kind == KernelParameter::Kind::Index) {
      bool isIndex = parameter.value.getType().isIndex();
      set(parameter.value, {isIndex ? toIndex(argument) : argument});
    } else if (parameter.kind == KernelParameter::Kind::Address) {
      Place &place = places[parameter.value];
      place.pointer = argument;
      place.known = type.getStridesAndOffset().first;
      place.strides.resize(place.known.size());
      place.alignment = rowAlignment(parameter.value);
    } else if (parameter.kind == KernelParameter::Kind::Stride) {
      places[parameter.value].strides[parameter.dimension] = toIndex(argument);
    } else {
      SmallVector<Value> &known = sizesOfMemref[parameter.value];
      known.resize(static_cast<size_t>(type.getRank()));
      known[parameter.dimension] = toIndex(argument);
    }
  }
}

/// The item's indices, the last one fastest.
void TokenKernelEmitter::emitItem(Value item) {
  auto parallel = dyn_cast<scf::ParallelOp>(nest);
  if (!parallel)
    return emitOperation(*nest);
  SmallVector<Value> at(extents.size() + 1);
  for (size_t i = extents.size(); i > 0; --i) {
    Value rest = arith::DivUIOp::create(b, item, extents[i - 1]);
    Value used = arith::MulIOp::create(b, rest, extents[i - 1]);
    at[i] = arith::SubIOp::create(b, item, used);
    item = rest;
  }
  at[0] = item;
  for (auto [variable, index] : llvm::zip_equal(parallel.getInductionVars(), at))
    set(variable, {toIndex(index)});
  emitBody(*parallel.getBody());
}

LogicalResult TokenKernelEmitter::emit() {
  if (failed(checkNest()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  chooseShape();
  collectParameters();
  createFunction();
  Val number = b.special("tid.x"), block = b.special("ctaid.x");
  Val ofWarp = b.uniform(number >> 5);
  thread = toIndex(number.v), lane = toIndex((number & (warpSize - 1)).v);
  warp = toIndex(ofWarp.v);
  Val item = level == Level::Warp ? block * warps + ofWarp : block;
  b.ifThen(item.lt(b.val(items)), [&] { emitItem(item.v); });
  LLVM::ReturnOp::create(b, ValueRange());
  if (sharedBytes > sharedLimit)
    return nest->emitOpError("expected temporaries of at most ")
           << sharedLimit << " bytes on a GPU, found " << sharedBytes;
  if (shared)
    shared.setGlobalTypeAttr(
        TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), static_cast<uint64_t>(sharedBytes))));
  return success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// A value of the nest as the kernel has it; constants are written where they are needed.
Value TokenKernelEmitter::get(Value value, unsigned copy) {
  auto known = values.find(value);
  if (known != values.end())
    return known->second[known->second.size() == 1 ? 0 : copy];
  return b.clone(*value.getDefiningOp())->getResult(0);
}

unsigned TokenKernelEmitter::copiesOf(ValueRange operands) const {
  size_t most = 1;
  for (Value operand : operands)
    if (auto known = values.find(operand); known != values.end())
      most = std::max(most, known->second.size());
  return static_cast<unsigned>(most);
}

void TokenKernelEmitter::emitBody(Block &block) {
  for (Operation &op : block.without_terminator())
    emitOperation(op);
}

void TokenKernelEmitter::emitOperation(Operation &op) {
  b.setLoc(op.getLoc());
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return emitFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return emitIf(branch);
  if (auto alloca = dyn_cast<memref::AllocaOp>(op))
    return allocate(alloca);
  if (auto access = dyn_cast<memref::LoadOp>(op))
    return load(access);
  if (auto access = dyn_cast<memref::StoreOp>(op))
    return store(access);
  if (auto size = dyn_cast<memref::DimOp>(op))
    return dim(size);
  if (!isa<memref::GetGlobalOp>(op) && !matchPattern(&op, m_Constant()))
    clone(op);
}

/// Arithmetic, once where all operands are the same for all neighbours.
void TokenKernelEmitter::clone(Operation &op) {
  SmallVector<Value> results;
  for (unsigned copy = 0; copy < copiesOf(op.getOperands()); ++copy) {
    SmallVector<Value> operands =
        llvm::map_to_vector(op.getOperands(), [&](Value value) { return get(value, copy); });
    if (Value result = elementary(op, operands)) {
      results.push_back(result);
      continue;
    }
    Operation *copied = b.clone(op);
    copied->setOperands(operands);
    results.push_back(copied->getResult(0));
  }
  set(op.getResult(0), results);
}

void TokenKernelEmitter::emitIf(scf::IfOp op) {
  auto copied = scf::IfOp::create(b, get(op.getCondition(), 0), static_cast<bool>(op.elseBlock()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(copied.thenYield());
  emitBody(*op.thenBlock());
  if (!op.elseBlock())
    return;
  b.setInsertionPoint(copied.elseYield());
  emitBody(*op.elseBlock());
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void TokenKernelEmitter::emitFor(scf::ForOp loop) {
  if (level == Level::Lane)
    return emitPlainFor(loop);
  if (level == Level::Block && isWarpLoop(loop))
    return emitWarps(loop);
  if (isIndependent(loop))
    return emitLanes(loop);
  if (isFreeSum(loop))
    return emitLaneSum(loop);
  emitPlainFor(loop);
}

/// One after the other; on lanes, every neighbour carries its own values.
void TokenKernelEmitter::emitPlainFor(scf::ForOp loop) {
  unsigned copies = level == Level::Lane ? static_cast<unsigned>(lanes.copies) : 1;
  SmallVector<Value> init;
  for (Value value : loop.getInitArgs())
    for (unsigned copy = 0; copy < copies; ++copy)
      init.push_back(get(value, copy));
  auto copied = scf::ForOp::create(b, get(loop.getLowerBound(), 0), get(loop.getUpperBound(), 0),
                                   get(loop.getStep(), 0), init);
  auto spread = [&](ValueRange from, ValueRange to) {
    for (auto [i, value] : llvm::enumerate(to))
      set(value, SmallVector<Value>(from.slice(i * copies, copies)));
  };
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(copied.getBody());
  set(loop.getInductionVar(), {copied.getInductionVar()});
  spread(copied.getRegionIterArgs(), loop.getRegionIterArgs());
  emitBody(*loop.getBody());
  SmallVector<Value> next;
  for (Value value : loop.getBody()->getTerminator()->getOperands())
    for (unsigned copy = 0; copy < copies; ++copy)
      next.push_back(get(value, copy));
  if (!next.empty())
    scf::YieldOp::create(b, next);
  spread(copied.getResults(), loop.getResults());
}

void TokenKernelEmitter::emitWarps(scf::ForOp loop) {
  // Of the warps of all blocks that share the item; independent loops have steps of one.
  Val part = b.special("ctaid.y"), parts = b.special("nctaid.y");
  Value own = arith::AddIOp::create(b, toIndex((part * warps).v), warp);
  Value first = arith::AddIOp::create(b, get(loop.getLowerBound(), 0), own);
  Value step = toIndex((parts * warps).v);
  auto copied = scf::ForOp::create(b, first, get(loop.getUpperBound(), 0), step);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(copied.getBody());
    set(loop.getInductionVar(), {copied.getInductionVar()});
    level = Level::Warp;
    emitBody(*loop.getBody());
    level = Level::Block;
  }
  meet(loop);
}

/// The loop with its iterations dealt out to lanes, `copies` neighbours at a time. In a block, sums
/// are every warp's own.
scf::ForOp TokenKernelEmitter::laneLoop(scf::ForOp loop, ValueRange init,
                                        function_ref<SmallVector<Value>(ValueRange)> body) {
  lanes = {loop, copiesFor(loop)};
  bool byBlock = level == Level::Block && init.empty();
  int64_t workers = byBlock ? threads() : warpSize, copies = lanes.copies;
  Value own = arith::MulIOp::create(b, byBlock ? thread : lane, constant(copies));
  Value first = arith::AddIOp::create(b, get(loop.getLowerBound(), 0), own);
  auto copied =
      scf::ForOp::create(b, first, get(loop.getUpperBound(), 0), constant(workers * copies), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(copied.getBody());
  SmallVector<Value> neighbours = {copied.getInductionVar()};
  for (int64_t i = 1; i < copies; ++i)
    neighbours.push_back(arith::AddIOp::create(b, copied.getInductionVar(), constant(i)));
  set(loop.getInductionVar(), neighbours);
  Level before = std::exchange(level, Level::Lane);
  SmallVector<Value> next = body(copied.getRegionIterArgs());
  level = before;
  if (!next.empty())
    scf::YieldOp::create(b, next);
  return copied;
}

void TokenKernelEmitter::emitLanes(scf::ForOp loop) {
  laneLoop(loop, {}, [&](ValueRange) -> SmallVector<Value> {
    emitBody(*loop.getBody());
    return {};
  });
  meet(loop);
}

/// Each lane adds its own terms, then lanes add theirs: the order is the same in every launch.
void TokenKernelEmitter::emitLaneSum(scf::ForOp loop) {
  Value zero = b.f32(0).v;
  auto copies = static_cast<unsigned>(copiesFor(loop));
  scf::ForOp sums = laneLoop(loop, SmallVector<Value>(copies, zero), [&](ValueRange carried) {
    Operation *addition = loop.getBody()->getTerminator()->getOperand(0).getDefiningOp();
    for (Operation &op : loop.getBody()->without_terminator())
      if (&op != addition)
        emitOperation(op);
    SmallVector<Value> next;
    for (unsigned copy = 0; copy < copies; ++copy)
      next.push_back(arith::AddFOp::create(b, carried[copy], get(termOf(loop), copy)));
    return next;
  });
  Vals own = llvm::map_to_vector(sums.getResults(), [&](Value v) { return b.val(v); });
  Val sum = reduceInChains(own, own.size(), [](Val x, Val y) { return x + y; });
  for (int64_t distance = warpSize / 2; distance > 0; distance /= 2)
    sum = sum + b.shuffle(sum, distance);
  set(loop.getResult(0), {(b.val(get(loop.getInitArgs()[0], 0)) + sum).v});
  meet(loop);
}

/// After a loop that touched shared memory: what one lane wrote others read, or write anew.
void TokenKernelEmitter::meet(Operation *op) {
  auto isShared = [](Value memref) {
    return static_cast<bool>(memref.getDefiningOp<memref::AllocaOp>());
  };
  auto touched = op->walk([&](Operation *nested) {
    auto load = dyn_cast<memref::LoadOp>(nested);
    auto store = dyn_cast<memref::StoreOp>(nested);
    bool touches = (load && isShared(load.getMemRef())) || (store && isShared(store.getMemRef()));
    return touches ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (!touched.wasInterrupted())
    return;
  if (level == Level::Block)
    b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
  else if (level == Level::Warp)
    b.intrinsicNoResult("llvm.nvvm.bar.warp.sync", {b.i32(-1)});
}
