//===- TokenOpsLanes.cpp - products of tokens and weights, element by element ---===//
//
// For targets whose independent loops run on lanes: neighbouring lanes make neighbouring columns
// and read neighbouring weights. No packed panels and no blocks of tokens, which suit one core.
#include "TokenOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Head of a memref whose heads are all equal to the result's, or one for all.
static Value headIn(LoopBuilder &b, Value memref, int64_t dimension, Value head) {
  bool isOne = cast<MemRefType>(memref.getType()).getDimSize(dimension) == 1;
  return isOne ? indexConstant(b, 0) : head;
}

void attn::expandOnLanes(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], weight = inputs[1], out = outputs[0];
  int64_t inner = cast<MemRefType>(in.getType()).getDimSize(3);
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    Value inHead = headIn(b, in, 1, head), weightHead = headIn(b, weight, 0, head);
    forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), [&](Value column) {
      Value sum = sumOver(b, inner, [&](Value k) -> Value {
        Value at[] = {weightHead, k, column};
        if (op.getTransposed())
          std::swap(at[1], at[2]);
        Value factor = loadF32(b, weight, at);
        return arith::MulFOp::create(b, loadF32(b, in, ValueRange{batch, inHead, token, k}),
                                     factor);
      });
      storeF32(b, sum, out, ValueRange{batch, head, token, column});
    });
  });
}

void attn::projectOnLanes(LoopBuilder &b, ProjectOp, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], weight = inputs[1], out = outputs[0];
  auto type = cast<MemRefType>(weight.getType());
  parallelFor(b, {sizeOf(b, out, 0), sizeOf(b, out, 1)}, [&](ValueRange at) {
    forRange(b, 0, type.getDimSize(2), [&](Value column) {
      Value sum = sumOver(b, type.getDimSize(0), [&](Value head) -> Value {
        return sumOver(b, type.getDimSize(1), [&](Value k) -> Value {
          return arith::MulFOp::create(b, loadF32(b, in, ValueRange{at[0], head, at[1], k}),
                                       loadF32(b, weight, ValueRange{head, k, column}));
        });
      });
      storeF32(b, sum, out, ValueRange{at[0], at[1], column});
    });
  });
}
