//===- TokenOpsProduct.h - products of tokens with a weight ------*- C++ -*-===//
#ifndef ATTN_LIB_TILING_TOKENOPSPRODUCT_H
#define ATTN_LIB_TILING_TOKENOPSPRODUCT_H

#include "Loops.h"

namespace mlir::attn {

/// Each token of [batch][head][sequence][inner] times the weight [head][inner][columns]: by head,
/// or summed over heads.
struct RowProduct {
  Value in, weight;
  /// [batch][head][sequence][columns] with `heads`, else [batch][sequence][columns].
  Value out;
  /// Heads of the result; those of input and weight are equal or 1. 0 where `parts` heads are
  /// summed.
  int64_t heads, parts;
  int64_t inner, columns;
};

void tileRowProduct(LoopBuilder &b, const RowProduct &p);

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_TOKENOPSPRODUCT_H
