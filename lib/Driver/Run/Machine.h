//===- Machine.h - what this machine reaches at best ----------------------===//

#ifndef ATTN_LIB_DRIVER_RUN_MACHINE_H
#define ATTN_LIB_DRIVER_RUN_MACHINE_H

#include <cstdint>

namespace mlir::attn {

/// Measured ceilings of the machine, in operations and bytes per second.
struct MachineCeiling {
  /// float32 fused multiply-add (two operations each) in the widest vectors.
  double flops = 0;
  /// Reading memory well beyond the caches.
  double bytes = 0;
};

/// Measures with `threads` threads; about a quarter of a second.
MachineCeiling measureCeiling(unsigned threads);

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_MACHINE_H
