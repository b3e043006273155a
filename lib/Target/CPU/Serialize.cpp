//===- Serialize.cpp - LLVM IR, assembly, objects and shared libraries -------===//
#include "TargetInfo.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
class CPUTarget final : public Target {
public:
  CPUTarget(StringRef variant, Processor processor)
      : spelling(variant.empty() ? "cpu" : "cpu:" + variant.str()), processor(std::move(processor)),
        machine(createMachine(this->processor)) {}

  bool isValid() const { return machine != nullptr; }
  std::string name() const override { return spelling; }
  TargetAttr facts(MLIRContext *context) const override {
    return describeProcessor(context, spelling, processor, *machine);
  }
  void buildLowering(OpPassManager &pm) const override { buildCPULowering(pm); }
  FailureOr<std::string> serialize(ModuleOp module, OutputKind kind) const override;
  LogicalResult link(StringRef object, StringRef library,
                     function_ref<InFlightDiagnostic()> emitError) const override;

private:
  std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) const;
  void optimize(llvm::Module &module) const;
  bool emit(llvm::Module &module, llvm::CodeGenFileType type, std::string &out) const;

  std::string spelling;
  Processor processor;
  std::unique_ptr<llvm::TargetMachine> machine;
};
} // namespace

//===----------------------------------------------------------------------===//
// LLVM IR and code
//===----------------------------------------------------------------------===//

/// Without these attributes LLVM splits 512-bit vectors on cores it deems better at 256 bits.
static void keepWideVectors(llvm::Module &module, int64_t lanes) {
  if (lanes < 16)
    return;
  for (llvm::Function &function : module) {
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
}

std::unique_ptr<llvm::Module> CPUTarget::translate(ModuleOp module,
                                                   llvm::LLVMContext &context) const {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerOpenMPDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> result = translateModuleToLLVMIR(module, context, "attn");
  if (!result) {
    module.emitError("internal: the lowered module does not translate to LLVM IR");
    return nullptr;
  }
  result->setTargetTriple(llvm::Triple(processor.triple));
  result->setDataLayout(machine->createDataLayout());
  keepWideVectors(*result, facts(module.getContext()).getInt("lanes"));
  return result;
}

void CPUTarget::optimize(llvm::Module &module) const {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

bool CPUTarget::emit(llvm::Module &module, llvm::CodeGenFileType type, std::string &out) const {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager pm;
  if (machine->addPassesToEmitFile(pm, stream, nullptr, type))
    return false;
  pm.run(module);
  out.assign(buffer.begin(), buffer.end());
  return true;
}

FailureOr<std::string> CPUTarget::serialize(ModuleOp module, OutputKind kind) const {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translate(module, context);
  if (!translated)
    return failure();
  optimize(*translated);
  std::string out;
  if (kind == OutputKind::LLVMIR) {
    llvm::raw_string_ostream stream(out);
    translated->print(stream, nullptr);
    return out;
  }
  auto type = kind == OutputKind::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                           : llvm::CodeGenFileType::ObjectFile;
  if (!emit(*translated, type, out)) {
    module.emitError("internal: the back end cannot write this file type");
    return failure();
  }
  return out;
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

/// The linker: LLVM's own from where this was built, else whichever is on the path.
static std::string findLinker() {
  for (const char *name : {"ld.lld", "ld.lld-22"})
    if (auto path = llvm::sys::findProgramByName(name, {ATTN_LLVM_TOOLS_DIR}))
      return *path;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return "";
}

LogicalResult CPUTarget::link(StringRef object, StringRef library,
                              function_ref<InFlightDiagnostic()> emitError) const {
  std::string linker = findLinker();
  if (linker.empty())
    return emitError() << "no linker found; install lld-22, or take --emit=obj and link it "
                          "yourself with -shared -lomp -lm";
  if (llvm::Triple(processor.triple).getArch() !=
      llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch())
    return emitError()
           << "cannot link a shared library for " << processor.triple
           << " on this machine; take --emit=obj and link it there with -shared -lomp -lm";
  std::string soname = llvm::sys::path::filename(library).str();
  SmallVector<StringRef> args = {linker,
                                 "-shared",
                                 "--hash-style=gnu",
                                 "--build-id=none",
                                 "-soname",
                                 soname,
                                 "-o",
                                 library,
                                 object,
                                 "-L",
                                 ATTN_OPENMP_DIR,
                                 "-rpath",
                                 ATTN_OPENMP_DIR,
                                 "-lomp"};
  std::string message;
  SmallString<128> log;
  if (llvm::sys::fs::createTemporaryFile("attn-link", "log", log))
    return emitError() << "cannot create a temporary file for the linker's messages";
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  int code = llvm::sys::ExecuteAndWait(linker, args, std::nullopt, redirects, 0, 0, &message);
  auto text = llvm::MemoryBuffer::getFile(log);
  llvm::sys::fs::remove(log);
  if (code == 0)
    return success();
  return emitError() << "linking " << library << " failed: " << message
                     << (text ? (*text)->getBuffer() : StringRef());
}

void attn::registerCPUTarget() {
  registerTarget("cpu",
                 [](StringRef variant,
                    function_ref<InFlightDiagnostic()> emitError) -> std::unique_ptr<Target> {
                   FailureOr<Processor> processor = findProcessor(variant, emitError);
                   if (failed(processor))
                     return nullptr;
                   auto target = std::make_unique<CPUTarget>(variant, *processor);
                   if (target->isValid())
                     return target;
                   emitError() << "this build of LLVM has no back end for " << processor->triple;
                   return nullptr;
                 });
}
