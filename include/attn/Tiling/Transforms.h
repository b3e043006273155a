//===- Transforms.h - what the passes of the Tiling room are made of -*- C++ -*-===//
#ifndef ATTN_TILING_TRANSFORMS_H
#define ATTN_TILING_TRANSFORMS_H

#include "attn/IR/AttnOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::attn {

/// The memrefs an attention works on. `query`, `key`, `value`, `out` are
/// [batch][head][sequence][size]; `sinks` [H] and `lse` [batch][H][sequence] are null when the
/// attention has none. `offset` (index) is the position of the first query row, always given.
struct AttentionBuffers {
  Value query, key, value, sinks, offset, out, lse;
  SmallVector<Value> maskOperands;
};

/// Emits the tiled form of `attention` at the builder's insertion point. `captured` maps every
/// value the score region may read to its tiled counterpart, a tensor to a memref. Fails with a
/// diagnostic when the attention has no schedule.
LogicalResult tileAttention(OpBuilder &builder, AttentionOp attention,
                            const AttentionBuffers &buffers, const IRMapping &captured);

/// Clones the score region `from` to the empty region `to`; reads of captured tensors become
/// loads from the memrefs that `captured` gives for them.
void cloneScoreRegion(OpBuilder &builder, Region &from, Region &to, const IRMapping &captured);

/// Emits loops over tokens for a token transform or merge: `operation` reads `inputs` (memrefs and
/// scalars, one per operand) and writes `outputs` (memrefs, one per result). Fails with a
/// diagnostic when the operation is not one of them.
LogicalResult tileTokenOp(OpBuilder &builder, Operation *operation, ValueRange inputs,
                          ValueRange outputs);

/// Turns a function on tensors into one on memrefs, in place of the old one, see `attn-tile`.
/// Functions without tensors are left alone. Fails with a located diagnostic.
LogicalResult tileFunction(func::FuncOp function);

/// Checks the state `tiled`; a diagnostic for each thing that is wrong.
LogicalResult verifyTiled(ModuleOp module);

} // namespace mlir::attn

#endif // ATTN_TILING_TRANSFORMS_H
