//===- Serialize.cpp - PTX, machine code, and the host's library -------------===//
#include "TargetInfo.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
class NVGPUTarget final : public Target {
public:
  explicit NVGPUTarget(StringRef architecture)
      : architecture(architecture.str()), machine(createPTXMachine(architecture)) {}

  bool isValid() const { return machine != nullptr; }
  std::string name() const override { return architecture; }
  TargetAttr facts(MLIRContext *context) const override {
    return describeGPU(context, architecture);
  }
  void buildLowering(OpPassManager &pm) const override { buildNVGPULowering(pm); }
  FailureOr<std::string> serialize(ModuleOp module, OutputKind kind) const override;
  LogicalResult link(StringRef object, StringRef library,
                     function_ref<InFlightDiagnostic()> emitError) const override;

private:
  std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) const;
  FailureOr<std::string> assemble(ModuleOp module, StringRef ptx) const;
  FailureOr<std::string> hostObject(ModuleOp module, StringRef image) const;

  std::string architecture;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// A file that is gone at the end.
struct TemporaryFile {
  explicit TemporaryFile(StringRef ending) {
    failed = static_cast<bool>(llvm::sys::fs::createTemporaryFile("attn", ending, path));
  }
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
  bool write(StringRef text) {
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    os << text;
    os.close();
    bool bad = code || os.has_error();
    os.clear_error();
    return !bad;
  }
  std::string read() const {
    auto buffer =
        llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  SmallString<128> path;
  bool failed = false;
};
} // namespace

static bool emitFile(llvm::TargetMachine &machine, llvm::Module &module, llvm::CodeGenFileType type,
                     std::string &out) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager pm;
  if (machine.addPassesToEmitFile(pm, stream, nullptr, type))
    return false;
  pm.run(module);
  out.assign(buffer.begin(), buffer.end());
  return true;
}

std::unique_ptr<llvm::Module> NVGPUTarget::translate(ModuleOp module,
                                                     llvm::LLVMContext &context) const {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerNVVMDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> result = translateModuleToLLVMIR(module, context, "attn");
  if (!result) {
    module.emitError("internal: the lowered module does not translate to LLVM IR");
    return nullptr;
  }
  result->setTargetTriple(machine->getTargetTriple());
  result->setDataLayout(machine->createDataLayout());
  return result;
}

FailureOr<std::string> NVGPUTarget::serialize(ModuleOp module, OutputKind kind) const {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translate(module, context);
  if (!translated)
    return failure();
  std::string text;
  if (kind == OutputKind::LLVMIR) {
    llvm::raw_string_ostream stream(text);
    translated->print(stream, nullptr);
    return text;
  }
  if (!emitFile(*machine, *translated, llvm::CodeGenFileType::AssemblyFile, text))
    return module.emitError("internal: the back end cannot write PTX");
  if (kind == OutputKind::Assembly)
    return text;
  FailureOr<std::string> image = assemble(module, text);
  if (failed(image) || kind == OutputKind::DeviceCode)
    return image;
  return hostObject(module, *image);
}

//===----------------------------------------------------------------------===//
// Machine code
//===----------------------------------------------------------------------===//

/// Remarks that mean a slow kernel: products one after the other (C75xx), or a lost role (C76xx);
/// spills.
static bool isSlow(StringRef log) {
  for (StringRef sign : {"(C75", "(C76", "setmaxnreg"})
    if (log.contains(sign))
      return true;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  return llvm::any_of(lines, [](StringRef line) {
    return line.contains("spill stores") && !line.contains(" 0 bytes spill stores");
  });
}

FailureOr<std::string> NVGPUTarget::assemble(ModuleOp module, StringRef ptx) const {
  std::string ptxas = findPtxas();
  if (ptxas.empty())
    return module.emitError("no ptxas found (looked at PTXAS, CUDA_HOME, the path and "
                            "/usr/local/cuda/bin); install the CUDA toolkit's "
                            "compiler, or take --emit=ptx");
  TemporaryFile source("ptx"), image("cubin"), log("log");
  if (source.failed || image.failed || log.failed || !source.write(ptx))
    return module.emitError("cannot write temporary files for ptxas");
  StringRef args[] = {ptxas, "-v", "-O3", "-arch", architecture, source.path, "-o", image.path};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log.path), StringRef(log.path)};
  std::string message;
  int code = llvm::sys::ExecuteAndWait(ptxas, args, std::nullopt, redirects, 0, 0, &message);
  std::string text = log.read();
  if (code != 0)
    return module.emitError("internal: ptxas refused the kernel: ") << message << text;
  if (isSlow(text))
    mlir::emitWarning(module.getLoc(),
                      "ptxas reports a kernel that will be slow; choose smaller tiles: ")
        << text;
  return image.read();
}

//===----------------------------------------------------------------------===//
// The host's part: one function per entry around attn_gpu_run
//===----------------------------------------------------------------------===//

