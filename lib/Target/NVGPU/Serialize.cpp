//===- Serialize.cpp - PTX, machine code, and the host's library -------------===//
#include "Lowering.h"
#include "TargetInfo.h"
#include "attn/Target/MachineCode.h"
#include "attn/Target/ModuleParts.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
class NVGPUTarget final : public Target {
public:
  explicit NVGPUTarget(const Architecture &architecture)
      : architecture(architecture), machine(createPTXMachine(architecture)) {}

  bool isValid() const { return machine != nullptr; }
  std::string name() const override { return architecture.name.str(); }
  TargetAttr facts(MLIRContext *context) const override {
    return describeGPU(context, architecture);
  }
  void buildLowering(OpPassManager &pm) const override { buildNVGPULowering(pm); }
  FailureOr<std::string> serialize(ModuleOp module, OutputKind kind) const override;
  std::vector<std::string> steps(ModuleOp lowered, StringRef entry) const override;
  LogicalResult link(ArrayRef<std::string> objects, StringRef library,
                     function_ref<InFlightDiagnostic()> emitError) const override;

private:
  std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) const;
  FailureOr<std::string> writePtx(llvm::Module &module) const;
  FailureOr<std::string> assemble(ModuleOp module, StringRef ptx) const;
  FailureOr<std::string> hostObject(ModuleOp module, StringRef image, StringRef ptx) const;

  const Architecture &architecture;
  std::unique_ptr<llvm::TargetMachine> machine;
};
} // namespace

std::unique_ptr<llvm::Module> NVGPUTarget::translate(ModuleOp module,
                                                     llvm::LLVMContext &context) const {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerNVVMDialectTranslation(*module.getContext());
  return translateLowered(module, context, *machine);
}

FailureOr<std::string> NVGPUTarget::serialize(ModuleOp module, OutputKind kind) const {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translate(module, context);
  if (!translated)
    return failure();
  if (kind == OutputKind::LLVMIR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    translated->print(stream, nullptr);
    return text;
  }
  FailureOr<std::string> text = writePtx(*translated);
  if (failed(text))
    return module.emitError("internal: the back end cannot write PTX");
  if (kind == OutputKind::Assembly)
    return text;
  FailureOr<std::string> image = assemble(module, *text);
  if (failed(image) || kind == OutputKind::DeviceCode)
    return image;
  return hostObject(module, *image, architecture.isSpecific ? StringRef() : StringRef(*text));
}

/// Entries without a program of the host are one attention.
std::vector<std::string> NVGPUTarget::steps(ModuleOp lowered, StringRef entry) const {
  auto programs = lowered.lookupSymbol<ModuleOp>(hostModuleName);
  auto program = programs ? programs.lookupSymbol<LLVM::LLVMFuncOp>(entry) : LLVM::LLVMFuncOp();
  if (!program)
    return {"attention"};
  std::vector<std::string> names;
  for (auto name : program->getAttrOfType<ArrayAttr>(stepsAttrName).getAsRange<StringAttr>())
    names.push_back(name.str());
  return names;
}

//===----------------------------------------------------------------------===//
// PTX, of several kernels at a time
//===----------------------------------------------------------------------===//

/// Enough for the cores of a workstation; every part costs a millisecond or two.
static constexpr size_t mostParts = 8;

static bool isKernel(const llvm::GlobalValue &value) {
  auto *function = dyn_cast<llvm::Function>(&value);
  return function && !function->isDeclaration() && !function->hasLocalLinkage();
}

/// One text: what stands in front of the kernels, each line once, and then the kernels in the order
/// of the parts.
static std::string joinPtx(ArrayRef<std::string> parts) {
  std::string head, kernels;
  llvm::StringSet<> known;
  for (StringRef part : parts) {
    size_t first = part.find("\n.visible ");
    SmallVector<StringRef> lines;
    part.take_front(first).split(lines, '\n');
    for (StringRef line : lines)
      if (kernels.empty() || (line.starts_with(".") && !known.contains(line)))
        head += (line + "\n").str();
    known.insert_range(lines);
    if (first != StringRef::npos)
      kernels += part.drop_front(first);
  }
  return head + kernels;
}

namespace {
/// LLVM's rewriting of multiplications into sums takes two fifths of the way to PTX, and ptxas
/// makes the same instructions without it (benchmarks/notes-hopper.md).
class WithoutStrengthReduction final : public llvm::OptPassGate {
public:
  bool isEnabled() const override { return true; }
  bool shouldRunPass(StringRef pass, StringRef) const override { return pass != "slsr"; }
};
} // namespace

