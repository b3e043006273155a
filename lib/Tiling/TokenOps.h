//===- TokenOps.h - one function per token transform -----------*- C++ -*-===//
#ifndef ATTN_LIB_TILING_TOKENOPS_H
#define ATTN_LIB_TILING_TOKENOPS_H

#include "Loops.h"
#include "attn/IR/AttnOps.h"

namespace mlir::attn {

// Each emits the loops of one operation: `inputs` holds a memref or scalar per operand,
// `outputs` a memref per result. None reads an output.
void tileRope(LoopBuilder &b, RopeOp op, ValueRange inputs, ValueRange outputs);
void tileNorm(LoopBuilder &b, NormOp op, ValueRange inputs, ValueRange outputs);
void tileExpand(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs);
void tileConcat(LoopBuilder &b, ConcatOp op, ValueRange inputs, ValueRange outputs);
void tileSelectHeads(LoopBuilder &b, HeadsOp op, ValueRange inputs, ValueRange outputs);
void tileScale(LoopBuilder &b, ScaleOp op, ValueRange inputs, ValueRange outputs);
void tileShortConv(LoopBuilder &b, ShortConvOp op, ValueRange inputs, ValueRange outputs);
void tileMerge(LoopBuilder &b, MergeOp op, ValueRange inputs, ValueRange outputs);
void tileGatedSum(LoopBuilder &b, GatedSumOp op, ValueRange inputs, ValueRange outputs);

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_TOKENOPS_H
