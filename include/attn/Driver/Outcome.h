//===- Outcome.h - how a program or a step of it ended --------------------===//

#ifndef ATTN_DRIVER_OUTCOME_H
#define ATTN_DRIVER_OUTCOME_H

namespace mlir::attn {

/// The values are the programs' exit codes.
enum class Outcome { Success = 0, UserError = 1, InternalError = 2 };

} // namespace mlir::attn

#endif // ATTN_DRIVER_OUTCOME_H
