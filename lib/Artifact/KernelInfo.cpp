//===- KernelInfo.cpp - gathers the facts of a kernel from its IR ---------===//

#include "attn/Artifact/KernelInfo.h"
#include "attn/IR/AttnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::attn;

template <typename T> static std::string toText(const T &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

std::string attn::cIdentifier(StringRef text) {
  std::string name;
  for (char c : text)
    name += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(name.begin(), '_');
  return name;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

/// The spelling of an element type in the C interface; empty for one that cannot cross it.
static StringRef dtypeOf(Type type) {
  if (type.isIndex() || type.isInteger(64))
    return "i64";
  if (type.isInteger(32))
    return "i32";
  if (type.isInteger(8))
    return "i8";
  if (type.isF32())
    return "f32";
  if (type.isBF16())
    return "bf16";
  if (type.isF16())
    return "f16";
  return type.isF64() ? "f64" : "";
}

static FailureOr<ArgumentInfo> describe(func::FuncOp function, Type type, std::string name) {
  constexpr int64_t maxRank = 4;
  ArgumentInfo argument;
  argument.name = cIdentifier(name);
  Type element = type;
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    element = tensor.getElementType();
    argument.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
  }
  argument.dtype = dtypeOf(element).str();
  if (!argument.dtype.empty() && static_cast<int64_t>(argument.shape.size()) <= maxRank)
    return argument;
  return function.emitError() << "expected '" << name
                              << "' to be a tensor of rank 0 to 4 of f32, bf16, f16, f64, i64, i32 "
                                 "or i8, or an index; found "
                              << type;
}

/// `attn.name` where it is given, else `fallback` and a number.
static std::string nameOf(StringAttr given, StringRef fallback, unsigned number) {
  return given ? given.str() : (fallback + Twine(number)).str();
}

static LogicalResult gatherArguments(func::FuncOp function, std::vector<ArgumentInfo> &arguments) {
  auto add = [&](Type type, StringAttr given, StringRef fallback, unsigned number, bool output) {
    FailureOr<ArgumentInfo> argument = describe(function, type, nameOf(given, fallback, number));
    if (failed(argument))
      return failure();
    argument->isOutput = output;
    arguments.push_back(*argument);
    return success();
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(add(type, function.getArgAttrOfType<StringAttr>(i, "attn.name"), "arg", i, false)))
      return failure();
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(add(type, function.getResultAttrOfType<StringAttr>(i, "attn.name"), "out", i, true)))
      return failure();
  return success();
}

/// Two arguments of one name would give two C functions of one name.
static void makeNamesUnique(std::vector<ArgumentInfo> &arguments) {
  llvm::StringSet<> seen;
  for (ArgumentInfo &argument : arguments) {
    std::string base = argument.name;
    for (unsigned n = 1; !seen.insert(argument.name).second; ++n)
      argument.name = base + "_" + std::to_string(n);
  }
}

//===----------------------------------------------------------------------===//
// Entries and target
//===----------------------------------------------------------------------===//

static ScheduleInfo describeSchedule(AttentionOp op) {
  ScheduleInfo info;
  if (ScheduleAttr schedule = op.getScheduleAttr())
    info.schedule = toText(schedule);
  if (auto reasons = op->getAttrOfType<ArrayAttr>("attn.schedule_reasons"))
    for (Attribute reason : reasons)
      if (auto text = dyn_cast<StringAttr>(reason))
        info.reasons.push_back(text.str());
  return info;
}

/// Whose spec it is, who calls it, and whose caches it reads.
static void describeOrigin(func::FuncOp function, EntryInfo &entry) {
  if (auto from = function->getAttrOfType<IntegerAttr>("attn.kv_from"))
    entry.kvFrom = from.getInt();
  auto name = function->getAttrOfType<FlatSymbolRefAttr>("attn.spec");
  if (!name)
    return;
  entry.spec = name.getValue().str();
  auto module = function->getParentOfType<ModuleOp>();
  auto spec = module ? module.lookupSymbol<SpecOp>(name.getValue()) : SpecOp();
  if (spec && spec.getLayers())
    entry.layers.assign(spec.getLayers()->begin(), spec.getLayers()->end());
}

static FailureOr<EntryInfo> describeEntry(func::FuncOp function) {
  EntryInfo entry;
  entry.name = function.getSymName().str();
  if (auto role = function->getAttrOfType<StringAttr>("attn.entry"))
    entry.role = role.str();
  describeOrigin(function, entry);
  if (failed(gatherArguments(function, entry.arguments)))
    return failure();
  makeNamesUnique(entry.arguments);
  function.walk([&](AttentionOp op) {
    entry.schedules.push_back(describeSchedule(op));
    if (auto reason = op->getAttrOfType<StringAttr>("attn.form_reason"))
      entry.formReasons.push_back(reason.str());
  });
  return entry;
}

