//===- TargetInfo.h - facts of an NVIDIA GPU ---------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_TARGETINFO_H
#define ATTN_LIB_TARGET_NVGPU_TARGETINFO_H

#include "attn/IR/AttnAttrs.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::attn {

/// What distinguishes an architecture.
struct Architecture {
  StringRef name;     // as ptxas and LLVM call it
  int64_t capability; // 10 * major + minor
  int64_t sharedKB;   // shared memory of a multiprocessor; a block may have one less
  StringRef ptx;      // LLVM's feature for the least version of PTX that has what we use
  /// Kernels run on this capability alone (`sm_90a`); others also run on newer devices, whose
  /// driver compiles their PTX.
  bool isSpecific;
};

/// All that this target knows, oldest first.
ArrayRef<Architecture> knownArchitectures();

/// Facts that planning may use. Only what holds for every device of the architecture: clocks and
/// the number of processors are the host's business.
TargetAttr describeGPU(MLIRContext *context, const Architecture &architecture);

/// LLVM's back end for PTX; null when this build of LLVM has none.
std::unique_ptr<llvm::TargetMachine> createPTXMachine(const Architecture &architecture);

/// `ptxas` of the CUDA toolkit: PTXAS, CUDA_HOME/bin, the path, /usr/local/cuda/bin. Empty when
/// there is none.
std::string findPtxas();

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_TARGETINFO_H
