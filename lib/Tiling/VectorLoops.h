//===- VectorLoops.h - loops of products, on vectors -----------*- C++ -*-===//
#ifndef ATTN_LIB_TILING_VECTORLOOPS_H
#define ATTN_LIB_TILING_VECTORLOOPS_H

#include "Loops.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::attn {

/// Float32 of one vector: two registers of 8 lanes, or one of 16.
inline constexpr int64_t maxLanes = 16;

/// Widest power of two up to `limit` that divides `size`.
int64_t dividingPower(int64_t size, int64_t limit);

/// `lanes` neighbouring elements as float32, and back, rounded to nearest even if they are
/// narrower.
Value loadVector(LoopBuilder &b, Value memref, ValueRange at, int64_t lanes);
void storeVector(LoopBuilder &b, Value value, Value memref, ValueRange at);

/// `for k in [0, upper) step`, carrying `count` zero vectors that `body` adds to.
SmallVector<Value> accumulate(LoopBuilder &b, int64_t upper, int64_t step, int64_t lanes,
                              int64_t count,
                              function_ref<void(Value k, SmallVector<Value> &)> body);
/// `for k in [0, upper)` with the given sums.
SmallVector<Value> accumulate(LoopBuilder &b, Value upper, ValueRange sums,
                              function_ref<void(Value k, SmallVector<Value> &)> body);
/// `for i in [0, upper) step`; one or two turns are written out.
void forStep(LoopBuilder &b, int64_t upper, int64_t step, function_ref<void(Value)> body);

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_VECTORLOOPS_H
