//===- ProductNest.h - loops that are a product of matrices ------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_PRODUCTNEST_H
#define ATTN_LIB_TARGET_NVGPU_PRODUCTNEST_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::attn {

/// A parallel loop whose items make rows of `out[row][n] = sum over g, k of in[g][row][k] *
/// weight[g][k][n]`, in 16-bit elements with float32 sums that are rounded once.
struct ProductNest {
  scf::ParallelOp loop;
  Value in, weight, out;
  /// The weight's last axis is k, not n.
  bool transposed = false;
  int64_t inner = 0, columns = 0;     // k, n
  int64_t sums = 1;                   // g
  int64_t inSum = -1, weightSum = -1; // axes of g, -1 for none

  /// Where a variable of the parallel loop stands, -1 for nowhere.
  struct Axis {
    int64_t in = -1, weight = -1, out = -1;
    /// Other weights, not another row.
    bool isGroup() const { return weight >= 0; }
  };
  SmallVector<Axis> axes;
};

/// The product that the operation is, if the tensor cores and accesses of 16 bytes can make it.
std::optional<ProductNest> matchProduct(Operation *op);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_PRODUCTNEST_H
