//===- Serialize.cpp - LLVM IR, assembly, objects and shared libraries -------===//
#include "Parts.h"
#include "TargetInfo.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/MachineCode.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::attn;

/// ATTN_ERROR_NO_VARIANT of attn_runtime.h.
static constexpr int64_t noVariantCode = 999005;

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
  FailureOr<std::vector<std::string>> objects(ModuleOp module) const override;
  FailureOr<std::string> dispatcher(ArrayRef<Variant> variants, ArrayRef<std::string> entries,
                                    function_ref<InFlightDiagnostic()> emitError) const override;
  LogicalResult link(ArrayRef<std::string> objects, StringRef library,
                     function_ref<InFlightDiagnostic()> emitError) const override;

private:
  std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) const;
  /// The object files of the parts in one.
  FailureOr<std::string> wholeObject(ModuleOp module) const;
  bool isForThisArchitecture() const;

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

/// Prefill and decode, or two specs, do the same in places: one function for it.
static void mergeFunctions(llvm::Module &module, llvm::TargetMachine &machine) {
  for (llvm::Function &function : module)
    if (function.hasLocalLinkage())
      function.setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  // With the arguments that are known, so that nothing loses what it is specialised for.
  runPasses(module, machine, "ipsccp,mergefunc,globaldce");
}

std::unique_ptr<llvm::Module> CPUTarget::translate(ModuleOp module,
                                                   llvm::LLVMContext &context) const {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerOpenMPDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> result = translateLowered(module, context, *machine);
  if (!result)
    return nullptr;
  keepWideVectors(*result, facts(module.getContext()).getInt("lanes"));
  mergeFunctions(*result, *machine);
  return result;
}

/// Products in vector registers are written unrolled; only tile registers, whose numbers are
/// constants, want their loops unrolled by LLVM.
static bool wantsUnrolling(const llvm::TargetMachine &machine) {
  return machine.getTargetFeatureString().contains("+amx-tile");
}

FailureOr<std::string> CPUTarget::serialize(ModuleOp module, OutputKind kind) const {
  if (kind == OutputKind::Object)
    return wholeObject(module);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translate(module, context);
  if (!translated)
    return failure();
  optimizeKernels(*translated, *machine, wantsUnrolling(*machine));
  if (kind == OutputKind::LLVMIR) {
    std::string out;
    llvm::raw_string_ostream stream(out);
    translated->print(stream, nullptr);
    return out;
  }
  return emitMachineCode(*translated, *machine, llvm::CodeGenFileType::AssemblyFile);
}

//===----------------------------------------------------------------------===//
// Several at a time
//===----------------------------------------------------------------------===//

/// Enough for the cores of a workstation; every part costs a millisecond or two.
static constexpr size_t mostParts = 8;

FailureOr<std::vector<std::string>> CPUTarget::objects(ModuleOp module) const {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translate(module, context);
  if (!translated)
    return failure();
  FunctionUnits units = findUnits(*translated);
  std::vector<std::string> parts =
      splitModule(*translated, joinGroups(units.groups, mostParts, /*inOrder=*/false),
                  [&](const llvm::GlobalValue &value) {
                    auto *variable = dyn_cast<llvm::GlobalVariable>(&value);
                    return variable ? variable->isConstant() : units.copied.contains(&value);
                  });
  std::vector<std::string> out = compileParts(parts, [&](llvm::Module &part) {
    std::unique_ptr<llvm::TargetMachine> own = createMachine(processor);
    optimizeKernels(part, *own, wantsUnrolling(*own));
    return emitMachineCode(part, *own, llvm::CodeGenFileType::ObjectFile).value_or("");
  });
  if (llvm::is_contained(out, ""))
    return module.emitError("internal: the back end could not write an object file");
  return out;
}

FailureOr<std::string> CPUTarget::wholeObject(ModuleOp module) const {
  FailureOr<std::vector<std::string>> parts = objects(module);
  if (failed(parts))
    return failure();
  if (parts->size() == 1)
    return parts->front();
  return linkObjects(*parts, [&] { return module.emitError(); });
}

