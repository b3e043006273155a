//===- SizeClasses.h - which sizes of a function's tensors must agree -*- C++ -*-===//
#ifndef ATTN_LIB_TILING_SIZECLASSES_H
#define ATTN_LIB_TILING_SIZECLASSES_H

#include "attn/IR/AttnOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <map>

namespace mlir::attn {

/// Sizes that the operations of a function force to be equal, or at least as large as another.
/// They are read off the tensor form, because on memrefs nothing says so any more.
class SizeClasses {
public:
  explicit SizeClasses(func::FuncOp function);

  /// One text per dimension of `tensor`: empty where its type says all; else a size as a number,
  /// a symbol such as `s0`, or a bound such as `>=s1/16` (rounded up), or both, `s1;>=s0`. Symbols
  /// count up in the order they are asked for.
  ArrayAttr describe(Value tensor);

private:
  using Dimension = std::pair<void *, int64_t>;
  struct Node {
    int64_t parent;
    int64_t size = ShapedType::kDynamic;
    int64_t symbol = -1;
  };
  struct Bound {
    int64_t node = 0, divisor = 1;
  };

  int64_t nodeOf(Value tensor, int64_t dimension);
  int64_t constantNode(int64_t size);
  int64_t find(int64_t node);
  void unite(int64_t lhs, int64_t rhs);
  void equate(Value lhs, int64_t lhsDimension, Value rhs, int64_t rhsDimension);
  void equateAll(Value lhs, Value rhs);
  void bound(Value tensor, int64_t dimension, int64_t node, int64_t divisor = 1);
  std::string text(int64_t node);
  std::string describe(Value tensor, int64_t dimension);

  void collect(Operation *op);
  void collectAttention(AttentionOp op);
  void collectMask(AttentionOp op, MaskAttr mask);
  void collectMaskOperand(AttentionOp op, MaskAttr word);
  void collectScoreReads(AttentionOp op);
  void collectWeights(Operation *op);
  bool collectLayer(Operation *op);

  std::vector<Node> nodes;
  std::map<Dimension, int64_t> ids;
  std::map<Dimension, Bound> bounds;
  /// A sequence -> lengths it has at least: of the rows written to a cache, of the tokens read at
  /// its end.
  std::map<void *, SmallVector<int64_t>> room;
  int64_t numSymbols = 0;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_SIZECLASSES_H
