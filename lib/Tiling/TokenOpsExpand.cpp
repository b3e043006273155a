//===- TokenOpsExpand.cpp - loops of the linear image of each token ---===//
//
// Register blocks of vectors of 16 float32: 6 tokens by 16 columns are 12 accumulators of 8 lanes,
// which 16 registers hold, or 6 of 16 lanes, which hide the latency of a fused multiply-add.
#include "TokenOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// The memrefs of one expansion, and where the current head finds its input and weight.
struct Expansion {
  Value in, weight, out;
  bool transposed;
  int64_t inner, outer; // sizes of input and result vectors
  Value batch, head, inHead, weightHead;
};

/// A register block: `tokens` rows from `token` on.
struct TokenBlock {
  Value token;
  int64_t tokens;
};

} // namespace

static constexpr int64_t maxLanes = 16;

/// Widest power of two up to `limit` that divides `size`.
static int64_t dividingPower(int64_t size, int64_t limit) {
  while (size % limit != 0)
    limit /= 2;
  return limit;
}

static Value loadVector(LoopBuilder &b, Value memref, ValueRange at, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value loaded = vector::LoadOp::create(b, VectorType::get({lanes}, element), memref, at);
  auto wide = VectorType::get({lanes}, b.getF32Type());
  return element.isF32() ? loaded : arith::ExtFOp::create(b, wide, loaded).getResult();
}

static void storeVector(LoopBuilder &b, Value value, Value memref, ValueRange at) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto narrow = VectorType::get(cast<VectorType>(value.getType()).getShape(), element);
  if (!element.isF32())
    value = arith::TruncFOp::create(b, narrow, value);
  vector::StoreOp::create(b, value, memref, at);
}

/// `for k in [0, upper) step`, carrying `count` zero vectors that `body` adds to.
static SmallVector<Value> accumulate(LoopBuilder &b, int64_t upper, int64_t step, int64_t lanes,
                                     int64_t count,
                                     function_ref<void(Value k, SmallVector<Value> &)> body) {
  auto type = VectorType::get({lanes}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> zeros(count, zero);
  auto loop = scf::ForOp::create(b, indexConstant(b, 0), indexConstant(b, upper),
                                 indexConstant(b, step), zeros);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> sums(loop.getRegionIterArgs());
  body(loop.getInductionVar(), sums);
  scf::YieldOp::create(b, sums);
  return SmallVector<Value>(loop.getResults());
}

static void forStep(LoopBuilder &b, int64_t upper, int64_t step, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, indexConstant(b, 0), indexConstant(b, upper),
                                 indexConstant(b, step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

/// out[token + t][c ..] += in[token + t][k] * weight[k][c ..], lanes along the columns.
static void productByColumns(LoopBuilder &b, const Expansion &e, const TokenBlock &block) {
  int64_t lanes = dividingPower(e.outer, maxLanes);
  // One token alone would wait for each sum: several vectors of columns instead.
  int64_t vectors = block.tokens > 1 ? 1 : dividingPower(e.outer / lanes, 4);
  forStep(b, e.outer, lanes * vectors, [&](Value column) {
    auto step = [&](Value k, SmallVector<Value> &sums) {
      for (int64_t v = 0; v < vectors; ++v) {
        SmallVector<Value> at = {e.weightHead, k, addIndex(b, column, v * lanes)};
        Value row = loadVector(b, e.weight, at, lanes);
        for (int64_t t = 0; t < block.tokens; ++t) {
          SmallVector<Value> from = {e.batch, e.inHead, addIndex(b, block.token, t), k};
          Value x = vector::BroadcastOp::create(b, row.getType(), loadF32(b, e.in, from));
          Value &sum = sums[v * block.tokens + t];
          sum = vector::FMAOp::create(b, x, row, sum);
        }
      }
    };
    auto sums = accumulate(b, e.inner, 1, lanes, vectors * block.tokens, step);
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t t = 0; t < block.tokens; ++t)
        storeVector(b, sums[v * block.tokens + t], e.out,
                    ValueRange{e.batch, e.head, addIndex(b, block.token, t),
                               addIndex(b, column, v * lanes)});
  });
}

/// out[token + t][c] = <in[token + t], weight[c]>, lanes along the sum.
static void productByRows(LoopBuilder &b, const Expansion &e, const TokenBlock &block) {
  int64_t lanes = dividingPower(e.inner, maxLanes);
  int64_t rows = dividingPower(e.outer, block.tokens > 1 ? 2 : 4);
  forStep(b, e.outer, rows, [&](Value column) {
    auto step = [&](Value k, SmallVector<Value> &sums) {
      SmallVector<Value> xs;
      for (int64_t t = 0; t < block.tokens; ++t)
        xs.push_back(loadVector(
            b, e.in, ValueRange{e.batch, e.inHead, addIndex(b, block.token, t), k}, lanes));
      for (int64_t r = 0; r < rows; ++r) {
        Value row =
            loadVector(b, e.weight, ValueRange{e.weightHead, addIndex(b, column, r), k}, lanes);
        for (int64_t t = 0; t < block.tokens; ++t) {
          Value &sum = sums[r * block.tokens + t];
          sum = vector::FMAOp::create(b, xs[t], row, sum);
        }
      }
    };
    auto sums = accumulate(b, e.inner, lanes, lanes, rows * block.tokens, step);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t t = 0; t < block.tokens; ++t) {
        Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD,
                                                sums[r * block.tokens + t],
                                                arith::FastMathFlags::reassoc);
        storeF32(b, sum, e.out,
                 ValueRange{e.batch, e.head, addIndex(b, block.token, t), addIndex(b, column, r)});
      }
  });
}

static void product(LoopBuilder &b, const Expansion &e, const TokenBlock &block) {
  e.transposed ? productByRows(b, e, block) : productByColumns(b, e, block);
}

/// Head of a memref whose heads are all equal to the result's, or one for all.
static Value headIn(LoopBuilder &b, Value memref, int64_t dimension, Value head) {
  bool shared = cast<MemRefType>(memref.getType()).getDimSize(dimension) == 1;
  return shared ? indexConstant(b, 0) : head;
}

/// A whole block of tokens, or one by one where fewer are left.
static void emitBlock(LoopBuilder &b, const Expansion &e, Value first, Value length,
                      int64_t tokens) {
  Value end = addIndex(b, first, tokens);
  Value whole = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, length);
  auto branch = scf::IfOp::create(b, whole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  product(b, e, {first, tokens});
  b.setInsertionPointToStart(branch.elseBlock());
  forRange(b, first, length, [&](Value token) { product(b, e, {token, 1}); });
}

void attn::tileExpand(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs) {
  Expansion e;
  e.in = inputs[0], e.weight = inputs[1], e.out = outputs[0];
  e.transposed = op.getTransposed();
  e.inner = cast<MemRefType>(e.in.getType()).getDimSize(3);
  e.outer = cast<MemRefType>(e.out.getType()).getDimSize(3);
  int64_t tokens = e.transposed ? 3 : 6;
  Value length = sizeOf(b, e.out, 2);
  Value size = indexConstant(b, tokens);
  Value blocks = arith::CeilDivUIOp::create(b, length, size);
  parallelFor(b, {sizeOf(b, e.out, 0), sizeOf(b, e.out, 1), blocks}, [&](ValueRange at) {
    e.batch = at[0], e.head = at[1];
    e.inHead = headIn(b, e.in, 1, e.head);
    e.weightHead = headIn(b, e.weight, 0, e.head);
    emitBlock(b, e, arith::MulIOp::create(b, at[2], size), length, tokens);
  });
}
