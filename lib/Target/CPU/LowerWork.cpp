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

/// Runs `function` for each number below `count`, with a workspace for each thread.
static void emitItems(CpuBuilder &b, WorkPlan &plan, func::FuncOp function, Value count,
                      ValueRange further) {
  Type byte = b.getIntegerType(8);
  Value workspace, whole;
  auto allocate = [&] {
    if (plan.tiles)
      MatrixKernels::requestPermission(b, function->getParentOfType<ModuleOp>());
    whole =
        memref::AllocOp::create(b, MemRefType::get({plan.bytes}, byte), b.getI64IntegerAttr(64));
    workspace = memref::CastOp::create(b, MemRefType::get({ShapedType::kDynamic}, byte), whole);
  };
  auto run = [&](Value number) {
    SmallVector<Value> operands = {number, workspace};
    llvm::append_range(operands, further);
    func::CallOp::create(b, function, operands);
  };
  emitSharedLoop(b, count, allocate, run, [&] { memref::DeallocOp::create(b, whole); });
}

/// Parts of the key range first; then their records are merged, one tile of rows at a time.
static void emitParts(CpuBuilder &b, WorkPlan &plan, ItemFunction &item) {
  Value tiles = emitTileCount(b, plan, plan.work.getQuery());
  Value items = b.mul(tiles, emitPartCount(b, plan, plan.work.getQuery(), plan.stream.getLength()));
  Value bytes = b.mul(items, b.index(plan.panels * plan.partPanelBytes));
  auto type = MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
  Value parts = memref::AllocOp::create(b, type, bytes, b.getI64IntegerAttr(64));
  SmallVector<Value> further = {parts};
  llvm::append_range(further, item.getOuterValues());
  emitItems(b, plan, item.getFunction(), items, further);
  emitItems(b, plan, item.getMergeFunction(), tiles, further);
  memref::DeallocOp::create(b, parts);
}

static LogicalResult lowerWork(WorkOp work, TargetAttr target, unsigned number) {
  FailureOr<WorkPlan> plan = WorkPlan::create(work, target);
  if (failed(plan))
    return failure();
  if (plan->hasRegion() && failed(ScoreCode::check(plan->dot.getScore().front())))
    return failure();
  OpBuilder builder(work);
  CpuBuilder b(work.getLoc(), builder, target);
  std::string name =
      (work->getParentOfType<func::FuncOp>().getName() + "_work" + Twine(number)).str();
  ItemFunction item(b, *plan, name);
  item.emit();
  if (plan->streamed)
    emitParts(b, *plan, item);
  else
    emitItems(b, *plan, item.getFunction(), emitTileCount(b, *plan, work.getQuery()),
              item.getOuterValues());
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
