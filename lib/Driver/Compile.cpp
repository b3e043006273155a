//===- Compile.cpp - an input in, an artefact out -------------------------===//

#include "attn/Driver/Compile.h"

#include "attn/Artifact/Bundle.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Planning/Transforms.h"
#include "attn/Rewrite/Transforms.h"
#include "attn/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::attn;

extern "C" const char attn_runtime_header[];

namespace {

/// One compilation, station by station.
class Compilation {
public:
  Compilation(Session &session, const CompileOptions &options)
      : session(session), options(options) {}

  /// To state `elaborated`; keeps its text, which defines what the kernel computes.
  Outcome elaborate();
  Outcome plan();
  Outcome tile();
  Outcome lower();
  /// What a call launches on a GPU, which only the lowered module says.
  Outcome findSteps();
  Outcome writeBundle(StringRef folder);
  FailureOr<std::string> serialize(OutputKind kind) {
    return target->serialize(session.module(), kind);
  }
  /// Whether it is for several processors; then only `writeVariants` may follow `elaborate`.
  bool hasVariants() const { return targets.size() > 1; }
  /// The way from `elaborated` to a bundle, once for each processor.
  Outcome writeVariants(StringRef folder);

  std::string definition, kernelName;
  KernelInfo info;

private:
  Session &session;
  const CompileOptions &options;
  std::vector<std::unique_ptr<Target>> targets;
  /// The one whose turn it is.
  Target *target = nullptr;

  InFlightDiagnostic emitError() { return mlir::emitError(UnknownLoc::get(session.context())); }
  Outcome step(function_ref<void(OpPassManager &)> build) { return session.run(build); }
  Outcome chooseSchedules(ModuleOp elaborated);
  Outcome addObject(BundleWriter &writer, StringRef object);
  /// The lowered module's.
  Outcome addObjects(BundleWriter &writer);
  Outcome addVariant(BundleWriter &writer, std::vector<Variant> &variants);
  Outcome addDispatcher(BundleWriter &writer, ArrayRef<Variant> variants);
  Outcome finish(BundleWriter &writer);
  std::vector<std::string> objectNames;
  Outcome fromError(llvm::Error error) {
    return error ? session.error(llvm::toString(std::move(error))) : Outcome::Success;
  }
};

} // namespace

/// Leaves the enclosing function at the first outcome that is no success.
#define RETURN_IF_BAD(expression)                                                                  \
  if (Outcome outcome = (expression); outcome != Outcome::Success)                                 \
  return outcome

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  os << "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Stations
//===----------------------------------------------------------------------===//

static std::string targetName(ModuleOp module, const CompileOptions &options) {
  if (!options.target.empty())
    return options.target;
  auto facts = module->getAttrOfType<TargetAttr>(targetAttrName);
  auto name = facts ? facts.getFields().getAs<StringAttr>("name") : StringAttr();
  return name ? name.str() : "cpu";
}

/// Cores and layers are written only for who asks for them, by role or by name.
static std::vector<std::string> elaboratedEntries(ArrayRef<std::string> wanted) {
  std::vector<std::string> entries = {"prefill", "decode", "append"};
  for (Entry entry :
       {Entry::PrefillCore, Entry::DecodeCore, Entry::LayerPrefill, Entry::LayerDecode}) {
    std::string role = stringifyEntry(entry).str(), suffix = "_" + role;
    std::replace(suffix.begin(), suffix.end(), '-', '_');
    if (llvm::any_of(wanted,
                     [&](StringRef name) { return name == role || name.ends_with(suffix); }))
      entries.push_back(role);
  }
  return entries;
}

Outcome Compilation::elaborate() {
  kernelName = session.kernelName();
  targets = createTargets(targetName(session.module(), options), [&] { return emitError(); });
  if (targets.empty())
    return Outcome::UserError;
  target = targets.front().get();
  if (!options.dtype.empty())
    RETURN_IF_BAD(session.setDtype(options.dtype));
  RETURN_IF_BAD(
      step([&](OpPassManager &pm) { buildElaboration(pm, elaboratedEntries(options.entries)); }));
  if (!options.entries.empty())
    RETURN_IF_BAD(session.keepEntries(options.entries));
  auto isEntry = [](func::FuncOp f) { return f.isPublic() && !f.isExternal(); };
  if (llvm::none_of(session.module().getOps<func::FuncOp>(), isEntry))
    return session.error("'" + options.input +
                         "': expected an attn.spec or a public function, "
                         "found none, so there is nothing to compile");
  definition = textOf(session.module());
  return Outcome::Success;
}

Outcome Compilation::chooseSchedules(ModuleOp elaborated) {
  PlannedKernel kernel{session, elaborated, *target};
  return options.chooseSchedules(kernel);
}

