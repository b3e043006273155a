//===- LowerParallel.h - work shared by threads ------------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_LOWERPARALLEL_H
#define ATTN_LIB_TARGET_CPU_LOWERPARALLEL_H

#include "CpuBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::attn {

/// Runs `body(number)` once for each number below `count` on all threads of an OpenMP parallel
/// region. Numbers are taken from a shared counter, so that threads that finish early take more.
/// `before` and `after` run once in each thread. Nothing is launched when `count` is 0.
void emitSharedLoop(CpuBuilder &b, Value count, function_ref<void()> before,
                    function_ref<void(Value number)> body, function_ref<void()> after);

/// A function of the OpenMP runtime or the C library, declared in the module once.
LLVM::LLVMFuncOp declareFunction(ModuleOp module, StringRef name, Type result,
                                 TypeRange arguments = {});

/// An `scf.parallel` without reductions becomes a shared loop over chunks of its iterations.
LogicalResult lowerParallel(scf::ParallelOp op, TargetAttr target);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_LOWERPARALLEL_H
