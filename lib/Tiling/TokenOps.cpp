//===- TokenOps.cpp - loops of the transforms that move or scale elements ---===//
#include "TokenOps.h"
#include "attn/Tiling/Transforms.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::attn;

/// Whether the module's target runs independent loops on lanes, not on vectors of one core.
static bool hasLanes(OpBuilder &builder) {
  Operation *function = builder.getInsertionBlock()->getParentOp();
  auto target = function->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("attn.target");
  return target && target.getWord("loops") == "lanes";
}

/// Loops remember what they are of: kernels and profiles are named after it.
static Location nameOf(Operation *op) {
  auto name = StringAttr::get(op->getContext(), op->getName().stripDialect());
  return NameLoc::get(name, op->getLoc());
}

LogicalResult attn::tileTokenOp(OpBuilder &builder, Operation *operation, ValueRange inputs,
                                ValueRange outputs) {
  LoopBuilder b(nameOf(operation), builder);
  bool lanes = hasLanes(builder);
  auto emit = [&](auto op, auto tile) {
    tile(b, op, inputs, outputs);
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](RopeOp op) { return emit(op, tileRope); })
      .Case([&](NormOp op) { return emit(op, tileNorm); })
      .Case([&](ExpandOp op) { return emit(op, lanes ? expandOnLanes : tileExpand); })
      .Case([&](ConcatOp op) { return emit(op, tileConcat); })
      .Case([&](HeadsOp op) { return emit(op, tileSelectHeads); })
      .Case([&](ScaleOp op) { return emit(op, tileScale); })
      .Case([&](ShortConvOp op) { return emit(op, tileShortConv); })
      .Case([&](MergeOp op) { return emit(op, tileMerge); })
      .Case([&](GatedSumOp op) { return emit(op, tileGatedSum); })
      .Case([&](ProjectOp op) { return emit(op, lanes ? projectOnLanes : tileProject); })
      .Case([&](AppendOp op) { return emit(op, tileAppend); })
      .Case([&](AddOp op) { return emit(op, tileAdd); })
      .Case([&](BiasOp op) { return emit(op, tileBias); })
      .Case([&](ClampOp op) { return emit(op, tileClamp); })
      .Case([&](CarryOp op) { return emit(op, tileCarry); })
      .Case([&](GateOp op) { return emit(op, tileGate); })
      .Case([&](ShiftOp op) { return emit(op, tileShift); })
      .Case([&](JoinHeadsOp op) { return emit(op, tileJoinHeads); })
      .Case([&](ComposeOp op) { return emit(op, tileCompose); })
      .Case([&](CombineOp op) { return emit(op, tileCombine); })
      .Case([&](SelectionOp op) { return emit(op, tileSelection); })
      .Default([](Operation *op) {
        return op->emitOpError("expected a token transform, which becomes loops; this is none");
      });
}

/// Parts that were made in their place (FunctionTiler::partOfConcat) stay there.
void attn::tileConcat(LoopBuilder &b, ConcatOp op, ValueRange inputs, ValueRange outputs) {
  Value out = outputs.front();
  auto isThere = [&](Value part) {
    auto view = part.getDefiningOp<memref::SubViewOp>();
    return view && view.getSource() == out;
  };
  if (llvm::all_of(inputs, isThere))
    return;
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    int64_t first = 0;
    for (Value part : inputs) {
      auto type = cast<MemRefType>(part.getType());
      Value partHead = type.getDimSize(1) == 1 ? indexConstant(b, 0) : head;
      auto move = [&](Value i) {
        Value element = memref::LoadOp::create(b, part, ValueRange{batch, partHead, token, i});
        memref::StoreOp::create(b, element, out,
                                ValueRange{batch, head, token, addIndex(b, i, first)});
      };
      if (!isThere(part))
        forRange(b, 0, type.getDimSize(3), move);
      first += type.getDimSize(3);
    }
  });
}

void attn::tileSelectHeads(LoopBuilder &b, HeadsOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs.front(), out = outputs.front();
  auto heads = static_cast<int64_t>(op.getTable().size());
  auto type = RankedTensorType::get({heads}, b.getI64Type());
  Value table = constantTable(b, "attn_heads", DenseIntElementsAttr::get(type, op.getTable()));
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    Value entry = memref::LoadOp::create(b, table, head);
    Value from = arith::IndexCastOp::create(b, b.getIndexType(), entry);
    forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), [&](Value i) {
      Value element = memref::LoadOp::create(b, in, ValueRange{batch, from, token, i});
      memref::StoreOp::create(b, element, out, ValueRange{batch, head, token, i});
    });
  });
}

void attn::tileScale(LoopBuilder &b, ScaleOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs.front(), out = outputs.front();
  Value factor = f32Constant(b, op.getFactor().convertToDouble());
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), [&](Value i) {
      SmallVector<Value, 4> at = {batch, head, token, i};
      storeF32(b, arith::MulFOp::create(b, loadF32(b, in, at), factor), out, at);
    });
  });
}
