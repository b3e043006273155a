//===- TokenOpsExpand.cpp - loops of the linear image of each token ---===//
//
// Register blocks of vectors of 16 float32: 6 tokens by 16 columns are 12 accumulators of 8 lanes,
// which 16 registers hold, or 6 of 16 lanes, which hide the latency of a fused multiply-add. Such
// blocks read the weight from a packed panel of 16 columns: its rows lie a large power of two
// apart in memory, so that a panel would fill few sets of the cache.
#include "TokenOps.h"
#include "VectorLoops.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// The memrefs of one expansion, and where the current head finds its input and weight.
struct Expansion {
  Value in, weight, out;
  bool transposed;
  int64_t inner, outer; // sizes of input and result vectors
  Value panel;          // [inner][lanes] f32, the packed columns
  Value batch, head, inHead, weightHead;
};

/// A register block: `tokens` rows from `token` on.
struct TokenBlock {
  Value token;
  int64_t tokens;
};

} // namespace

static int64_t columnLanes(const Expansion &e) { return dividingPower(e.outer, maxLanes); }

static Value loadInput(LoopBuilder &b, const Expansion &e, Value token, Value k) {
  Value x = loadF32(b, e.in, ValueRange{e.batch, e.inHead, token, k});
  return vector::BroadcastOp::create(b, VectorType::get({columnLanes(e)}, b.getF32Type()), x);
}

/// Fills the panel with the weight's columns [column, column + lanes).
static void packColumns(LoopBuilder &b, const Expansion &e, Value column) {
  forRange(b, 0, e.inner, [&](Value k) {
    Value row = loadVector(b, e.weight, ValueRange{e.weightHead, k, column}, columnLanes(e));
    storeVector(b, row, e.panel, ValueRange{k, indexConstant(b, 0)});
  });
}

/// out[token + t][column ..] = sum_k in[token + t][k] * panel[k], lanes along the columns.
static void productByPanel(LoopBuilder &b, const Expansion &e, const TokenBlock &block,
                           Value column) {
  auto step = [&](Value k, SmallVector<Value> &sums) {
    Value row = loadVector(b, e.panel, ValueRange{k, indexConstant(b, 0)}, columnLanes(e));
    for (auto [t, sum] : llvm::enumerate(sums)) {
      Value token = addIndex(b, block.token, static_cast<int64_t>(t));
      sum = vector::FMAOp::create(b, loadInput(b, e, token, k), row, sum);
    }
  };
  auto sums = accumulate(b, e.inner, 1, columnLanes(e), block.tokens, step);
  for (auto [t, sum] : llvm::enumerate(sums)) {
    Value token = addIndex(b, block.token, static_cast<int64_t>(t));
    storeVector(b, sum, e.out, ValueRange{e.batch, e.head, token, column});
  }
}

/// The same for one token, from the weight as it lies: it is read once only. One sum would wait for
/// itself, so several vectors of columns.
static void productOfToken(LoopBuilder &b, const Expansion &e, Value token) {
  int64_t lanes = columnLanes(e), vectors = dividingPower(e.outer / lanes, 4);
  forStep(b, e.outer, lanes * vectors, [&](Value column) {
    auto step = [&](Value k, SmallVector<Value> &sums) {
      Value x = loadInput(b, e, token, k);
      for (auto [v, sum] : llvm::enumerate(sums)) {
        Value at = addIndex(b, column, static_cast<int64_t>(v) * lanes);
        Value row = loadVector(b, e.weight, ValueRange{e.weightHead, k, at}, lanes);
        sum = vector::FMAOp::create(b, x, row, sum);
      }
    };
    auto sums = accumulate(b, e.inner, 1, lanes, vectors, step);
    for (auto [v, sum] : llvm::enumerate(sums)) {
      Value at = addIndex(b, column, static_cast<int64_t>(v) * lanes);
      storeVector(b, sum, e.out, ValueRange{e.batch, e.head, token, at});
    }
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
        Value sum =
            vector::ReductionOp::create(b, vector::CombiningKind::ADD, sums[r * block.tokens + t],
                                        arith::FastMathFlags::reassoc);
        storeF32(b, sum, e.out,
                 ValueRange{e.batch, e.head, addIndex(b, block.token, t), addIndex(b, column, r)});
      }
  });
}

