//===- Inputs.h - random arguments that make sense for a function ------------===//
#ifndef ATTN_REFERENCE_INPUTS_H
#define ATTN_REFERENCE_INPUTS_H

#include "attn/Reference/HostTensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::attn::reference {

/// The sizes that a caller chooses where a function leaves them open.
struct InputSizes {
  int64_t batch = 1;
  /// Tokens that ask: rows of the queries, new tokens of an append.
  int64_t queryLength = 1;
  /// Tokens that are asked: keys, values, cache, latent.
  int64_t keyLength = 1;
};

/// Random arguments for `function`, the same for the same seed on every machine. Sizes follow
/// from what an argument is used for, back through the token operations; static sizes win over
/// the wanted ones. A sequence that is both asking and asked (self-attention) has `keyLength`.
/// Tensors are normal with standard deviation 1, weights of `attn.expand` and `attn.short_conv`
/// 1 / sqrt(fan in), norm gains 1 (less the gain offset) + normal / 8, gates uniform in (0, 1).
/// Mask operands are valid for their word: ascending document ids, prefix lengths within the
/// sequence, three quarters of a dense or block mask visible with some rows empty. Index
/// arguments are positions: max(0, keyLength - queryLength).
/// Fails with a diagnostic when an argument's type cannot be filled.
FailureOr<SmallVector<HostTensor>> makeInputs(func::FuncOp function, const InputSizes &sizes,
                                              uint64_t seed);

/// The resolved sizes of the arguments alone, as `makeInputs` chooses them (rank 0: empty).
FailureOr<SmallVector<SmallVector<int64_t>>> inputSizes(func::FuncOp function,
                                                        const InputSizes &sizes);

} // namespace mlir::attn::reference

#endif // ATTN_REFERENCE_INPUTS_H
