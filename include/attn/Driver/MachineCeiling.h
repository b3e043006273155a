//===- MachineCeiling.h - what a machine reaches at best ------------------===//

#ifndef ATTN_DRIVER_MACHINECEILING_H
#define ATTN_DRIVER_MACHINECEILING_H

namespace mlir::attn {

/// Measured ceilings of the machine or its GPU, in operations and bytes per second; 0 is unknown.
struct MachineCeiling {
  /// float32 fused multiply-add (two operations each) in the widest vectors; on a GPU products of
  /// bf16 matrices.
  double flops = 0;
  /// Reading memory well beyond the caches; on a GPU copying, read and written bytes.
  double bytes = 0;
};

} // namespace mlir::attn

#endif // ATTN_DRIVER_MACHINECEILING_H
