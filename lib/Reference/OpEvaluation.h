//===- OpEvaluation.h - one operation of the dialect at a time ---------------===//
#ifndef ATTN_LIB_REFERENCE_OPEVALUATION_H
#define ATTN_LIB_REFERENCE_OPEVALUATION_H

#include "ScalarProgram.h"
#include "attn/IR/AttnOps.h"

namespace mlir::attn::reference {

using TensorResults = FailureOr<SmallVector<HostTensor>>;

/// Each returns one tensor per result of the operation; operands are found through `scope`.
/// Sizes that contradict each other are an error at the operation.
TensorResults evaluateAttention(AttentionOp op, const ScalarScope &scope, Precision precision,
                                const RowSample &rows);
TensorResults evaluateMerge(MergeOp op, const ScalarScope &scope, Precision precision);
TensorResults evaluateGatedSum(GatedSumOp op, const ScalarScope &scope, Precision precision);
/// A token transform (`attn.rope`, `attn.norm`, `attn.expand`, ...).
TensorResults evaluateToken(Operation *op, const ScalarScope &scope, Precision precision);
bool isToken(Operation *op);
/// What a whole layer has beyond these: `attn.project`, `attn.append`, weights made of weights, ...
TensorResults evaluateLayerOp(Operation *op, const ScalarScope &scope, Precision precision);
bool isLayerOp(Operation *op);

/// Emits an error at `op` unless `tensor` has these sizes; `what` names it in the message.
LogicalResult expectSizes(Operation *op, StringRef what, const HostTensor &tensor,
                          ArrayRef<int64_t> sizes);
/// A result with this element type and these sizes.
HostTensor makeResult(Value result, ArrayRef<int64_t> sizes);

/// Row-major [batch][head][sequence] index, taken apart.
struct RowIndex {
  int64_t batch, head, row;
};
inline RowIndex rowIndex(int64_t i, int64_t heads, int64_t rows) {
  return {i / (heads * rows), i / rows % heads, i % rows};
}

/// Calls `f` with a zero of the type that a precision computes in: double or float.
template <typename F> auto withReal(Precision precision, F &&f) {
  return precision == Precision::Exact ? f(double(0)) : f(float(0));
}

/// Under `Plain`, what an operation stores is rounded to its element type.
inline void roundResult(HostTensor &result, Precision precision) {
  if (precision == Precision::Plain)
    result.round();
}

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_OPEVALUATION_H