/// Head of a memref whose heads are all equal to the result's, or one for all.
static Value headIn(LoopBuilder &b, Value memref, int64_t dimension, Value head) {
  bool shared = cast<MemRefType>(memref.getType()).getDimSize(dimension) == 1;
  return shared ? indexConstant(b, 0) : head;
}

/// First token of [first, end) that whole blocks of `tokens` leave over.
static Value leftOver(LoopBuilder &b, Value first, Value end, int64_t tokens) {
  Value count = arith::SubIOp::create(b, end, first);
  return arith::SubIOp::create(b, end, arith::RemUIOp::create(b, count, indexConstant(b, tokens)));
}

static void forBlocks(LoopBuilder &b, Value first, Value end, int64_t tokens,
                      function_ref<void(const TokenBlock &)> body) {
  auto loop = scf::ForOp::create(b, first, end, indexConstant(b, tokens));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body({loop.getInductionVar(), tokens});
}

/// Tokens [first, end) of one head, by packed panels of columns.
static void expandTokens(LoopBuilder &b, const Expansion &e, Value first, Value end) {
  constexpr int64_t tokens = 6;
  Value left = leftOver(b, first, end, tokens);
  Value some = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, left, first);
  auto branch = scf::IfOp::create(b, some, /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    forStep(b, e.outer, columnLanes(e), [&](Value column) {
      packColumns(b, e, column);
      forBlocks(b, first, left, tokens,
                [&](const TokenBlock &block) { productByPanel(b, e, block, column); });
    });
  }
  forRange(b, left, end, [&](Value token) { productOfToken(b, e, token); });
}

static void expandTokensTransposed(LoopBuilder &b, const Expansion &e, Value first, Value end) {
  constexpr int64_t tokens = 3;
  Value left = leftOver(b, first, end, tokens);
  forBlocks(b, first, left, tokens, [&](const TokenBlock &block) { productByRows(b, e, block); });
  forRange(b, left, end, [&](Value token) { productByRows(b, e, {token, 1}); });
}

void attn::tileExpand(LoopBuilder &b, ExpandOp op, ValueRange inputs, ValueRange outputs) {
  Expansion e;
  e.in = inputs[0], e.weight = inputs[1], e.out = outputs[0];
  e.transposed = op.getTransposed();
  e.inner = cast<MemRefType>(e.in.getType()).getDimSize(3);
  e.outer = cast<MemRefType>(e.out.getType()).getDimSize(3);
  // Enough tokens to make a packed panel worth its copy.
  Value length = sizeOf(b, e.out, 2), size = indexConstant(b, 48);
  Value blocks = arith::CeilDivUIOp::create(b, length, size);
  parallelFor(b, {sizeOf(b, e.out, 0), sizeOf(b, e.out, 1), blocks}, [&](ValueRange at) {
    e.batch = at[0], e.head = at[1];
    e.inHead = headIn(b, e.in, 1, e.head);
    e.weightHead = headIn(b, e.weight, 0, e.head);
    Value first = arith::MulIOp::create(b, at[2], size);
    Value end = arith::MinUIOp::create(b, arith::AddIOp::create(b, first, size), length);
    if (e.transposed)
      return expandTokensTransposed(b, e, first, end);
    auto panel = MemRefType::get({e.inner, columnLanes(e)}, b.getF32Type());
    e.panel = memref::AllocaOp::create(b, panel, b.getI64IntegerAttr(64));
    expandTokens(b, e, first, end);
  });
}