Outcome Compilation::plan() {
  OwningOpRef<ModuleOp> elaborated;
  if (options.chooseSchedules)
    elaborated = session.module().clone();
  RETURN_IF_BAD(
      step([&](OpPassManager &pm) { buildPlanning(pm, target->name(), options.exactMaximum); }));
  if (elaborated)
    RETURN_IF_BAD(chooseSchedules(*elaborated));
  FailureOr<KernelInfo> gathered = gatherKernelInfo(session.module(), kernelName);
  if (failed(gathered))
    return Outcome::UserError;
  info = *gathered;
  return Outcome::Success;
}

Outcome Compilation::tile() {
  return step([](OpPassManager &pm) { buildTiling(pm); });
}

Outcome Compilation::lower() {
  RETURN_IF_BAD(session.run([&](OpPassManager &pm) { buildLowering(pm, *target); },
                            /*verifyEach=*/false));
  for (EntryInfo &entry : info.entries)
    entry.steps = target->steps(session.module(), entry.name);
  gatherWorkspace(session.module(), info);
  return Outcome::Success;
}

Outcome Compilation::findSteps() {
  if (!info.isGpu)
    return Outcome::Success;
  OwningOpRef<ModuleOp> planned = session.module().clone();
  RETURN_IF_BAD(tile());
  RETURN_IF_BAD(lower());
  session.exchangeModule(std::move(planned));
  return Outcome::Success;
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

Outcome Compilation::addObject(BundleWriter &writer, StringRef object) {
  std::string name = "kernel" + std::to_string(objectNames.size()) + ".o";
  objectNames.push_back(name);
  return fromError(writer.add(name, object));
}

Outcome Compilation::addObjects(BundleWriter &writer) {
  FailureOr<std::vector<std::string>> objects = target->objects(session.module());
  if (failed(objects))
    return Outcome::InternalError;
  for (const std::string &object : *objects)
    RETURN_IF_BAD(addObject(writer, object));
  return Outcome::Success;
}

/// Links what was added, and writes what goes with the library.
Outcome Compilation::finish(BundleWriter &writer) {
  std::vector<std::string> paths;
  for (const std::string &name : objectNames)
    paths.push_back(writer.pathOf(name));
  if (failed(
          target->link(paths, writer.pathOf(libraryFileName(info)), [&] { return emitError(); })))
    return Outcome::UserError;
  for (const std::string &name : objectNames)
    writer.remove(name);
  RETURN_IF_BAD(fromError(writer.add(headerFileName(info), printHeader(info))));
  RETURN_IF_BAD(fromError(writer.add("attn_runtime.h", attn_runtime_header)));
  RETURN_IF_BAD(fromError(writer.add(definitionFileName(info), definition)));
  RETURN_IF_BAD(fromError(writer.add("manifest.json", printManifest(info))));
  return fromError(writer.commit());
}

Outcome Compilation::writeBundle(StringRef folder) {
  BundleWriter writer(folder);
  RETURN_IF_BAD(fromError(writer.begin()));
  RETURN_IF_BAD(addObjects(writer));
  return finish(writer);
}

//===----------------------------------------------------------------------===//
// Several processors
//===----------------------------------------------------------------------===//

/// The whole way for the processor whose turn it is.
Outcome Compilation::addVariant(BundleWriter &writer, std::vector<Variant> &variants) {
  RETURN_IF_BAD(plan());
  RETURN_IF_BAD(tile());
  RETURN_IF_BAD(lower());
  std::string name = StringRef(target->name()).split(':').second.str();
  variants.push_back({name, "." + name, llvm::join(info.features, ",")});
  renameEntries(session.module(), variants.back().suffix);
  return addObjects(writer);
}

Outcome Compilation::addDispatcher(BundleWriter &writer, ArrayRef<Variant> variants) {
  std::vector<std::string> entries;
  for (const EntryInfo &entry : info.entries)
    entries.push_back(entry.name);
  FailureOr<std::string> object =
      target->dispatcher(variants, entries, [&] { return emitError(); });
  return failed(object) ? Outcome::UserError : addObject(writer, *object);
}

Outcome Compilation::writeVariants(StringRef folder) {
  BundleWriter writer(folder);
  RETURN_IF_BAD(fromError(writer.begin()));
  OwningOpRef<ModuleOp> elaborated = session.module().clone();
  std::vector<Variant> variants;
  std::vector<KernelInfo> infos;
  for (const auto &each : targets) {
    target = each.get();
    session.exchangeModule(elaborated->clone());
    RETURN_IF_BAD(addVariant(writer, variants));
    infos.push_back(info);
  }
  info = mergeVariants(infos, targetName(*elaborated, options));
  RETURN_IF_BAD(addDispatcher(writer, variants));
  return finish(writer);
}

/// Text without a file goes to the stream, everything else to a file.
static Outcome writeText(Session &session, const CompileOptions &options, StringRef text,
                         raw_ostream &out) {
  if (options.output.empty() || options.output == "-") {
    out << text;
    return Outcome::Success;
  }
  llvm::Error error = writeFile(options.output, text);
  return error ? session.error(llvm::toString(std::move(error))) : Outcome::Success;
}

static Outcome writeMachineCode(Session &session, Compilation &compilation,
                                const CompileOptions &options, raw_ostream &out) {
  OutputKind kind = *options.emit == Emit::LLVM ? OutputKind::LLVMIR
                    : *options.emit == Emit::Asm || *options.emit == Emit::Ptx
                        ? OutputKind::Assembly
                    : *options.emit == Emit::Cubin ? OutputKind::DeviceCode
                                                   : OutputKind::Object;
  FailureOr<std::string> text = compilation.serialize(kind);
  if (failed(text))
    return Outcome::InternalError;
  CompileOptions named = options;
  if (kind == OutputKind::DeviceCode && named.output.empty())
    named.output = compilation.kernelName + ".cubin";
  if (kind == OutputKind::Object && named.output.empty())
    named.output = compilation.kernelName + ".o";
  return writeText(session, named, *text, out);
}

static void report(Session &session, const Compilation &compilation, const CompileOptions &options,
                   raw_ostream &out) {
  if (options.reportJson)
    printReportJson(out, session.module(), compilation.info, options.reportSizes);
  else if (options.report)
    printReport(out, session.module(), compilation.info, options.reportSizes);
}

static bool wantsReport(const CompileOptions &options) {
  return options.report || options.reportJson;
}

static std::string bundleFolder(const Compilation &compilation, const CompileOptions &options) {
  return options.output.empty() ? compilation.kernelName + ".bundle" : options.output;
}

/// Several processors: a bundle, or what does not depend on them.
static Outcome compileVariants(Session &session, Compilation &compilation,
                               const CompileOptions &options, Emit emit, raw_ostream &out) {
  if (emit == Emit::Attn && !wantsReport(options))
    return writeText(session, options, compilation.definition, out);
  if (options.chooseSchedules)
    return session.error("--tune and --use-tuned expect one processor in --target, found several "
                         "in '" +
                         options.target + "'");
  if (emit != Emit::Bundle || wantsReport(options))
    return session.error("expected one processor in --target with --report or --emit, found "
                         "several in '" +
                         options.target + "'; only a bundle can carry them");
  return compilation.writeVariants(bundleFolder(compilation, options));
}

static Outcome compileFrom(Session &session, const CompileOptions &options, raw_ostream &out) {
  if (options.strict)
    session.module()->setAttr(strictAttrName, UnitAttr::get(session.context()));
  Compilation compilation(session, options);
  bool onlyReport = wantsReport(options) && !options.emit && options.output.empty();
  Emit emit = options.emit.value_or(Emit::Bundle);
  RETURN_IF_BAD(compilation.elaborate());
  if (compilation.hasVariants())
    return compileVariants(session, compilation, options, emit, out);
  if ((emit == Emit::Ptx || emit == Emit::Cubin) && !StringRef(options.target).starts_with("sm_"))
    return session.error(
        "--emit=ptx and --emit=cubin need a GPU, --target=sm_90a; found " +
        (options.target.empty() ? "this machine's processor" : "'" + options.target + "'"));
  if (emit == Emit::Attn && !wantsReport(options))
    return writeText(session, options, compilation.definition, out);
  RETURN_IF_BAD(compilation.plan());
  if (wantsReport(options))
    RETURN_IF_BAD(compilation.findSteps());
  report(session, compilation, options, out);
  if (onlyReport)
    return Outcome::Success;
  if (emit == Emit::Attn)
    return writeText(session, options, compilation.definition, out);
  if (emit == Emit::Planned)
    return writeText(session, options, textOf(session.module()), out);
  RETURN_IF_BAD(compilation.tile());
  if (emit == Emit::Tiled)
    return writeText(session, options, textOf(session.module()), out);
  RETURN_IF_BAD(compilation.lower());
  return emit == Emit::Bundle ? compilation.writeBundle(bundleFolder(compilation, options))
                              : writeMachineCode(session, compilation, options, out);
}

/// A report and emitted text in one stream could not be told apart.
static bool sharesStream(const CompileOptions &options) {
  bool isText = options.emit && *options.emit != Emit::Bundle && *options.emit != Emit::Obj &&
                *options.emit != Emit::Cubin;
  return wantsReport(options) && isText && (options.output.empty() || options.output == "-");
}

Outcome attn::compile(const CompileOptions &options, raw_ostream &out, raw_ostream &diagnostics) {
  Session session(diagnostics);
  session.setReproducerPath(options.reproducer);
  if (options.remarks)
    session.showRemarks();
  if (sharesStream(options))
    return session.error("--report and --emit would both write to standard output; "
                         "give the emitted text a file with -o");
  RETURN_IF_BAD(session.load(options.input));
  return compileFrom(session, options, out);
}

Outcome attn::compileBundle(Session &session, const CompileOptions &options, StringRef folder) {
  Compilation compilation(session, options);
  RETURN_IF_BAD(compilation.elaborate());
  if (compilation.hasVariants())
    return compilation.writeVariants(folder);
  RETURN_IF_BAD(compilation.plan());
  RETURN_IF_BAD(compilation.tile());
  RETURN_IF_BAD(compilation.lower());
  return compilation.writeBundle(folder);
}
