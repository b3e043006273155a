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
void tileProject(LoopBuilder &b, ProjectOp op, ValueRange inputs, ValueRange outputs);
/// The one that may be given its input's memory as output.
void tileAppend(LoopBuilder &b, AppendOp op, ValueRange inputs, ValueRange outputs);
void tileAdd(LoopBuilder &b, AddOp op, ValueRange inputs, ValueRange outputs);
void tileBias(LoopBuilder &b, BiasOp op, ValueRange inputs, ValueRange outputs);
void tileClamp(LoopBuilder &b, ClampOp op, ValueRange inputs, ValueRange outputs);
void tileCarry(LoopBuilder &b, CarryOp op, ValueRange inputs, ValueRange outputs);
void tileGate(LoopBuilder &b, GateOp op, ValueRange inputs, ValueRange outputs);
void tileShift(LoopBuilder &b, ShiftOp op, ValueRange inputs, ValueRange outputs);
void tileJoinHeads(LoopBuilder &b, JoinHeadsOp op, ValueRange inputs, ValueRange outputs);
void tileCompose(LoopBuilder &b, ComposeOp op, ValueRange inputs, ValueRange outputs);
void tileCombine(LoopBuilder &b, CombineOp op, ValueRange inputs, ValueRange outputs);
void tileSelection(LoopBuilder &b, SelectionOp op, ValueRange inputs, ValueRange outputs);

// Second forms for targets with `loops = lanes`.
void expandOnLanes(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs);
void projectOnLanes(LoopBuilder &b, ProjectOp op, ValueRange inputs, ValueRange outputs);

} // namespace mlir::attn

#endif // ATTN_LIB_TILING_TOKENOPS_H