static std::string quoted(StringRef bytes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::printEscapedString(bytes, os);
  return text;
}

static void printEntry(raw_ostream &os, DictionaryAttr entry, size_t number) {
  StringRef name = entry.getAs<StringAttr>("name").getValue(),
            kernel = entry.getAs<StringAttr>("kernel").getValue();
  ArrayRef<int64_t> numbers = entry.getAs<DenseI64ArrayAttr>("numbers").asArrayRef();
  os << "@entry" << number << " = private constant [" << numbers.size() << " x i64] [";
  llvm::interleaveComma(numbers, os, [&](int64_t n) { os << "i64 " << n; });
  os << "]\n@state" << number << " = private global [4 x i64] zeroinitializer\n@name" << number
     << " = private constant [" << kernel.size() + 1 << " x i8] c\"" << kernel << "\\00\"\n"
     << "define i32 @\"" << name
     << "\"(ptr %args, i64 %count, ptr %stream) {\n  %code = tail call i32 @attn_gpu_run(ptr @entry"
     << number << ", ptr @state" << number << ", ptr @image, ptr @name" << number
     << ", ptr %args, i64 %count, ptr %stream)\n  ret i32 %code\n}\n";
}

static std::string hostText(ArrayAttr entries, StringRef image) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "@image = private constant [" << image.size() << " x i8] c\"" << quoted(image)
     << "\", align 64\n"
     << "declare i32 @attn_gpu_run(ptr, ptr, ptr, ptr, ptr, i64, ptr)\n";
  for (auto [i, entry] : llvm::enumerate(entries.getAsRange<DictionaryAttr>()))
    printEntry(os, entry, i);
  return text;
}

static std::unique_ptr<llvm::TargetMachine> createHostMachine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::string error;
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  const llvm::Target *backEnd = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backEnd)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      backEnd->createTargetMachine(triple, "", "", llvm::TargetOptions(), llvm::Reloc::PIC_));
}

FailureOr<std::string> NVGPUTarget::hostObject(ModuleOp module, StringRef image) const {
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  std::unique_ptr<llvm::TargetMachine> host = createHostMachine();
  std::unique_ptr<llvm::Module> parsed = llvm::parseAssemblyString(
      hostText(module->getAttrOfType<ArrayAttr>(gpuEntriesAttrName), image), problem, context);
  if (!host || !parsed)
    return module.emitError("internal: cannot build the host's part of the bundle: ")
           << problem.getMessage();
  parsed->setTargetTriple(host->getTargetTriple());
  parsed->setDataLayout(host->createDataLayout());
  std::string out;
  if (!emitFile(*host, *parsed, llvm::CodeGenFileType::ObjectFile, out))
    return module.emitError("internal: the host's back end cannot write an object");
  return out;
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

static std::string findLinker() {
  for (const char *name : {"ld.lld", "ld.lld-22"})
    if (auto path = llvm::sys::findProgramByName(name, {ATTN_LLVM_TOOLS_DIR}))
      return *path;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return "";
}

/// Beside this program when installed, else in the build folder.
static std::string findRuntime() {
  void *here = reinterpret_cast<void *>(&findLinker);
  SmallString<256> path(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, here)));
  llvm::sys::path::append(path, "..", "lib", "libAttnRuntimeGPU.a");
  return llvm::sys::fs::exists(path) ? path.str().str() : ATTN_RUNTIME_GPU;
}

LogicalResult NVGPUTarget::link(StringRef object, StringRef library,
                                function_ref<InFlightDiagnostic()> emitError) const {
  std::string linker = findLinker(), runtime = findRuntime();
  if (linker.empty())
    return emitError() << "no linker found; install lld-22";
  TemporaryFile log("log");
  std::string soname = llvm::sys::path::filename(library).str(), message;
  StringRef args[] = {linker,
                      "-shared",
                      "--hash-style=gnu",
                      "--build-id=none",
                      "--exclude-libs=ALL",
                      "-soname",
                      soname,
                      "-o",
                      library,
                      object,
                      runtime};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log.path), StringRef(log.path)};
  if (llvm::sys::ExecuteAndWait(linker, args, std::nullopt, redirects, 0, 0, &message) == 0)
    return success();
  return emitError() << "linking " << library << " failed: " << message << log.read();
}

void attn::registerNVGPUTargets() {
  registerTarget("sm_90a",
                 [](StringRef variant,
                    function_ref<InFlightDiagnostic()> emitError) -> std::unique_ptr<Target> {
                   if (!variant.empty()) {
                     emitError() << "target 'sm_90a' has no variants, found '" << variant << "'";
                     return nullptr;
                   }
                   auto target = std::make_unique<NVGPUTarget>("sm_90a");
                   if (target->isValid())
                     return target;
                   emitError() << "this build of LLVM has no back end for NVIDIA GPUs";
                   return nullptr;
                 });
}
