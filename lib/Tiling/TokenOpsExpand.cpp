//===- TokenOpsExpand.cpp - loops of the linear image of each token ---===//
#include "TokenOps.h"
#include "TokenOpsProduct.h"
#include "VectorLoops.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// The memrefs of one expansion by a transposed weight, and where the current head finds its input
/// and weight.
struct Expansion {
  Value in, weight, out;
  int64_t inner, outer; // sizes of input and result vectors
  Value head, inHead, weightHead;
  Value length; // tokens of a sequence
};

/// A register block: `rows` tokens from `row` on, of those of all sequences.
struct RowBlock {
  Value row;
  int64_t rows;
};

} // namespace

static SmallVector<Value, 4> placeOf(LoopBuilder &b, const Expansion &e, Value head, Value row) {
  return {arith::DivUIOp::create(b, row, e.length), head, arith::RemUIOp::create(b, row, e.length)};
}

static SmallVector<Value, 4> withColumn(SmallVector<Value, 4> place, Value column) {
  place.push_back(column);
  return place;
}

/// out[row + t][c] = <in[row + t], weight[c]>, lanes along the sum.
static void productByRows(LoopBuilder &b, const Expansion &e, const RowBlock &block) {
  int64_t lanes = dividingPower(e.inner, maxLanes);
  int64_t columns = dividingPower(e.outer, block.rows > 1 ? 2 : 4);
  SmallVector<SmallVector<Value, 4>> from, to;
  for (int64_t t = 0; t < block.rows; ++t) {
    from.push_back(placeOf(b, e, e.inHead, addIndex(b, block.row, t)));
    to.push_back(placeOf(b, e, e.head, addIndex(b, block.row, t)));
  }
  forStep(b, e.outer, columns, [&](Value column) {
    auto step = [&](Value k, SmallVector<Value> &sums) {
      SmallVector<Value> xs;
      for (const auto &place : from)
        xs.push_back(loadVector(b, e.in, withColumn(place, k), lanes));
      for (int64_t c = 0; c < columns; ++c) {
        SmallVector<Value, 3> place = {e.weightHead, addIndex(b, column, c), k};
        Value row = loadVector(b, e.weight, place, lanes);
        for (int64_t t = 0; t < block.rows; ++t) {
          Value &sum = sums[c * block.rows + t];
          sum = vector::FMAOp::create(b, xs[t], row, sum);
        }
      }
    };
    auto sums = accumulate(b, e.inner, lanes, lanes, columns * block.rows, step);
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t t = 0; t < block.rows; ++t) {
        Value sum = vector::ReductionOp::create(
            b, vector::CombiningKind::ADD, sums[c * block.rows + t], arith::FastMathFlags::reassoc);
        storeF32(b, sum, e.out, withColumn(to[t], addIndex(b, column, c)));
      }
  });
}

/// Head of a memref whose heads are all equal to the result's, or one for all.
static Value headIn(LoopBuilder &b, Value memref, int64_t dimension, Value head) {
  bool shared = cast<MemRefType>(memref.getType()).getDimSize(dimension) == 1;
  return shared ? indexConstant(b, 0) : head;
}

/// Rows [first, end) of one head.
static void expandTransposed(LoopBuilder &b, const Expansion &e, Value first, Value end) {
  constexpr int64_t rows = 3;
  Value rest =
      arith::RemUIOp::create(b, arith::SubIOp::create(b, end, first), indexConstant(b, rows));
  Value left = arith::SubIOp::create(b, end, rest);
  auto loop = scf::ForOp::create(b, first, left, indexConstant(b, rows));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    productByRows(b, e, {loop.getInductionVar(), rows});
  }
  forRange(b, left, end, [&](Value row) { productByRows(b, e, {row, 1}); });
}

static void tileTransposed(LoopBuilder &b, Expansion e) {
  e.length = sizeOf(b, e.in, 2);
  Value rows = arith::MulIOp::create(b, sizeOf(b, e.in, 0), e.length), size = indexConstant(b, 48);
  Value blocks = arith::CeilDivUIOp::create(b, rows, size);
  parallelFor(b, {sizeOf(b, e.out, 1), blocks}, [&](ValueRange at) {
    e.head = at[0];
    e.inHead = headIn(b, e.in, 1, e.head);
    e.weightHead = headIn(b, e.weight, 0, e.head);
    Value first = arith::MulIOp::create(b, at[1], size);
    Value end = arith::MinUIOp::create(b, arith::AddIOp::create(b, first, size), rows);
    expandTransposed(b, e, first, end);
  });
}

void attn::tileExpand(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs) {
  int64_t inner = cast<MemRefType>(inputs[0].getType()).getDimSize(3);
  auto out = cast<MemRefType>(outputs[0].getType());
  if (op.getTransposed())
    return tileTransposed(
        b, {inputs[0], inputs[1], outputs[0], inner, out.getDimSize(3), {}, {}, {}, {}});
  tileRowProduct(b, {inputs[0], inputs[1], outputs[0], /*heads=*/out.getDimSize(1), /*parts=*/1,
                     inner, out.getDimSize(3)});
}

void attn::tileProject(LoopBuilder &b, ProjectOp, ValueRange inputs, ValueRange outputs) {
  ArrayRef<int64_t> weight = cast<MemRefType>(inputs[1].getType()).getShape();
  tileRowProduct(b, {inputs[0], inputs[1], outputs[0], /*heads=*/0, /*parts=*/weight[0], weight[1],
                     weight[2]});
}
