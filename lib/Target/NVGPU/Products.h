//===- Products.h - text of matrix products, and registers of accumulators ---===//
//
// A thread holds two rows of an accumulator, 8 apart: elements 4g + {0, 1} (first row) and
// 4g + {2, 3} (second) are columns 8g + 2 (lane mod 4) + {0, 1}.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_PRODUCTS_H
#define ATTN_LIB_TARGET_NVGPU_PRODUCTS_H

#include "KernelBuilder.h"

namespace mlir::attn {

/// High half of a descriptor: stride between groups of 8 rows, and the swizzle that fits chunks of
/// rows of a head size.
int64_t descriptorHigh(int64_t size);
/// `{$first, …}` of `count` operands.
std::string operandList(size_t first, size_t count);
/// `wgmma.mma_async…m64n<columns>k16` of 16-bit operands.
std::string instruction(int64_t columns, bool isHalf);
std::string hex(int64_t value);

/// Each value times the factor of its row.
Vals scaled(ArrayRef<Val> values, ArrayRef<Val> byRow);
/// Four words per lane of a quad, one of each of four groups of columns: each lane ends with the 16
/// adjacent bytes of one group. `odd`, `upper`: the two bits of the lane's number in the quad.
Vals transposeQuad(KernelBuilder &b, ArrayRef<Val> x, Val odd, Val upper);
Vals concat(std::initializer_list<ArrayRef<Val>> parts);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_PRODUCTS_H