/// What the runtime must ask a machine for, sorted.
static std::vector<std::string> neededFeatures(StringRef all) {
  SmallVector<StringRef> words;
  all.split(words, ',', -1, /*KeepEmpty=*/false);
  std::vector<std::string> needed;
  for (StringRef word : words)
    if (word.consume_front("+"))
      needed.push_back(word.str());
  llvm::sort(needed);
  needed.erase(llvm::unique(needed), needed.end());
  return needed;
}

static void describeTarget(ModuleOp module, KernelInfo &info) {
  auto target = module->getAttrOfType<TargetAttr>("attn.target");
  if (!target)
    return;
  info.target = toText(target);
  // A CPU kernel tests lanes; a matrix unit would multiply a masked NaN by zero.
  info.promises.strictMaskedNan = target.getWord("kind") == "cpu";
  if (auto name = target.getFields().getAs<StringAttr>("name"))
    info.targetName = name.str();
  if (auto features = target.getFields().getAs<StringAttr>("features"))
    info.features = neededFeatures(features.getValue());
  // The tensor cores multiply masked value rows by zero, which leaves a NaN unless the schedule
  // mends it; the host's threads do not matter.
  if (target.getWord("kind") == "gpu") {
    info.isGpu = true;
    info.promises.strictMaskedNan = true;
    module.walk([&](AttentionOp op) {
      ScheduleAttr schedule = op.getScheduleAttr();
      bool isStrict = op.maskOrAll().isAll() || (schedule && schedule.getFlag("strict"));
      info.promises.strictMaskedNan &= isStrict;
    });
  }
}

FailureOr<KernelInfo> attn::gatherKernelInfo(ModuleOp planned, StringRef name) {
  KernelInfo info;
  info.name = cIdentifier(name);
  describeTarget(planned, info);
  for (SpecOp spec : planned.getOps<SpecOp>())
    info.specs.push_back(toText(spec));
  for (func::FuncOp function : planned.getOps<func::FuncOp>()) {
    if (function.isPrivate() || function.isExternal())
      continue;
    FailureOr<EntryInfo> entry = describeEntry(function);
    if (failed(entry))
      return failure();
    info.entries.push_back(*entry);
  }
  return info;
}

//===----------------------------------------------------------------------===//
// Workspace
//===----------------------------------------------------------------------===//

static WorkspaceInfo describeWorkspace(DictionaryAttr fields) {
  WorkspaceInfo info;
  auto number = [&](StringRef name) -> int64_t {
    auto value = fields.getAs<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  info.bytesPerThread = number("bytes_per_thread");
  info.bytesPerRecord = number("bytes_per_record");
  if (auto most = fields.getAs<StringAttr>("most_records"))
    info.mostRecords = most.str();
  if (auto buffer = fields.getAs<TypeAttr>("buffer")) {
    auto type = cast<MemRefType>(buffer.getValue());
    info.dtype = dtypeOf(type.getElementType()).str();
    info.shape.assign(type.getShape().begin(), type.getShape().end());
  }
  return info;
}

void attn::gatherWorkspace(ModuleOp lowered, KernelInfo &info) {
  for (EntryInfo &entry : info.entries)
    if (Operation *function = lowered.lookupSymbol(entry.name))
      if (auto all = function->getAttrOfType<ArrayAttr>("attn.workspace"))
        for (auto fields : all.getAsRange<DictionaryAttr>())
          entry.workspace.push_back(describeWorkspace(fields));
}

//===----------------------------------------------------------------------===//
// Several processors
//===----------------------------------------------------------------------===//

static VariantInfo variantOf(const KernelInfo &kernel) {
  VariantInfo variant;
  variant.name = StringRef(kernel.targetName).split(':').second.str();
  variant.features = kernel.features;
  variant.target = kernel.target;
  for (const EntryInfo &entry : kernel.entries) {
    variant.schedules.push_back(entry.schedules);
    variant.workspaces.push_back(entry.workspace);
  }
  return variant;
}

KernelInfo attn::mergeVariants(ArrayRef<KernelInfo> kernels, StringRef targetName) {
  KernelInfo merged = kernels.front();
  merged.targetName = targetName.str();
  for (const KernelInfo &kernel : kernels) {
    merged.variants.push_back(variantOf(kernel));
    llvm::erase_if(merged.features, [&](const std::string &feature) {
      return !llvm::is_contained(kernel.features, feature);
    });
  }
  return merged;
}
