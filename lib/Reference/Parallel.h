//===- Parallel.h - independent iterations on all processors -----------------===//
#ifndef ATTN_LIB_REFERENCE_PARALLEL_H
#define ATTN_LIB_REFERENCE_PARALLEL_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace mlir::attn::reference {

/// Calls `body(i)` once for every i in [0, count), in any order and on several threads when
/// `count * cost` (cost: rough operations of one iteration) is worth starting them.
void parallelFor(int64_t count, int64_t cost, llvm::function_ref<void(int64_t)> body);

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_PARALLEL_H
