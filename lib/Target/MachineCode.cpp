//===- MachineCode.cpp - from the LLVM dialect to machine code --------------===//
#include "attn/Target/MachineCode.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <deque>

using namespace mlir;
using namespace mlir::attn;

std::unique_ptr<llvm::Module> attn::translateLowered(ModuleOp module, llvm::LLVMContext &context,
                                                     llvm::TargetMachine &machine) {
  std::unique_ptr<llvm::Module> result = translateModuleToLLVMIR(module, context, "attn");
  if (!result) {
    module.emitError("internal: the lowered module does not translate to LLVM IR");
    return nullptr;
  }
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  return result;
}

//===----------------------------------------------------------------------===//
// Optimisation
//===----------------------------------------------------------------------===//

/// In the order of their work, before and behind the unrolling of short loops. One sweep of
/// `instcombine` after each group is enough: the default pipeline, with eight to a fixed point,
/// unrolling, SLP and jump threading, took four times as long and gave kernels of the same speed
/// (benchmarks/notes-cpu.md).
static constexpr StringLiteral firstPasses =
    // What the lowering wrote: stack slots, doubled address arithmetic.
    "function(sroa,early-cse<memssa>,instcombine<max-iterations=1;no-verify-fixpoint>,simplifycfg),"
    // Strides and sizes known at every call; helpers into their callers.
    "ipsccp,cgscc(inline),"
    // Addresses and loads out of loops.
    "function(early-cse<memssa>,simplifycfg,loop-mssa(loop-rotate,licm),"
    "instcombine<max-iterations=1;no-verify-fixpoint>,";
static constexpr StringLiteral lastPasses =
    // Loops over tokens and copies are scalar until here.
    "early-cse<memssa>,loop-vectorize,gvn,instcombine<max-iterations=1;no-verify-fixpoint>,"
    "loop-mssa(licm),simplifycfg),globaldce";

static constexpr StringLiteral unrollingPasses = "loop(loop-unroll-full),sroa,";

void attn::runPasses(llvm::Module &module, llvm::TargetMachine &machine, StringRef pipeline) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, pipeline));
  passes.run(module, modules);
}

void attn::optimizeKernels(llvm::Module &module, llvm::TargetMachine &machine, bool unrollLoops) {
  runPasses(module, machine,
            (firstPasses + (unrollLoops ? unrollingPasses : "") + lastPasses).str());
}

FailureOr<std::string> attn::emitMachineCode(llvm::Module &module, llvm::TargetMachine &machine,
                                             llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager pm;
  if (machine.addPassesToEmitFile(pm, stream, nullptr, type, /*DisableVerify=*/true))
    return failure();
  pm.run(module);
  return std::string(buffer.begin(), buffer.end());
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

TemporaryFile::TemporaryFile(StringRef ending)
    : valid(!llvm::sys::fs::createTemporaryFile("attn", ending, name)) {}

TemporaryFile::~TemporaryFile() {
  if (valid)
    llvm::sys::fs::remove(name);
}

bool TemporaryFile::write(StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream os(name, code);
  os << text;
  os.close();
  bool bad = code || os.has_error();
  os.clear_error();
  return !bad;
}

std::string TemporaryFile::read() const {
  auto buffer =
      llvm::MemoryBuffer::getFile(name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

int attn::runProgram(StringRef program, ArrayRef<StringRef> arguments, std::string &log) {
  TemporaryFile output("log");
  if (!output.isValid()) {
    log = "cannot create a temporary file for its messages";
    return -1;
  }
  SmallVector<StringRef> line = {program};
  line.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {std::nullopt, output.path(), output.path()};
  int code = llvm::sys::ExecuteAndWait(program, line, std::nullopt, redirects, 0, 0, &log);
  log += output.read();
  return code;
}

static std::string findLinker() {
  for (const char *name : {"ld.lld", "ld.lld-22"})
    if (auto path = llvm::sys::findProgramByName(name, {ATTN_LLVM_TOOLS_DIR}))
      return *path;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return "";
}

LogicalResult attn::linkSharedLibrary(ArrayRef<StringRef> inputs, StringRef library,
                                      StringRef advice,
                                      function_ref<InFlightDiagnostic()> emitError) {
  std::string linker = findLinker(), log;
  if (linker.empty())
    return emitError() << "no linker found; install lld-22" << advice;
  StringRef soname = llvm::sys::path::filename(library);
  SmallVector<StringRef> arguments = {
      "-shared", "--hash-style=gnu", "--build-id=none", "-soname", soname, "-o", library};
  arguments.append(inputs.begin(), inputs.end());
  if (runProgram(linker, arguments, log) == 0)
    return success();
  return emitError() << "linking " << library << " failed: " << log;
}

FailureOr<std::string> attn::linkObjects(ArrayRef<std::string> objects,
                                         function_ref<InFlightDiagnostic()> emitError) {
  std::string linker = findLinker(), log;
  if (linker.empty())
    return emitError() << "no linker found; install lld-22, or take --emit=asm";
  TemporaryFile output("o");
  std::deque<TemporaryFile> files;
  SmallVector<StringRef> arguments = {"-r", "--build-id=none", "-o", output.path()};
  for (const std::string &object : objects) {
    TemporaryFile &file = files.emplace_back("o");
    if (!output.isValid() || !file.isValid() || !file.write(object))
      return emitError() << "cannot write temporary files for the linker";
    arguments.push_back(file.path());
  }
  if (runProgram(linker, arguments, log) != 0)
    return emitError() << "linking the parts of the object failed: " << log;
  return output.read();
}

std::string attn::findRuntimeLibrary(StringRef fileName, StringRef built) {
  void *here = reinterpret_cast<void *>(&findLinker);
  SmallString<256> path(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, here)));
  llvm::sys::path::append(path, "..", "lib", fileName);
  return llvm::sys::fs::exists(path) ? path.str().str() : built.str();
}
