//===- PeakProduct.h - a kernel that does nothing but matrix products -----===//

#ifndef ATTN_LIB_DRIVER_RUN_PEAKPRODUCT_H
#define ATTN_LIB_DRIVER_RUN_PEAKPRODUCT_H

#include <string>

namespace mlir::attn {

/// PTX of `peak_product(u32 rounds)` for sm_90a, which the driver compiles: two warpgroups per
/// block multiply 64x64 by 64x256 tiles of pseudo-random bf16 out of swizzled shared memory.
std::string peakProductText();

struct PeakProduct {
  int threads = 256, sharedBytes = 8192 * 2 + 32768 + 1024;
  /// Of a block: two warpgroups, each 2 * 64 * 256 * 64.
  double flopsPerRound = 2.0 * 2 * 64 * 256 * 64;
};
constexpr PeakProduct peakProduct;

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_PEAKPRODUCT_H