//===----------------------------------------------------------------------===//
// Several processors in one library
//===----------------------------------------------------------------------===//

/// A table of texts, `@name`.
static void printTexts(raw_ostream &os, StringRef name, ArrayRef<std::string> texts) {
  for (auto [i, text] : llvm::enumerate(texts))
    os << "@" << name << "." << i << " = private constant [" << text.size() + 1 << " x i8] c\""
       << text << "\\00\"\n";
  os << "@" << name << " = private constant [" << texts.size() << " x ptr] [";
  for (size_t i = 0; i < texts.size(); ++i)
    os << (i ? ", " : "") << "ptr @" << name << "." << i;
  os << "]\n";
}

/// An entry that hands its arguments on to the processor's own.
static void printDispatch(raw_ostream &os, StringRef entry, ArrayRef<Variant> variants) {
  for (const Variant &variant : variants)
    os << "declare hidden i32 @\"" << entry << variant.suffix << "\"(ptr, i64, i32)\n";
  os << "define i32 @\"" << entry << "\"(ptr %args, i64 %count, i32 %threads) {\n"
     << "  %picked = call i32 @attn_cpu_picked(ptr @names, ptr @features, i32 " << variants.size()
     << ", ptr @choice)\n  switch i32 %picked, label %none [";
  for (size_t i = 0; i < variants.size(); ++i)
    os << " i32 " << i << ", label %v" << i;
  os << " ]\n";
  for (auto [i, variant] : llvm::enumerate(variants))
    os << "v" << i << ":\n  %r" << i << " = tail call i32 @\"" << entry << variant.suffix
       << "\"(ptr %args, i64 %count, i32 %threads)\n  ret i32 %r" << i << "\n";
  os << "none:\n  ret i32 " << noVariantCode << "\n}\n";
}

FailureOr<std::string> CPUTarget::dispatcher(ArrayRef<Variant> variants,
                                             ArrayRef<std::string> entries,
                                             function_ref<InFlightDiagnostic()> emitError) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::vector<std::string> names, features;
  for (const Variant &variant : variants) {
    names.push_back(variant.name);
    features.push_back(variant.features);
  }
  printTexts(os, "names", names);
  printTexts(os, "features", features);
  os << "@choice = internal global i32 0\ndeclare i32 @attn_cpu_picked(ptr, ptr, i32, ptr)\n";
  for (const std::string &entry : entries)
    printDispatch(os, entry, variants);
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  // Whoever chooses must run everywhere, so this is for the plainest processor.
  std::unique_ptr<llvm::TargetMachine> plain =
      createMachine({processor.triple, "", "", /*isHost=*/false});
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(text, problem, context);
  if (!plain || !module)
    return emitError() << "internal: the choice among processors does not parse: "
                       << problem.getMessage();
  module->setTargetTriple(plain->getTargetTriple());
  module->setDataLayout(plain->createDataLayout());
  return emitMachineCode(*module, *plain, llvm::CodeGenFileType::ObjectFile);
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

bool CPUTarget::isForThisArchitecture() const {
  return llvm::Triple(processor.triple).getArch() ==
         llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch();
}

LogicalResult CPUTarget::link(ArrayRef<std::string> objects, StringRef library,
                              function_ref<InFlightDiagnostic()> emitError) const {
  if (!isForThisArchitecture())
    return emitError()
           << "cannot link a shared library for " << processor.triple
           << " on this machine; take --emit=obj and link it there with -shared -lomp -lm";
  std::string runtime = findRuntimeLibrary("libAttnRuntimeCPU.a", ATTN_RUNTIME_CPU);
  SmallVector<StringRef> inputs(objects.begin(), objects.end());
  // The linker takes from an archive only what somebody calls: a dispatcher.
  inputs.append({"--exclude-libs=ALL", runtime});
  inputs.append({"-L", ATTN_OPENMP_DIR, "-rpath", ATTN_OPENMP_DIR, "-lomp"});
  return linkSharedLibrary(inputs, library,
                           ", or take --emit=obj and link it yourself with -shared -lomp -lm",
                           emitError);
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
