//===- Loops.h - short spellings of the loops token transforms are made of -*- C++ -*-===//
#ifndef ATTN_LIB_TILING_LOOPS_H
#define ATTN_LIB_TILING_LOOPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

/// Builder that knows its location; all helpers emit at its insertion point.
using LoopBuilder = ImplicitLocOpBuilder;

Value indexConstant(LoopBuilder &b, int64_t value);
Value f32Constant(LoopBuilder &b, double value);
Value f64Constant(LoopBuilder &b, double value);
/// Size of a memref's dimension: a constant where it is static.
Value sizeOf(LoopBuilder &b, Value memref, int64_t dimension);
/// `value + offset`, without an operation when the offset is zero.
Value addIndex(LoopBuilder &b, Value value, int64_t offset);

/// Element as float32, widened if it is narrower.
Value loadF32(LoopBuilder &b, Value memref, ValueRange indices);
/// Stores a float32, rounded to nearest even if the elements are narrower.
void storeF32(LoopBuilder &b, Value value, Value memref, ValueRange indices);

/// `parallel for` over the given sizes; `body` gets one index per size.
void parallelFor(LoopBuilder &b, ValueRange sizes, function_ref<void(ValueRange)> body);
/// `for i in [lower, upper)`.
void forRange(LoopBuilder &b, Value lower, Value upper, function_ref<void(Value)> body);
void forRange(LoopBuilder &b, int64_t lower, int64_t upper, function_ref<void(Value)> body);
/// Emits `then` or `otherwise` into the branches of `condition`.
void ifElse(LoopBuilder &b, Value condition, function_ref<void()> then,
            function_ref<void()> otherwise);
/// Float32 sum over `i in [0, upper)` of `term`. The order of additions is free, so that the sum
/// becomes vector code.
Value sumOver(LoopBuilder &b, int64_t upper, function_ref<Value(Value)> term);

/// `parallel for` over (batch, head, token) of a [B, H, S, …] memref.
void forTokens(LoopBuilder &b, Value memref,
               function_ref<void(Value batch, Value head, Value token)> body);

/// A private constant of the module that holds `values`, one per distinct content; `name` is its
/// first choice of name. Gives the memref.
Value constantTable(LoopBuilder &b, StringRef name, DenseElementsAttr values);

/// Copies `from` to `to`, memrefs of equal shape and element type, whatever their strides.
void copyElements(LoopBuilder &b, Value from, Value to);

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_LOOPS_H
