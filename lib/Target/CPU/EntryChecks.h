//===- EntryChecks.h - checks of an entry point's arguments -----*- C++ -*-===//
#ifndef ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H
#define ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

/// Fields of one `attn_tensor`, as values.
struct TensorFields {
  Value data, rank, dtype;
  SmallVector<Value> sizes, strides; // i64, as many as the kernel's argument has dimensions
};

/// `attn_tensor` of attn_runtime.h.
LLVM::LLVMStructType tensorStruct(MLIRContext *context);

/// Loads the fields of `args[index]`, whose kernel argument has type `type`.
TensorFields loadFields(ImplicitLocOpBuilder &b, Value args, int64_t index, Type type);

/// Code of an element type in attn_runtime.h; failure where it has none.
FailureOr<int32_t> dtypeCode(Type element);

/// Emits all checks for the arguments of `kernel`; gives the result code (i32), 0 when all is well.
/// Fails with a diagnostic when an argument's type has no place in the calling convention.
FailureOr<Value> emitChecks(ImplicitLocOpBuilder &b, func::FuncOp kernel,
                            ArrayRef<TensorFields> arguments);

/// i1: whether any tensor marked `attn.output` has an element.
Value emitHasWork(ImplicitLocOpBuilder &b, func::FuncOp kernel, ArrayRef<TensorFields> arguments);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H
