//===- Machine.h - what this machine reaches at best ----------------------===//

#ifndef ATTN_LIB_DRIVER_RUN_MACHINE_H
#define ATTN_LIB_DRIVER_RUN_MACHINE_H

#include "attn/Driver/MachineCeiling.h"

namespace mlir::attn {

/// Measures with `threads` threads; about a quarter of a second.
MachineCeiling measureCeiling(unsigned threads);

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_MACHINE_H
