//===- LowerWork.cpp - attn.work to vector code and OpenMP -------------------===//
#include "ItemFunction.h"
#include "LowerParallel.h"
#include "MatrixKernels.h"
#include "ScoreCode.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Workspaces of threads start at pages of their own.
static constexpr int64_t pageBytes = 4096;
static int64_t threadBytes(const WorkPlan &plan) {
  return static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(plan.bytes), pageBytes));
}

static MemRefType bytesType(CpuBuilder &b) {
  return MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
}

/// An index from the OpenMP runtime.
static Value callOpenMP(CpuBuilder &b, ModuleOp module, StringRef name) {
  LLVM::LLVMFuncOp function = declareFunction(module, name, b.getI32Type());
  Value number = LLVM::CallOp::create(b, function, ValueRange{}).getResult();
  return arith::IndexCastOp::create(b, b.getIndexType(), number);
}

/// Workspaces of as many threads as there may be, in one piece: allocated before they start, so
/// that the kernel can still return when there is no memory. Pages that no thread touches cost
/// nothing.
static Value allocateWorkspaces(CpuBuilder &b, WorkPlan &plan, Value threads) {
  return memref::AllocOp::create(b, bytesType(b), b.mul(threads, b.index(threadBytes(plan))),
                                 b.getI64IntegerAttr(pageBytes));
}

/// Runs `function` for each number below `count`, with a workspace for each thread.
static void emitItems(CpuBuilder &b, WorkPlan &plan, func::FuncOp function, Value count,
                      Value workspaces, ValueRange further) {
  Value workspace;
  auto module = function->getParentOfType<ModuleOp>();
  auto prepare = [&] {
    if (plan.usesMatrixUnit())
      MatrixKernels::requestPermission(b, module);
    Value offset = b.mul(callOpenMP(b, module, "omp_get_thread_num"), b.index(threadBytes(plan)));
    workspace =
        memref::ViewOp::create(b, bytesType(b), workspaces, offset, b.index(threadBytes(plan)));
  };
  auto run = [&](Value number) {
    SmallVector<Value> operands = {number, workspace};
    llvm::append_range(operands, further);
    func::CallOp::create(b, function, operands);
  };
  emitSharedLoop(b, count, prepare, run, [] {});
}

/// Parts of the key range first; then their records are merged, one tile of rows at a time.
static void emitParts(CpuBuilder &b, WorkPlan &plan, ItemFunction &item, Value workspaces) {
  Value tiles = emitTileCount(b, plan, plan.work.getQuery(), b.index(plan.itemRows()));
  Value items = b.mul(tiles, emitPartCount(b, plan, plan.work.getQuery(), plan.stream.getLength()));
  Value bytes = b.mul(items, b.index(plan.panels * plan.partPanelBytes));
  Value parts = memref::AllocOp::create(b, bytesType(b), bytes, b.getI64IntegerAttr(64));
  SmallVector<Value> further = {parts};
  llvm::append_range(further, item.getOuterValues());
  emitItems(b, plan, item.getFunction(), items, workspaces, further);
  emitItems(b, plan, item.getMergeFunction(), tiles, workspaces, further);
  memref::DeallocOp::create(b, parts);
}

/// Tiles of rows, each an item.
static void emitTiles(CpuBuilder &b, WorkPlan &plan, ItemFunction &item, Value workspaces,
                      Value threads) {
  Value query = plan.work.getQuery();
  ItemPair rows = emitItemRows(b, plan, query, threads);
  ItemPair counts = emitItemsOfGroup(b, plan, query, rows);
  Value items = b.mul(b.add(counts.first, counts.last), emitGroupCount(b, plan, query));
  SmallVector<Value> further = {rows.first, rows.last};
  llvm::append_range(further, item.getOuterValues());
  emitItems(b, plan, item.getFunction(), items, workspaces, further);
}

static void addToWorkspace(func::FuncOp function, const NamedAttrList &fields) {
  SmallVector<Attribute> all;
  if (auto before = function->getAttrOfType<ArrayAttr>(workspaceAttrName))
    llvm::append_range(all, before);
  all.push_back(fields.getDictionary(function.getContext()));
  function->setAttr(workspaceAttrName, ArrayAttr::get(function.getContext(), all));
}

/// Notes what lies between the operations of a function: a tensor whose sizes the call decides,
/// where they are dynamic.
static void noteBuffer(memref::AllocOp op) {
  Builder b(op.getContext());
  NamedAttrList fields;
  fields.set("buffer", TypeAttr::get(op.getType()));
  addToWorkspace(op->getParentOfType<func::FuncOp>(), fields);
}

/// Notes the work's memory: bytes of a thread, and of the records of parts.
static void noteWorkspace(WorkPlan &plan) {
  Builder b(plan.work.getContext());
  NamedAttrList fields;
  fields.set("bytes_per_thread", b.getI64IntegerAttr(threadBytes(plan)));
  if (plan.streamed) {
    fields.set("bytes_per_record", b.getI64IntegerAttr(plan.panels * plan.partPanelBytes));
    fields.set("most_records", b.getStringAttr(mostRecords(plan)));
  }
  addToWorkspace(plan.work->getParentOfType<func::FuncOp>(), fields);
}

static LogicalResult lowerWork(WorkOp work, TargetAttr target, unsigned number) {
  FailureOr<WorkPlan> plan = WorkPlan::create(work, target);
  if (failed(plan))
    return failure();
  if (plan->hasRegion() && failed(ScoreCode::check(plan->dot.getScore().front())))
    return failure();
  OpBuilder builder(work);
  CpuBuilder b(work.getLoc(), builder, target, plan->lanes);
  std::string name =
      (work->getParentOfType<func::FuncOp>().getName() + "_work" + Twine(number)).str();
  ItemFunction item(b, *plan, name);
  item.emit();
  noteWorkspace(*plan);
  Value threads = callOpenMP(b, work->getParentOfType<ModuleOp>(), "omp_get_max_threads");
  Value workspaces = allocateWorkspaces(b, *plan, threads);
  if (plan->streamed)
    emitParts(b, *plan, item, workspaces);
  else
    emitTiles(b, *plan, item, workspaces, threads);
  memref::DeallocOp::create(b, workspaces);
  work.erase();
  return success();
}

namespace mlir::attn {
#define GEN_PASS_DEF_LOWERCPU
#include "attn/Target/CPU/Passes.h.inc"

namespace {
struct LowerCPUPass : impl::LowerCPUBase<LowerCPUPass> {
  using LowerCPUBase::LowerCPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<TargetAttr>(targetAttrName);
    if (!target || target.getWord("kind") != "cpu") {
      module.emitError("module has no CPU target; run --attn-attach-target=target=cpu first");
      return signalPassFailure();
    }
    module.walk([](memref::AllocOp op) { noteBuffer(op); });
    SmallVector<WorkOp> works;
    module.walk([&](WorkOp work) { works.push_back(work); });
    for (auto [i, work] : llvm::enumerate(works)) {
      if (failed(lowerWork(work, target, static_cast<unsigned>(i))))
        return signalPassFailure();
      ++numWorks;
    }
    SmallVector<scf::ParallelOp> loops;
    module.walk([&](scf::ParallelOp loop) { loops.push_back(loop); });
    for (scf::ParallelOp loop : loops)
      if (failed(lowerParallel(loop, target)))
        return signalPassFailure();
  }
};
} // namespace
} // namespace mlir::attn
