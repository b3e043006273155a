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

/// Shared memory as in CUDA's table of compute capabilities. The runtime wants CUDA 12, whose
/// drivers read PTX 8.0; newer architectures came with newer versions, and so did the copy engine's
/// form without a cluster (8.6).
ArrayRef<Architecture> attn::knownArchitectures() {
  static constexpr Architecture known[] = {
      {"sm_80", 80, 164, "+ptx80", false},   // A100
      {"sm_86", 86, 100, "+ptx80", false},   // A10, A40, RTX 30
      {"sm_87", 87, 164, "+ptx80", false},   // Orin
      {"sm_89", 89, 100, "+ptx80", false},   // L4, L40, RTX 40
      {"sm_90", 90, 228, "+ptx80", false},   // H100, H200, without what is Hopper's alone
      {"sm_90a", 90, 228, "+ptx86", true},   // the same with wgmma and the copy engine
      {"sm_100", 100, 228, "+ptx86", false}, // B200
      {"sm_103", 103, 228, "+ptx88", false}, // B300
      {"sm_110", 110, 228, "+ptx90", false}, // Thor
      {"sm_120", 120, 100, "+ptx87", false}, // RTX 50
      {"sm_121", 121, 100, "+ptx88", false}, // GB10
  };
  return known;
}

TargetAttr attn::describeGPU(MLIRContext *context, const Architecture &architecture) {
  Builder b(context);
  NamedAttrList facts;
  auto number = [&](StringRef name, int64_t value) {
    facts.append(name, b.getI64IntegerAttr(value));
  };
  auto text = [&](StringRef name, StringRef value) { facts.append(name, b.getStringAttr(value)); };
  text("kind", "gpu");
  text("name", architecture.name);
  text("triple", "nvptx64-nvidia-cuda");
  text("processor", architecture.name);
  number("shared_memory", (architecture.sharedKB - 1) << 10);
  number("registers", 65536); // 32-bit words per multiprocessor
  text("tensor_core", architecture.isSpecific ? "wgmma" : "mma");
  text("loops", "lanes"); // independent loops over elements run on lanes
  return TargetAttr::get(context, facts.getDictionary(context));
}

std::unique_ptr<llvm::TargetMachine> attn::createPTXMachine(const Architecture &architecture) {
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
  return std::unique_ptr<llvm::TargetMachine>(backEnd->createTargetMachine(
      triple, architecture.name, architecture.ptx, llvm::TargetOptions(), std::nullopt,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
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
