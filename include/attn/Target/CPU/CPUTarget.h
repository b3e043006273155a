//===- CPUTarget.h - the CPU target ------------------------------------------===//
#ifndef ATTN_TARGET_CPU_CPUTARGET_H
#define ATTN_TARGET_CPU_CPUTARGET_H

#include "attn/Target/Target.h"

namespace mlir::attn {

/// Registers the family `cpu`: this machine without a variant, else an x86-64 level or processor
/// name
/// (`x86-64-v3`, `znver4`, ...) or `aarch64`.
void registerCPUTarget();

/// Adds the passes from `tiled` to the LLVM dialect for a module that carries `attn.target`.
void buildCPULowering(OpPassManager &pm);

} // namespace mlir::attn

#endif // ATTN_TARGET_CPU_CPUTARGET_H
