//===- ScoreRegion.cpp - copies a score region into the tiled form ---===//
#include "attn/Tiling/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::attn;

/// The clone's first operand is a memref already, so the typed accessors would not hold.
static void replaceTensorRead(OpBuilder &builder, Operation *read) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(read);
  Value source = read->getOperand(0);
  Value result;
  if (isa<tensor::ExtractOp>(read))
    result =
        memref::LoadOp::create(builder, read->getLoc(), source, read->getOperands().drop_front());
  else
    result = memref::DimOp::create(builder, read->getLoc(), source, read->getOperand(1));
  read->getResult(0).replaceAllUsesWith(result);
  read->erase();
}

void attn::cloneScoreRegion(OpBuilder &builder, Region &from, Region &to,
                            const IRMapping &captured) {
  IRMapping mapping = captured;
  from.cloneInto(&to, mapping);
  SmallVector<Operation *> reads;
  to.walk([&](Operation *op) {
    if (isa<tensor::ExtractOp, tensor::DimOp>(op))
      reads.push_back(op);
  });
  for (Operation *read : reads)
    replaceTensorRead(builder, read);
}
