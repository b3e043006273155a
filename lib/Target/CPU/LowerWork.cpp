//===- LowerWork.cpp - attn.work to vector code and OpenMP -------------------===//
#include "ItemFunction.h"
#include "LowerParallel.h"
#include "ScoreCode.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/CPU/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Items of a work: tiles of the largest group times groups times batch entries.
static Value emitItemCount(CpuBuilder &b, WorkPlan &plan) {
  int64_t most = 0;
  for (const HeadGroup &group : plan.groups)
    most = std::max(most, static_cast<int64_t>(group.heads.size()));
  Value query = plan.work.getQuery();
  Value rows = b.mul(memref::DimOp::create(b, query, 2), b.index(most));
  Value perTile = b.mul(memref::DimOp::create(b, query, 0), b.index(static_cast<int64_t>(plan.groups.size())));
  return b.mul(b.ceilDiv(rows, plan.itemRows()), perTile);
}

static void emitItems(CpuBuilder &b, WorkPlan &plan, ItemFunction &item) {
  Type byte = b.getIntegerType(8);
  Value workspace, whole;
  auto allocate = [&] {
    whole = memref::AllocOp::create(b, MemRefType::get({plan.bytes}, byte), b.getI64IntegerAttr(64));
    workspace = memref::CastOp::create(b, MemRefType::get({ShapedType::kDynamic}, byte), whole);
  };
  auto run = [&](Value number) {
    SmallVector<Value> operands = {number, workspace};
    llvm::append_range(operands, item.getOuterValues());
    func::CallOp::create(b, item.getFunction(), operands);
  };
  emitSharedLoop(b, emitItemCount(b, plan), allocate, run, [&] { memref::DeallocOp::create(b, whole); });
}

static LogicalResult lowerWork(WorkOp work, TargetAttr target, unsigned number) {
  FailureOr<WorkPlan> plan = WorkPlan::create(work, target);
  if (failed(plan))
    return failure();
  if (plan->hasRegion() && failed(ScoreCode::check(plan->dot.getScore().front())))
    return failure();
  OpBuilder builder(work);
  CpuBuilder b(work.getLoc(), builder, target);
  std::string name = (work->getParentOfType<func::FuncOp>().getName() + "_work" + Twine(number)).str();
  ItemFunction item(b, *plan, name);
  item.emit();
  emitItems(b, *plan, item);
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
