//===- MachineCode.h - from the LLVM dialect to machine code ----------------===//
//
// What all targets do the same way behind their lowering: translation, LLVM's passes, writing text
// or objects, finding and running the linker.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_TARGET_MACHINECODE_H
#define ATTN_TARGET_MACHINECODE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace mlir::attn {

/// LLVM IR of a module in state `lowered`, laid out for `machine`. The caller has registered the
/// translation of every dialect that is left. Null after an error at the module.
std::unique_ptr<llvm::Module> translateLowered(ModuleOp module, llvm::LLVMContext &context,
                                               llvm::TargetMachine &machine);

/// Runs LLVM's passes, named as for `opt -passes`.
void runPasses(llvm::Module &module, llvm::TargetMachine &machine, StringRef pipeline);

/// LLVM's optimisation of kernels, made for what this project's lowering writes: the products are
/// register blocks already, so nothing is blocked again; constants are propagated, helpers inlined,
/// addresses moved out of loops, loops over tokens vectorised. `unrollLoops`: short loops of known
/// length vanish, which costs a seventh of the time.
void optimizeKernels(llvm::Module &module, llvm::TargetMachine &machine, bool unrollLoops);

/// Assembly or an object file. Fails when the back end cannot write it.
FailureOr<std::string> emitMachineCode(llvm::Module &module, llvm::TargetMachine &machine,
                                       llvm::CodeGenFileType type);

/// A file that is gone at the end.
class TemporaryFile {
public:
  explicit TemporaryFile(StringRef ending);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  bool isValid() const { return valid; }
  StringRef path() const { return name; }
  bool write(StringRef text);
  std::string read() const;

private:
  SmallString<128> name;
  bool valid;
};

/// Runs a program; `log` becomes what it wrote to both its streams, after a sentence when it could
/// not run at all. Returns its exit code.
int runProgram(StringRef program, ArrayRef<StringRef> arguments, std::string &log);

/// Links `inputs` (objects, archives, `-l…` and other options) to the shared library `library`
/// with LLVM's linker from where this was built, else whichever is on the path. `advice` says what
/// to do without a linker.
LogicalResult linkSharedLibrary(ArrayRef<StringRef> inputs, StringRef library, StringRef advice,
                                function_ref<InFlightDiagnostic()> emitError);

/// One object file from several that belong together; the linker as above.
FailureOr<std::string> linkObjects(ArrayRef<std::string> objects,
                                   function_ref<InFlightDiagnostic()> emitError);

/// The static library `fileName` of this project's runtime: beside this program when installed,
/// else `built`, where the build left it.
std::string findRuntimeLibrary(StringRef fileName, StringRef built);

} // namespace mlir::attn

#endif // ATTN_TARGET_MACHINECODE_H
