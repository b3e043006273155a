//===- ScoreValue.h - a value of a score region, with what is known about it -===//
#ifndef ATTN_LIB_TARGET_NVGPU_SCOREVALUE_H
#define ATTN_LIB_TARGET_NVGPU_SCOREVALUE_H

#include "KernelBuilder.h"

namespace mlir::attn {

/// A value under construction. Forms that later operations can take up are kept beside it, so that
/// chains of constants become one fused multiply-add and positions become real numbers once per
/// row instead of once per score. What nobody takes up is never computed: the unused form is dead
/// code.
struct ScoreValue {
  Val v;
  /// A real `source * factor + addend`; null when nothing is known.
  Val source = {};
  double factor = 1, addend = 0;
  /// An integer `row + column`: `row` is the same for all of the thread's columns. Null if not.
  Val row = {};
  int64_t column = 0;

  ScoreValue() = default;
  /*implicit*/ ScoreValue(Val v) : v(v) {}
  explicit operator bool() const { return static_cast<bool>(v); }

  static ScoreValue linear(Val source, double factor, double addend);
  static ScoreValue position(Val row, int64_t column);
  /// `this * by + plus`, with as few operations as the known form allows.
  ScoreValue scaled(double by, double plus = 0) const;
};

/// What `op` of the arith dialect makes of operands with known forms; null when nothing is gained.
ScoreValue foldForms(Operation &op, ArrayRef<ScoreValue> operands);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_SCOREVALUE_H
