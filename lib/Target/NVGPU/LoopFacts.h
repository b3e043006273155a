//===- LoopFacts.h - what the loops of token transforms allow ----------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_LOOPFACTS_H
#define ATTN_LIB_TARGET_NVGPU_LOOPFACTS_H

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::attn {

/// An index as one loop sees it: `factor * variable + rest + constant`.
struct LinearIndex {
  int64_t factor = 0, constant = 0;
  /// Summands that do not change inside the loop, sorted.
  SmallVector<Value> rest;
};

/// The form of `index`, or nothing where it is not linear in the loop's variable.
std::optional<LinearIndex> linearIn(Value index, scf::ForOp loop);

/// Number of iterations, where all bounds are constants.
std::optional<int64_t> tripCount(scf::ForOp loop);

/// Whether the iterations may run in any order or side by side: nothing is carried, and no
/// iteration touches an element that another one writes. Memory that different operands name is
/// taken to be different, as `--attn-tile` promises; views are followed to what they show.
bool isIndependent(scf::ForOp loop);

/// Whether the loop is a float32 sum whose order of additions is free.
bool isFreeSum(scf::ForOp loop);

/// What a loop adds in each iteration, of a free sum.
Value termOf(scf::ForOp sum);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_LOOPFACTS_H