FailureOr<std::string> NVGPUTarget::writePtx(llvm::Module &module) const {
  SmallVector<FunctionGroup> kernels;
  for (llvm::Function &function : module)
    if (isKernel(function))
      kernels.push_back({&function});
  std::vector<std::string> parts =
      splitModule(module, joinGroups(kernels, mostParts, /*inOrder=*/true),
                  [](const llvm::GlobalValue &value) { return !isKernel(value); });
  WithoutStrengthReduction gate;
  std::vector<std::string> texts = compileParts(parts, [&](llvm::Module &part) {
    part.getContext().setOptPassGate(gate);
    std::unique_ptr<llvm::TargetMachine> own = createPTXMachine(architecture);
    return emitMachineCode(part, *own, llvm::CodeGenFileType::AssemblyFile).value_or("");
  });
  if (texts.empty() || llvm::is_contained(texts, ""))
    return failure();
  return joinPtx(texts);
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
  TemporaryFile source("ptx"), image("cubin");
  if (!source.isValid() || !image.isValid() || !source.write(ptx))
    return module.emitError("cannot write temporary files for ptxas");
  // Kernels in as many threads as there are processors; their code is the same for any number.
  StringRef args[] = {"-split-compile=0", "-v",          "-O3", "-arch",
                      architecture.name,  source.path(), "-o",  image.path()};
  std::string text;
  int code = runProgram(ptxas, args, text);
  if (code != 0 && StringRef(text).contains("Unknown option")) {
    // Before CUDA 12.
    text.clear();
    code = runProgram(ptxas, ArrayRef(args).drop_front(), text);
  }
  if (code != 0)
    return module.emitError("internal: ptxas refused the kernel: ") << text;
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
     << number << ", ptr @state" << number << ", ptr @" << imagesName << ", ptr @name" << number
     << ", ptr %args, i64 %count, ptr %stream)\n  ret i32 %code\n}\n";
}

static void printBytes(raw_ostream &os, StringRef name, StringRef bytes) {
  os << "@" << name << " = private constant [" << bytes.size() << " x i8] c\"" << quoted(bytes)
     << "\", align 64\n";
}

/// `attn_gpu_images` and the functions around attn_gpu_run. `ptx`: empty for kernels of one
/// capability alone.
static std::string hostText(ArrayAttr entries, int64_t capability, StringRef image,
                            std::string ptx) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printBytes(os, "image", image);
  if (!ptx.empty())
    printBytes(os, "ptx", ptx += '\0');
  os << "@" << imagesName << " = hidden constant {i64, ptr, ptr} {i64 " << capability
     << ", ptr @image, ptr " << (ptx.empty() ? "null" : "@ptx") << "}\n"
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

/// Adds the host's programs of entries with several kernels.
static LogicalResult linkPrograms(ModuleOp module, llvm::Module &into, llvm::TargetMachine &host) {
  auto programs = module.lookupSymbol<ModuleOp>(hostModuleName);
  if (!programs)
    return success();
  std::unique_ptr<llvm::Module> translated = translateLowered(programs, into.getContext(), host);
  return failure(!translated || llvm::Linker::linkModules(into, std::move(translated)));
}

FailureOr<std::string> NVGPUTarget::hostObject(ModuleOp module, StringRef image,
                                               StringRef ptx) const {
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  std::unique_ptr<llvm::TargetMachine> host = createHostMachine();
  std::unique_ptr<llvm::Module> parsed =
      llvm::parseAssemblyString(hostText(module->getAttrOfType<ArrayAttr>(gpuEntriesAttrName),
                                         architecture.capability, image, ptx.str()),
                                problem, context);
  if (!host || !parsed)
    return module.emitError("internal: cannot build the host's part of the bundle: ")
           << problem.getMessage();
  parsed->setTargetTriple(host->getTargetTriple());
  parsed->setDataLayout(host->createDataLayout());
  if (failed(linkPrograms(module, *parsed, *host)))
    return module.emitError("internal: cannot link the host's programs");
  FailureOr<std::string> out = emitMachineCode(*parsed, *host, llvm::CodeGenFileType::ObjectFile);
  if (failed(out))
    return module.emitError("internal: the host's back end cannot write an object");
  return out;
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

LogicalResult NVGPUTarget::link(ArrayRef<std::string> objects, StringRef library,
                                function_ref<InFlightDiagnostic()> emitError) const {
  std::string runtime = findRuntimeLibrary("libAttnRuntimeGPU.a", ATTN_RUNTIME_GPU);
  SmallVector<StringRef> inputs = {"--exclude-libs=ALL"};
  inputs.append(objects.begin(), objects.end());
  inputs.push_back(runtime);
  return linkSharedLibrary(inputs, library, "", emitError);
}

static void registerArchitecture(const Architecture &architecture) {
  registerTarget(architecture.name,
                 [&architecture](StringRef variant, function_ref<InFlightDiagnostic()> emitError)
                     -> std::unique_ptr<Target> {
                   if (!variant.empty()) {
                     emitError() << "target '" << architecture.name << "' has no variants, found '"
                                 << variant << "'";
                     return nullptr;
                   }
                   auto target = std::make_unique<NVGPUTarget>(architecture);
                   if (target->isValid())
                     return target;
                   emitError() << "this build of LLVM has no back end for NVIDIA GPUs";
                   return nullptr;
                 });
}

void attn::registerNVGPUTargets() {
  for (const Architecture &architecture : knownArchitectures())
    registerArchitecture(architecture);
}
