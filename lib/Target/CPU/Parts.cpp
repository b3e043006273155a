//===- Parts.cpp - a lowered module in pieces that compile apart ------------===//
#include "Parts.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// A group of functions that belong together, in the order of the module.
struct Group {
  SmallVector<Operation *> functions;
  int64_t operations = 0;
};

} // namespace

/// Functions that are in one part only.
static bool isDivided(LLVM::LLVMFuncOp function) {
  return !function.isExternal() && !function->hasAttr(sharedAttrName);
}

/// Whether whoever names `symbol` must be compiled with it: code, or memory that changes.
static bool ties(Operation *symbol) {
  if (auto global = dyn_cast<LLVM::GlobalOp>(symbol))
    return !global.getConstant();
  auto function = dyn_cast<LLVM::LLVMFuncOp>(symbol);
  return function && isDivided(function);
}

static llvm::EquivalenceClasses<Operation *> tieFunctions(ModuleOp module) {
  SymbolTable symbols(module);
  llvm::EquivalenceClasses<Operation *> classes;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!isDivided(function))
      continue;
    classes.insert(function);
    auto uses = SymbolTable::getSymbolUses(function.getOperation());
    for (const SymbolTable::SymbolUse &use : *uses)
      if (Operation *symbol = symbols.lookup(use.getSymbolRef().getRootReference()))
        if (ties(symbol))
          classes.unionSets(function, symbol);
  }
  return classes;
}

/// Largest first; equal ones in the order of the module.
static SmallVector<Group> groupFunctions(ModuleOp module) {
  llvm::EquivalenceClasses<Operation *> classes = tieFunctions(module);
  llvm::MapVector<Operation *, Group> groups;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!isDivided(function))
      continue;
    Group &group = groups[classes.getLeaderValue(function)];
    group.functions.push_back(function);
    function.walk([&](Operation *) { ++group.operations; });
  }
  SmallVector<Group> sorted;
  for (auto &entry : groups)
    sorted.push_back(std::move(entry.second));
  // An insertion sort is stable, and there are few.
  for (auto *it = sorted.begin(); it != sorted.end(); ++it)
    std::rotate(std::upper_bound(
                    sorted.begin(), it, *it,
                    [](const Group &a, const Group &b) { return a.operations > b.operations; }),
                it, std::next(it));
  return sorted;
}

/// The module without the functions that are not in `kept`.
static OwningOpRef<ModuleOp> copyOnly(ModuleOp module, const DenseSet<Operation *> &kept) {
  OwningOpRef<ModuleOp> part = ModuleOp::create(module.getLoc());
  (*part)->setAttrs(module->getAttrDictionary());
  OpBuilder b = OpBuilder::atBlockEnd(part->getBody());
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (!function || !isDivided(function) || kept.contains(&op))
      b.clone(op);
  }
  return part;
}

SmallVector<OwningOpRef<ModuleOp>> attn::splitLowered(ModuleOp module, unsigned most) {
  SmallVector<Group> groups = groupFunctions(module);
  SmallVector<DenseSet<Operation *>> bins(
      std::max<size_t>(1, std::min<size_t>(most, groups.size())));
  SmallVector<int64_t> sizes(bins.size(), 0);
  for (const Group &group : groups) {
    size_t lightest = std::min_element(sizes.begin(), sizes.end()) - sizes.begin();
    bins[lightest].insert(group.functions.begin(), group.functions.end());
    sizes[lightest] += group.operations;
  }
  SmallVector<OwningOpRef<ModuleOp>> parts;
  for (const DenseSet<Operation *> &bin : bins)
    parts.push_back(copyOnly(module, bin));
  return parts;
}
