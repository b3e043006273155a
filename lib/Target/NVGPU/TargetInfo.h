//===- TargetInfo.h - facts of an NVIDIA GPU ---------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_TARGETINFO_H
#define ATTN_LIB_TARGET_NVGPU_TARGETINFO_H

#include "attn/IR/AttnAttrs.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::attn {

/// Facts that planning may use. Only what holds for every device of the architecture: clocks and
/// the number of processors are the host's business.
TargetAttr describeGPU(MLIRContext *context, StringRef architecture);

/// LLVM's back end for PTX; null when this build of LLVM has none.
std::unique_ptr<llvm::TargetMachine> createPTXMachine(StringRef architecture);

/// `ptxas` of the CUDA toolkit: PTXAS, CUDA_HOME/bin, the path, /usr/local/cuda/bin. Empty when
/// there is none.
std::string findPtxas();

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_TARGETINFO_H
