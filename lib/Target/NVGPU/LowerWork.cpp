//===- LowerWork.cpp - attn.work to a kernel and its launch numbers ----------===//
#include "LatentKernel.h"
#include "Lowering.h"
#include "TokenKernel.h"
#include "WarpLatent.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "attn/Target/NVGPU/Passes.h"

namespace mlir::attn {
#define GEN_PASS_DEF_LOWERNVGPU
#include "attn/Target/NVGPU/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

/// Most keys that one position sees under a mask, 0 when there is no bound.
static int64_t mostKeys(MaskAttr mask) {
  ArrayRef<int64_t> n = mask.getValues();
  switch (mask.getKind()) {
  case MaskKind::Window: // bounded on the right by a second number, or by the causal word beside it
    return n[0] + (n.size() > 1 ? n[1] : 0);
  case MaskKind::Chunk: // rows of a tile may stand in two
    return 2 * n[0];
  case MaskKind::And: {
    int64_t least = 0;
    for (unsigned i = 0; i < mask.getChildren().size(); ++i)
      if (int64_t one = mostKeys(mask.getChild(i)); one > 0 && (least == 0 || one < least))
        least = one;
    return least;
  }
  default:
    return 0;
  }
}

/// Of the stream form; of another only the blocks per multiprocessor.
static void appendStream(NVWorkPlan &plan, SmallVectorImpl<int64_t> &numbers) {
  if (!plan.isStream)
    return numbers.append({0, plan.warp ? plan.blocks : 0, 0, 0, 0, 0, 0});
  PackedGroups groups(plan.heads);
  numbers.append({1, plan.blocks, groups.count, groups.size, plan.splits, mostKeys(plan.mask),
                  plan.isLatent()});
}

/// Threads, shared memory, rows and keys of a tile.
static void appendTile(NVWorkPlan &plan, SmallVectorImpl<int64_t> &numbers) {
  const WarpgroupTile &t = plan.tile;
  if (plan.warp) {
    const WarpTile &w = *plan.warp;
    int64_t shared = w.isLatent() ? LatentWarpTile(w, plan.overlap).sharedBytes() : w.sharedBytes();
    return numbers.append({w.threads(), shared, w.rows(), w.keys});
  }
  bool isNarrow = plan.isStream && !plan.latent; // one consumer and a single producer warp
  int64_t shared = plan.latent ? plan.latent->sharedBytes()
                   : isNarrow  ? StreamTile(t).launchedBytes()
                               : t.sharedBytes();
  numbers.append({isNarrow ? StreamTile::threadsOfBlock() : t.threads(), shared,
                  plan.latent ? LatentTile::rows : t.rows(), t.keys});
}

bool attn::mayFollowLaunches(func::FuncOp function) {
  auto target = function->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>(targetAttrName);
  return target.getWord("tensor_core") == "wgmma";
}

void attn::describeAttention(NVWorkPlan &plan, ArrayRef<int64_t> signature,
                             SmallVectorImpl<int64_t> &numbers) {
  const ArgumentRoles &r = plan.roles;
  appendTile(plan, numbers);
  numbers.append({static_cast<int64_t>(plan.heads.query.size()), plan.tile.qkSize, plan.tile.vSize,
                  plan.longestFirst, plan.largestGroup()});
  appendStream(plan, numbers);
  numbers.append({r.query, r.key, r.value, r.out, r.lse, r.sinks, r.offset,
                  r.constantOffset.has_value(), r.constantOffset.value_or(0)});
  llvm::append_range(numbers, signature);
  numbers.push_back(static_cast<int64_t>(r.masks.size()));
  numbers.append(r.masks.begin(), r.masks.end());
  constexpr size_t mostMasks = 4; // ATTN_GPU_MAX_MASKS
  numbers.append(mostMasks - r.masks.size(), -1);
  bool hasMaps = !plan.warp;
  numbers.append({plan.isStrict() || !hasMaps, hasMaps, mayFollowLaunches(plan.function)});
}

LogicalResult attn::emitAttention(KernelBuilder &b, NVWorkPlan &plan, StringRef name) {
  if (plan.warp && plan.isLatent())
    return WarpLatentEmitter(b, plan, name).emit();
  if (plan.warp && plan.isStream)
    return WarpStreamEmitter(b, plan, name).emit();
  if (plan.warp)
    return WarpEmitter(b, plan, name).emit();
  if (plan.latent)
    return LatentEmitter(b, plan, name).emit();
  if (plan.isStream)
    return WarpgroupStreamEmitter(b, plan, name).emit();
  return WarpgroupEmitter(b, plan, name).emit();
}

static int64_t argumentNumber(Value value) {
  auto argument = dyn_cast_or_null<BlockArgument>(value);
  return argument ? static_cast<int64_t>(argument.getArgNumber()) : -1;
}

/// The attention of an entry that is nothing else, on whole arguments; null for other entries.
static WorkOp soleAttention(func::FuncOp function) {
  WorkOp work;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (auto found = dyn_cast<WorkOp>(op)) {
      if (work)
        return {};
      work = found;
    } else if (!isa<memref::DimOp, memref::SubViewOp>(op) &&
               !isa<arith::ArithDialect>(op.getDialect())) {
      return {};
    }
  }
  bool isWhole = work && NVWorkPlan::hasPlainOffset(work);
  if (isWhole)
    work.getBody().walk([&](Operation *op) {
      for (Value operand : op->getOperands())
        isWhole &= !isa<MemRefType>(operand.getType()) || isa<BlockArgument>(operand) ||
                   (operand == work.getValue() && work.getSchedule().getFlag("values_in_keys"));
    });
  return isWhole ? work : WorkOp();
}

