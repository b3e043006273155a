//===- Compile.cpp - an input in, an artefact out -------------------------===//

#include "attn/Driver/Compile.h"

#include "attn/Artifact/Bundle.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Planning/Transforms.h"
#include "attn/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
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
  Outcome writeBundle(StringRef folder);
  FailureOr<std::string> serialize(OutputKind kind) {
    return target->serialize(session.module(), kind);
  }

  std::string definition, kernelName;
  KernelInfo info;

private:
  Session &session;
  const CompileOptions &options;
  std::unique_ptr<Target> target;

  InFlightDiagnostic emitError() { return mlir::emitError(UnknownLoc::get(session.context())); }
  Outcome step(function_ref<void(OpPassManager &)> build) { return session.run(build); }
  Outcome fillStaging(BundleWriter &writer);
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

/// A layer is written only for who asks for it, by its role or by its name.
static std::vector<std::string> elaboratedEntries(ArrayRef<std::string> wanted) {
  std::vector<std::string> entries = {"prefill", "decode", "append"};
  for (auto [role, suffix] :
       {std::pair("layer-prefill", "_layer_prefill"), std::pair("layer-decode", "_layer_decode")})
    if (llvm::any_of(wanted, [role = role, suffix = suffix](StringRef name) {
          return name == role || name.ends_with(suffix);
        }))
      entries.push_back(role);
  return entries;
}

Outcome Compilation::elaborate() {
  kernelName = session.kernelName();
  target = createTarget(targetName(session.module(), options), [&] { return emitError(); });
  if (!target)
    return Outcome::UserError;
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

Outcome Compilation::plan() {
  RETURN_IF_BAD(step([&](OpPassManager &pm) { buildPlanning(pm, target->name(), options.exactMaximum); }));
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
  return step([&](OpPassManager &pm) { buildLowering(pm, *target); });
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

Outcome Compilation::fillStaging(BundleWriter &writer) {
  FailureOr<std::string> object = serialize(OutputKind::Object);
  if (failed(object))
    return Outcome::InternalError;
  const std::string objectName = "kernel.o";
  RETURN_IF_BAD(fromError(writer.add(objectName, *object)));
  if (failed(target->link(writer.pathOf(objectName), writer.pathOf(libraryFileName(info)),
                          [&] { return emitError(); })))
    return Outcome::UserError;
  writer.remove(objectName);
  RETURN_IF_BAD(fromError(writer.add(headerFileName(info), printHeader(info))));
  RETURN_IF_BAD(fromError(writer.add("attn_runtime.h", attn_runtime_header)));
  RETURN_IF_BAD(fromError(writer.add(definitionFileName(info), definition)));
  return fromError(writer.add("manifest.json", printManifest(info)));
}

Outcome Compilation::writeBundle(StringRef folder) {
  BundleWriter writer(folder);
  RETURN_IF_BAD(fromError(writer.begin()));
  RETURN_IF_BAD(fillStaging(writer));
  return fromError(writer.commit());
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

static Outcome writeBundleTo(Compilation &compilation, const CompileOptions &options) {
  return compilation.writeBundle(options.output.empty() ? compilation.kernelName + ".bundle"
                                                        : options.output);
}

static Outcome compileFrom(Session &session, const CompileOptions &options, raw_ostream &out) {
  if (options.strict)
    session.module()->setAttr(strictAttrName, UnitAttr::get(session.context()));
  Compilation compilation(session, options);
  bool onlyReport = wantsReport(options) && !options.emit && options.output.empty();
  Emit emit = options.emit.value_or(Emit::Bundle);
  RETURN_IF_BAD(compilation.elaborate());
  if ((emit == Emit::Ptx || emit == Emit::Cubin) && !StringRef(options.target).starts_with("sm_"))
    return session.error(
        "--emit=ptx and --emit=cubin need a GPU, --target=sm_90a; found " +
        (options.target.empty() ? "this machine's processor" : "'" + options.target + "'"));
  if (emit == Emit::Attn && !wantsReport(options))
    return writeText(session, options, compilation.definition, out);
  RETURN_IF_BAD(compilation.plan());
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
  return emit == Emit::Bundle ? writeBundleTo(compilation, options)
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
  RETURN_IF_BAD(compilation.plan());
  RETURN_IF_BAD(compilation.tile());
  RETURN_IF_BAD(compilation.lower());
  return compilation.writeBundle(folder);
}
