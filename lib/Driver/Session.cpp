//===- Session.cpp - reads an input and prepares its module ---------------===//

#include "attn/Driver/Session.h"

#include "Diagnostics.h"
#include "ElementType.h"

#include "attn/Artifact/KernelInfo.h"
#include "attn/Driver/Options.h"
#include "attn/Frontend/ImportHFConfig.h"
#include "attn/IR/AttnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::attn;

static DialectRegistry everyDialect() {
  DialectRegistry registry;
  registry.insert<AttnDialect>();
  registerAllDialects(registry);
  registerAllExtensions(registry);
  return registry;
}

Session::Session(raw_ostream &os)
    // One thread: a crash is only caught, and blamed on its pass, in the thread that started it.
    : contextOwner(std::make_unique<MLIRContext>(everyDialect(), MLIRContext::Threading::DISABLED)),
      diagnostics(std::make_unique<Diagnostics>(contextOwner.get(), os)) {}

Session::~Session() = default;

MLIRContext *Session::context() { return contextOwner.get(); }
ModuleOp Session::module() { return *moduleOwner; }
unsigned Session::errorCount() const { return diagnostics->errors; }
void Session::showRemarks() { diagnostics->showRemarks = true; }

Outcome Session::error(const Twine &message) {
  ++diagnostics->errors;
  diagnostics->os << "error: " << message << "\n";
  return Outcome::UserError;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Outcome Session::load(StringRef path) {
  inputPath = path.str();
  if (path != "-" && !llvm::sys::fs::exists(path))
    return error("cannot read '" + path + "': no such file");
  StringRef extension = llvm::sys::path::extension(path);
  if (extension == ".onnx")
    return error("'" + path +
                 "': ONNX models cannot be read yet; hand over a .mlir file with an "
                 "attn.spec, or a Hugging Face config.json");
  if (path != "-" && extension != ".mlir" && extension != ".json")
    return error("'" + path + "': expected a .mlir or .json file, found extension '" + extension +
                 "'");
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path, /*IsText=*/true);
  if (!buffer)
    return error("cannot read '" + path + "': " + buffer.getError().message());
  return parse(std::move(*buffer), extension == ".json");
}

Outcome Session::parse(std::unique_ptr<llvm::MemoryBuffer> buffer, bool isConfig) {
  llvm::MemoryBufferRef reference = buffer->getMemBufferRef();
  diagnostics->sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  moduleOwner = isConfig ? importHFConfig(context(), reference)
                         : parseSourceFile<ModuleOp>(diagnostics->sources, context());
  if (moduleOwner)
    return Outcome::Success;
  return diagnostics->errors ? Outcome::UserError : Outcome::InternalError;
}

std::string Session::kernelName() {
  if (auto model = module()->getAttrOfType<StringAttr>("attn.model"))
    return cIdentifier(model.getValue());
  auto specs = llvm::to_vector(module().getOps<SpecOp>());
  if (specs.size() == 1)
    return cIdentifier(specs.front().getSymName());
  StringRef stem = llvm::sys::path::stem(inputPath);
  return cIdentifier(stem == "-" ? "kernel" : stem);
}

//===----------------------------------------------------------------------===//
// Choices a command line makes
//===----------------------------------------------------------------------===//

static Type elementTypeOf(MLIRContext *context, StringRef dtype) {
  if (dtype == "bf16")
    return BFloat16Type::get(context);
  return dtype == "f16" ? Type(Float16Type::get(context)) : Type(Float32Type::get(context));
}

Outcome Session::setDtype(StringRef dtype) {
  Type element = elementTypeOf(context(), dtype);
  for (SpecOp spec : module().getOps<SpecOp>())
    spec.setDtypeAttr(TypeAttr::get(element));
  for (func::FuncOp function : module().getOps<func::FuncOp>())
    if (failed(setElementType(function, element))) {
      function.emitError() << "--dtype=" << dtype
                           << " does not fit this function; change its types";
      return Outcome::UserError;
    }
  return Outcome::Success;
}

static StringRef roleOf(func::FuncOp function) {
  auto role = function->getAttrOfType<StringAttr>("attn.entry");
  return role ? role.getValue() : StringRef();
}

Outcome Session::keepEntries(ArrayRef<std::string> entries) {
  SmallVector<func::FuncOp> dropped;
  std::vector<std::string> known;
  llvm::SmallBitVector used(entries.size());
  for (func::FuncOp function : module().getOps<func::FuncOp>()) {
    if (function.isPrivate())
      continue;
    bool kept = false;
    for (auto [i, wanted] : llvm::enumerate(entries))
      if (wanted == function.getSymName() || wanted == roleOf(function)) {
        used.set(i);
        kept = true;
      }
    known.push_back(function.getSymName().str());
    if (!roleOf(function).empty() && !llvm::is_contained(known, roleOf(function)))
      known.push_back(roleOf(function).str());
    if (!kept)
      dropped.push_back(function);
  }
  int unused = used.find_first_unset();
  if (unused >= 0)
    return error("--entry: expected one of " + llvm::join(known, ", ") + ", found '" +
                 entries[unused] + "'" + suggestion(entries[unused], known));
  for (func::FuncOp function : dropped)
    function.erase();
  return Outcome::Success;
}
