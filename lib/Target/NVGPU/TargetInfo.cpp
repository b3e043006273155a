//===- TargetInfo.cpp - facts of an NVIDIA GPU -------------------------------===//
#include "TargetInfo.h"
#include "mlir/IR/Builders.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include <cstdlib>
#include <mutex>

using namespace mlir;
using namespace mlir::attn;

TargetAttr attn::describeGPU(MLIRContext *context, StringRef architecture) {
  Builder b(context);
  NamedAttrList facts;
  auto number = [&](StringRef name, int64_t value) {
    facts.append(name, b.getI64IntegerAttr(value));
  };
  auto text = [&](StringRef name, StringRef value) { facts.append(name, b.getStringAttr(value)); };
  text("kind", "gpu");
  text("name", architecture);
  text("triple", "nvptx64-nvidia-cuda");
  text("processor", architecture);
  number("l2", 50 << 20);
  number("shared_memory", 232448); // a block's 227 KB
  number("registers", 65536);      // 32-bit words per multiprocessor
  text("tensor_core", "wgmma");
  text("loops", "lanes"); // independent loops over elements run on lanes
  return TargetAttr::get(context, facts.getDictionary(context));
}

std::unique_ptr<llvm::TargetMachine> attn::createPTXMachine(StringRef architecture) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string error;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *backEnd = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backEnd)
    return nullptr;
  // PTX 8.6 has the copy engine's form without a cluster.
  return std::unique_ptr<llvm::TargetMachine>(
      backEnd->createTargetMachine(triple, architecture, "+ptx86", llvm::TargetOptions(),
                                   std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

std::string attn::findPtxas() {
  if (const char *given = std::getenv("PTXAS"))
    return given;
  if (const char *home = std::getenv("CUDA_HOME"))
    if (std::string path = std::string(home) + "/bin/ptxas"; llvm::sys::fs::can_execute(path))
      return path;
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  std::string usual = "/usr/local/cuda/bin/ptxas";
  return llvm::sys::fs::can_execute(usual) ? usual : "";
}
