//===- ExpandMissing.h - code for instructions a processor lacks -------------===//
#ifndef ATTN_LIB_TARGET_CPU_EXPANDMISSING_H
#define ATTN_LIB_TARGET_CPU_EXPANDMISSING_H

#include "attn/IR/AttnAttrs.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::attn {

/// Adds patterns for what LLVM would otherwise turn into a library call per element: fused
/// multiply-add, rounding to an integer and float16 conversion, as far as `target` lacks them.
void populateMissingInstructionPatterns(RewritePatternSet &patterns, TargetAttr target);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_EXPANDMISSING_H