/// Writes the kernel of an entry that is one attention; its record goes to `entries`.
static LogicalResult lowerSole(WorkOp work, SmallVectorImpl<Attribute> &entries) {
  auto function = work->getParentOfType<func::FuncOp>();
  FailureOr<NVWorkPlan> plan = NVWorkPlan::create(work, argumentNumber);
  if (failed(plan))
    return failure();
  std::string name = (function.getSymName() + "_kernel").str();
  KernelBuilder b(function.getLoc(), function);
  SmallVector<int64_t> signature, numbers;
  if (failed(describeSignature(function, signature)) || failed(emitAttention(b, *plan, name)))
    return failure();
  describeAttention(*plan, signature, numbers);
  entries.push_back(
      b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(function.getSymName())),
                           b.getNamedAttr("kernel", b.getStringAttr(name)),
                           b.getNamedAttr("numbers", b.getDenseI64ArrayAttr(numbers))}));
  return success();
}

/// The module beside the kernels that holds the host's programs.
static ModuleOp hostModule(ModuleOp module) {
  if (auto known = module.lookupSymbol<ModuleOp>(hostModuleName))
    return known;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  return ModuleOp::create(b, module.getLoc(), hostModuleName);
}

namespace {
struct LowerNVGPUPass : attn::impl::LowerNVGPUBase<LowerNVGPUPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<TargetAttr>(targetAttrName);
    if (!target || target.getWord("kind") != "gpu") {
      module.emitError("module has no GPU target; run --attn-attach-target=target=sm_90a first");
      return signalPassFailure();
    }
    SmallVector<Attribute> entries;
    SmallVector<Operation *> done;
    for (Operation &op : module.getOps())
      if (isa<func::FuncOp, SpecOp, memref::GlobalOp>(op))
        done.push_back(&op);
    for (Operation *op : done) {
      auto function = dyn_cast<func::FuncOp>(op);
      if (!function || !function.isPublic() || function.isExternal())
        continue;
      WorkOp sole = soleAttention(function);
      if (failed(sole ? lowerSole(sole, entries) : lowerSteps(function, hostModule(module))))
        return signalPassFailure();
      ++numEntries;
    }
    for (Operation *op : done)
      op->erase();
    module->setAttr(gpuEntriesAttrName, ArrayAttr::get(&getContext(), entries));
  }
};
} // namespace
