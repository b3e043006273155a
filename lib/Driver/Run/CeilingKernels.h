//===- CeilingKernels.h - kernels that only multiply, or only copy --------===//

#ifndef ATTN_LIB_DRIVER_RUN_CEILINGKERNELS_H
#define ATTN_LIB_DRIVER_RUN_CEILINGKERNELS_H

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

/// PTX of `copy(u64 to, u64 from, u64 bytes)` for any GPU since Ampere: each thread moves 64 bytes
/// at a time, 16 in one access. `bytes` must be a multiple of `copyGrain`; any grid of blocks of
/// `copyThreads`.
std::string copyText();
constexpr int copyThreads = 512;
constexpr long copyGrain = 64L * copyThreads;

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_CEILINGKERNELS_H
