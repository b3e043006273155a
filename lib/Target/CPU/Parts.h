//===- Parts.h - which functions of an object compile together ---*- C++ -*-===//
#ifndef ATTN_LIB_TARGET_CPU_PARTS_H
#define ATTN_LIB_TARGET_CPU_PARTS_H

#include "attn/Target/ModuleParts.h"

namespace mlir::attn {

/// What may be compiled apart without a change of the code.
struct FunctionUnits {
  /// A function that only one other calls is with it, as it may be inlined or learn from its call;
  /// the body of a parallel region, which is called through the runtime, is not.
  std::vector<FunctionGroup> groups;
  /// Small functions of several callers, and what they are copied for: one per part.
  DenseSet<const llvm::GlobalValue *> copied;
};

FunctionUnits findUnits(llvm::Module &module);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_PARTS_H
