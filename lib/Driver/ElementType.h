//===- ElementType.h - functions in another element type ------------------===//
#ifndef ATTN_LIB_DRIVER_ELEMENTTYPE_H
#define ATTN_LIB_DRIVER_ELEMENTTYPE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::attn {

/// Gives the tensors of a function on attn operations another element type: f32, bf16 or f16. What
/// is float32 whatever the type stays so: log-sum-exps, gates, sinks, tensors that score regions
/// read. Fails with a diagnostic where the result is no valid function.
LogicalResult setElementType(func::FuncOp function, Type element);

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_ELEMENTTYPE_H
