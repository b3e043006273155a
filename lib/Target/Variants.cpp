//===- Variants.cpp - several processors in one library ---------------------===//
#include "attn/Target/Target.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::attn;

static std::string wordOf(TargetAttr facts, StringRef field) {
  auto text = facts.getFields().getAs<StringAttr>(field);
  return text ? text.str() : "";
}

/// The architecture, the first part of a triple.
static std::string architectureOf(TargetAttr facts) {
  return StringRef(wordOf(facts, "triple")).split('-').first.str();
}

static size_t countFeatures(TargetAttr facts) {
  return StringRef(wordOf(facts, "features")).count('+');
}

using Targets = std::vector<std::unique_ptr<Target>>;

/// Most demanding first, so that the first which a machine can run is the best for it.
static LogicalResult sortByDemand(Targets &targets, StringRef spelling,
                                  function_ref<InFlightDiagnostic()> emitError) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<AttnDialect>();
  std::string architecture = architectureOf(targets.front()->facts(&context));
  for (const auto &target : targets)
    if (architectureOf(target->facts(&context)) != architecture)
      return emitError() << "expected processors of one architecture in '" << spelling
                         << "', found " << architecture << " and "
                         << architectureOf(target->facts(&context));
  llvm::sort(targets, [&](const auto &a, const auto &b) {
    size_t first = countFeatures(a->facts(&context)), second = countFeatures(b->facts(&context));
    return first != second ? first > second : a->name() < b->name();
  });
  return success();
}

static Targets createSeveral(StringRef spelling, function_ref<InFlightDiagnostic()> emitError) {
  auto [family, list] = spelling.split(':');
  SmallVector<StringRef> names;
  list.split(names, '+');
  llvm::StringSet<> seen;
  Targets targets;
  for (StringRef name : names) {
    if (name.empty() || !seen.insert(name).second) {
      emitError() << "expected different processors between the '+' of '" << spelling << "', found "
                  << (name.empty() ? "an empty name" : ("'" + name + "' twice").str());
      return {};
    }
    targets.push_back(createTarget((family + ":" + name).str(), emitError));
    if (!targets.back())
      return {};
  }
  if (failed(sortByDemand(targets, spelling, emitError)))
    return {};
  return targets;
}

Targets attn::createTargets(StringRef spelling, function_ref<InFlightDiagnostic()> emitError) {
  if (spelling.split(':').second.contains('+'))
    return createSeveral(spelling, emitError);
  Targets targets;
  if (auto target = createTarget(spelling, emitError))
    targets.push_back(std::move(target));
  return targets;
}

void attn::renameEntries(ModuleOp lowered, StringRef suffix) {
  for (auto function : lowered.getOps<LLVM::LLVMFuncOp>()) {
    if (function.isExternal() || function.getLinkage() != LLVM::Linkage::External)
      continue;
    function.setSymName((function.getSymName() + suffix).str());
    function.setVisibility_(LLVM::Visibility::Hidden);
  }
}
