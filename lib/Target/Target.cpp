//===- Target.cpp - the registry of targets ----------------------------------===//
#include "attn/Target/Target.h"
#include <map>
#include <mutex>

using namespace mlir;
using namespace mlir::attn;

Target::~Target() = default;

FailureOr<std::vector<std::string>> Target::objects(ModuleOp module) const {
  FailureOr<std::string> object = serialize(module, OutputKind::Object);
  if (failed(object))
    return failure();
  return std::vector<std::string>{std::move(*object)};
}

FailureOr<std::string> Target::dispatcher(ArrayRef<Variant>, ArrayRef<std::string>,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  return emitError() << "target '" << name() << "' cannot share a library with others";
}

namespace {
struct Registry {
  std::mutex mutex;
  std::map<std::string, TargetFactory> families;
};
} // namespace

static Registry &registry() {
  static Registry instance;
  return instance;
}

void attn::registerTarget(StringRef family, TargetFactory factory) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  registry().families.emplace(family.str(), std::move(factory));
}

/// Families of the design that this build does not have yet are refused by name.
static bool isPlannedFamily(StringRef family) { return family.starts_with("sm_"); }

static std::unique_ptr<Target> refuse(StringRef family,
                                      function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<StringRef> known;
  for (auto &entry : registry().families)
    known.push_back(entry.first);
  InFlightDiagnostic diag = emitError();
  diag << (isPlannedFamily(family) ? "target '" : "unknown target '") << family
       << (isPlannedFamily(family) ? "' is not built yet; available are " : "'; known are ");
  llvm::interleaveComma(known, diag, [&](StringRef name) { diag << "'" << name << "'"; });
  StringRef near = nearestWord(family, known);
  if (!near.empty())
    diag << "; did you mean '" << near << "'?";
  return nullptr;
}

std::unique_ptr<Target> attn::createTarget(StringRef spelling,
                                           function_ref<InFlightDiagnostic()> emitError) {
  if (spelling.ends_with(":")) {
    emitError() << "expected a processor after '" << spelling
                << "', found nothing; leave the colon out for this machine";
    return nullptr;
  }
  auto [family, variant] = spelling.split(':');
  if (variant.contains('+')) {
    emitError() << "expected one processor, found several in '" << spelling
                << "'; only a bundle of attn-compile can carry several";
    return nullptr;
  }
  TargetFactory factory;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    auto it = registry().families.find(family.str());
    if (it != registry().families.end())
      factory = it->second;
  }
  return factory ? factory(variant, emitError) : refuse(family, emitError);
}
