//===- Parts.cpp - which functions of an object compile together ------------===//
#include "Parts.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/IR/InstrTypes.h"

using namespace mlir;
using namespace mlir::attn;

/// Instructions up to which each part has a copy of its own of what several call; LLVM inlines
/// what is shorter still.
static constexpr size_t largestCopy = 200;

using Units = llvm::EquivalenceClasses<llvm::Function *>;

/// The functions that call `function`; none when it is used in another way, too.
static llvm::SmallSetVector<llvm::Function *, 4> callersOf(llvm::Function &function) {
  llvm::SmallSetVector<llvm::Function *, 4> callers;
  for (llvm::Use &use : function.uses()) {
    auto *call = dyn_cast<llvm::CallBase>(use.getUser());
    if (!call || !call->isCallee(&use))
      return {};
    callers.insert(call->getFunction());
  }
  return callers;
}

/// Joins a function with its callers where these are one unit. Whether it did.
static bool joinCallers(Units &units, llvm::Function &function) {
  if (function.isDeclaration() || !function.hasLocalLinkage())
    return false;
  auto callers = callersOf(function);
  llvm::SmallPtrSet<llvm::Function *, 4> leaders;
  for (llvm::Function *caller : callers)
    leaders.insert(units.getLeaderValue(caller));
  if (leaders.size() != 1 || *leaders.begin() == units.getLeaderValue(&function))
    return false;
  units.unionSets(callers.front(), &function);
  return true;
}

static bool isCopied(llvm::Function &function) {
  return function.hasLocalLinkage() && callersOf(function).size() > 1 &&
         function.getInstructionCount() <= largestCopy;
}

FunctionUnits attn::findUnits(llvm::Module &module) {
  Units units;
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      units.insert(&function);
  bool changed = true;
  while (changed) {
    changed = false;
    for (llvm::Function &function : module)
      changed |= joinCallers(units, function);
  }
  llvm::MapVector<llvm::Function *, FunctionGroup> groups;
  FunctionUnits out;
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (isCopied(function))
      out.copied.insert(&function);
    else
      groups[units.getLeaderValue(&function)].push_back(&function);
  }
  for (auto &entry : groups)
    out.groups.push_back(std::move(entry.second));
  return out;
}
