//===- LowerWork.cpp - attn.work to a kernel and its launch numbers ----------===//
#include "LatentKernel.h"
#include "WarpStream.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "attn/Target/NVGPU/Passes.h"

namespace mlir::attn {
#define GEN_PASS_DEF_LOWERNVGPU
#include "attn/Target/NVGPU/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

/// Codes of attn_runtime.h.
static int64_t dtypeCode(Type type) {
  if (type.isF32())
    return 0;
  if (type.isBF16())
    return 1;
  if (type.isF16())
    return 2;
  if (type.isInteger(32))
    return 4;
  return type.isInteger(8) ? 6 : 3;
}

namespace {
/// One dimension as `attn_gpu_argument` has it.
struct SizeRule {
  int64_t size = -1, symbol = -1, leastSymbol = -1, least = 0;
  /// `[>=] (number | symbol) [/ divisor]`; false for another text.
  bool read(StringRef text);
};
} // namespace

bool SizeRule::read(StringRef text) {
  bool isBound = text.consume_front(">=");
  auto [what, divisor] = text.split('/');
  int64_t number = 0, by = 1;
  bool isSymbol = what.consume_front("s");
  if (what.getAsInteger(10, number) || (!divisor.empty() && divisor.getAsInteger(10, by)))
    return false;
  if (!isBound) {
    (isSymbol ? symbol : size) = number;
    return by == 1;
  }
  leastSymbol = isSymbol ? number : -1;
  least = isSymbol ? by : (number + by - 1) / by;
  return true;
}

/// Sizes of an argument as `attn_gpu_argument` has them.
static LogicalResult appendArgument(func::FuncOp function, unsigned index,
                                    SmallVectorImpl<int64_t> &numbers) {
  Type type = function.getArgument(index).getType();
  auto memref = dyn_cast<MemRefType>(type);
  int64_t rank = memref ? memref.getRank() : 0;
  auto texts = function.getArgAttrOfType<ArrayAttr>(index, "attn.sizes");
  numbers.append({rank, dtypeCode(getElementTypeOrSelf(type)),
                  function.getArgAttr(index, "attn.output") ? 1 : 0});
  SizeRule rules[4];
  for (int64_t i = 0; i < rank; ++i) {
    auto dimension = static_cast<unsigned>(i);
    if (!memref.isDynamicDim(dimension)) {
      rules[i].size = memref.getDimSize(dimension);
      continue;
    }
    StringRef text =
        texts ? cast<StringAttr>(texts[static_cast<size_t>(i)]).getValue() : StringRef();
    if (!text.empty() && !rules[i].read(text))
      return function.emitError("expected sizes of argument ")
             << index << " that equal or bound others, found '" << text << "'";
  }
  for (int64_t SizeRule::*field :
       {&SizeRule::size, &SizeRule::symbol, &SizeRule::leastSymbol, &SizeRule::least})
    for (const SizeRule &rule : rules)
      numbers.push_back(rule.*field);
  return success();
}

/// Most keys that one position sees under a mask, 0 when there is no bound.
static int64_t mostKeys(MaskAttr mask) {
  ArrayRef<int64_t> n = mask.getValues();
  switch (mask.getKind()) {
  case MaskKind::Window: // bounded on the right by a second number, or by the causal word beside it
    return n[0] + (n.size() > 1 ? n[1] : 0);
  case MaskKind::Chunk:
    return n[0];
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
    return numbers.append({0, plan.warp ? plan.blocks : 0, 0, 0, 0, 0, 0, 0});
  PackedGroups groups(plan.heads);
  numbers.append({1, plan.blocks, groups.count, groups.size, 1, plan.splits, mostKeys(plan.mask),
                  plan.latent.has_value()});
}

/// Threads, shared memory, rows and keys of a tile.
static void appendTile(NVWorkPlan &plan, SmallVectorImpl<int64_t> &numbers) {
  const WarpgroupTile &t = plan.tile;
  if (plan.warp)
    return numbers.append(
        {plan.warp->threads(), plan.warp->sharedBytes(), plan.warp->rows(), plan.warp->keys});
  bool isNarrow = plan.isStream && !plan.latent; // one consumer and a single producer warp
  int64_t shared = plan.latent ? plan.latent->sharedBytes()
                   : isNarrow  ? StreamTile(t).sharedBytesOfBlock()
                               : t.sharedBytes();
  numbers.append({isNarrow ? StreamTile::threadsOfBlock() : t.threads(), shared,
                  plan.latent ? LatentTile::rows : t.rows(), t.keys});
}

/// The fields of `attn_gpu_entry` in their order.
static LogicalResult describe(NVWorkPlan &plan, SmallVectorImpl<int64_t> &numbers) {
  const ArgumentRoles &r = plan.roles;
  unsigned count = plan.function.getNumArguments() - 1; // without threads
  constexpr unsigned most = 16;                         // ATTN_GPU_MAX_ARGUMENTS
  if (count > most)
    return plan.function.emitError("expected at most ") << most << " arguments, found " << count;
  appendTile(plan, numbers);
  numbers.append({static_cast<int64_t>(plan.heads.query.size()), plan.tile.qkSize, plan.tile.vSize,
                  plan.longestFirst, plan.largestGroup()});
  appendStream(plan, numbers);
  numbers.append({r.query, r.key, r.value, r.out, r.lse, r.sinks, r.offset,
                  r.constantOffset.has_value(), r.constantOffset.value_or(0),
                  static_cast<int64_t>(count)});
  for (unsigned i = 0; i < count; ++i)
    if (failed(appendArgument(plan.function, i, numbers)))
      return failure();
  numbers.append(static_cast<size_t>(most - count) * 19, 0);
  numbers.push_back(static_cast<int64_t>(r.masks.size()));
  numbers.append(r.masks.begin(), r.masks.end());
  constexpr size_t mostMasks = 4; // ATTN_GPU_MAX_MASKS
  numbers.append(mostMasks - r.masks.size(), -1);
  bool hasMaps = !plan.warp;
  numbers.append({plan.isStrict() || !hasMaps, hasMaps});
  return success();
}

static LogicalResult emitKernel(KernelBuilder &b, NVWorkPlan &plan, StringRef name) {
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

/// Writes the kernel of one entry; its record goes to `entries`.
static LogicalResult lowerEntry(func::FuncOp function, SmallVectorImpl<Attribute> &entries) {
  FailureOr<NVWorkPlan> plan = NVWorkPlan::create(function);
  if (failed(plan))
    return failure();
  std::string name = (function.getSymName() + "_kernel").str();
  KernelBuilder b(function.getLoc(), function);
  SmallVector<int64_t> numbers;
  if (failed(emitKernel(b, *plan, name)) || failed(describe(*plan, numbers)))
    return failure();
  entries.push_back(
      b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(function.getSymName())),
                           b.getNamedAttr("kernel", b.getStringAttr(name)),
                           b.getNamedAttr("numbers", b.getDenseI64ArrayAttr(numbers))}));
  return success();
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
      if (isa<func::FuncOp, SpecOp>(op))
        done.push_back(&op);
    for (Operation *op : done) {
      auto function = dyn_cast<func::FuncOp>(op);
      if (!function || !function.isPublic() || function.isExternal())
        continue;
      if (failed(lowerEntry(function, entries)))
        return signalPassFailure();
      ++numKernels;
    }
    for (Operation *op : done)
      op->erase();
    module->setAttr(gpuEntriesAttrName, ArrayAttr::get(&getContext(), entries));
  }
};
} // namespace
