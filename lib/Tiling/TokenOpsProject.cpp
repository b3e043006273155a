//===- TokenOpsProject.cpp - loops of the output projection ---===//
//
// A block of tokens meets one head's columns packed, 16 at a time, and adds to sums in memory that
// the first-level cache holds. A single token reads the weight as it lies, once.
#include "TokenOps.h"
#include "VectorLoops.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// The memrefs of one projection, and the columns [column, column + vectors * lanes) of an item.
struct Projection {
  Value in, weight, out;
  int64_t heads, inner, lanes, vectors;
  Value panel; // [inner][lanes] f32, one head's packed columns
  Value sums;  // [tokens of an item][lanes] f32
  Value batch, column;
};

} // namespace

/// Tokens of an item, enough to make a packed panel worth its copy, and of a register block.
static constexpr int64_t itemTokens = 48, blockTokens = 6;

static Value loadInput(LoopBuilder &b, const Projection &p, Value head, Value token, Value k) {
  Value x = loadF32(b, p.in, ValueRange{p.batch, head, token, k});
  return vector::BroadcastOp::create(b, VectorType::get({p.lanes}, b.getF32Type()), x);
}

/// sums[at + t] += sum_k in[head][token + t][k] * panel[k].
static void addBlock(LoopBuilder &b, const Projection &p, Value head, Value token, Value at) {
  Value zero = indexConstant(b, 0);
  auto step = [&](Value k, SmallVector<Value> &sums) {
    Value row = loadVector(b, p.panel, ValueRange{k, zero}, p.lanes);
    for (auto [t, sum] : llvm::enumerate(sums)) {
      Value x = loadInput(b, p, head, addIndex(b, token, static_cast<int64_t>(t)), k);
      sum = vector::FMAOp::create(b, x, row, sum);
    }
  };
  SmallVector<Value> sums;
  for (int64_t t = 0; t < blockTokens; ++t)
    sums.push_back(loadVector(b, p.sums, ValueRange{addIndex(b, at, t), zero}, p.lanes));
  sums = accumulate(b, p.inner, 1, sums, step);
  for (int64_t t = 0; t < blockTokens; ++t)
    storeVector(b, sums[t], p.sums, ValueRange{addIndex(b, at, t), zero});
}

/// Visits the blocks of [first, end) with the place of each in `sums`.
static void forBlocks(LoopBuilder &b, Value first, Value end,
                      function_ref<void(Value token, Value at)> body) {
  auto loop = scf::ForOp::create(b, first, end, indexConstant(b, blockTokens));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar(), arith::SubIOp::create(b, loop.getInductionVar(), first));
}

static void packColumns(LoopBuilder &b, const Projection &p, Value head, Value column) {
  forRange(b, 0, p.inner, [&](Value k) {
    storeVector(b, loadVector(b, p.weight, ValueRange{head, k, column}, p.lanes), p.panel,
                ValueRange{k, indexConstant(b, 0)});
  });
}

/// Whole blocks of tokens [first, end), one vector of columns from `column` on.
static void projectBlocks(LoopBuilder &b, const Projection &p, Value first, Value end,
                          Value column) {
  Value zero = indexConstant(b, 0);
  Value nothing =
      arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get({p.lanes}, b.getF32Type())));
  forRange(b, 0, itemTokens,
           [&](Value t) { storeVector(b, nothing, p.sums, ValueRange{t, zero}); });
  forRange(b, 0, p.heads, [&](Value head) {
    packColumns(b, p, head, column);
    forBlocks(b, first, end, [&](Value token, Value at) { addBlock(b, p, head, token, at); });
  });
  forRange(b, first, end, [&](Value token) {
    Value at = arith::SubIOp::create(b, token, first);
    storeVector(b, loadVector(b, p.sums, ValueRange{at, zero}, p.lanes), p.out,
                ValueRange{p.batch, token, column});
  });
}

/// One token, all vectors of the item's columns at once: one sum would wait for itself.
static void projectToken(LoopBuilder &b, const Projection &p, Value token) {
  auto columnOf = [&](size_t v) {
    return addIndex(b, p.column, static_cast<int64_t>(v) * p.lanes);
  };
  auto sums = accumulate(b, p.heads, 1, p.lanes, p.vectors, [&](Value head, auto &outer) {
    outer = accumulate(b, p.inner, 1, outer, [&](Value k, SmallVector<Value> &inner) {
      Value x = loadInput(b, p, head, token, k);
      for (auto [v, sum] : llvm::enumerate(inner))
        sum = vector::FMAOp::create(
            b, x, loadVector(b, p.weight, ValueRange{head, k, columnOf(v)}, p.lanes), sum);
    });
  });
  for (auto [v, sum] : llvm::enumerate(sums))
    storeVector(b, sum, p.out, ValueRange{p.batch, token, columnOf(v)});
}

static void projectItem(LoopBuilder &b, const Projection &p, Value first, Value end) {
  Value count = arith::SubIOp::create(b, end, first);
  Value rest = arith::RemUIOp::create(b, count, indexConstant(b, blockTokens));
  Value left = arith::SubIOp::create(b, end, rest);
  Value some = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, left, first);
  auto branch = scf::IfOp::create(b, some, /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    forStep(b, p.lanes * p.vectors, p.lanes, [&](Value at) {
      projectBlocks(b, p, first, left, arith::AddIOp::create(b, p.column, at));
    });
  }
  forRange(b, left, end, [&](Value token) { projectToken(b, p, token); });
}

static Value scratch(LoopBuilder &b, int64_t rows, int64_t lanes) {
  auto type = MemRefType::get({rows, lanes}, b.getF32Type());
  return memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
}

void attn::tileProject(LoopBuilder &b, ProjectOp, ValueRange inputs, ValueRange outputs) {
  Projection p;
  p.in = inputs[0], p.weight = inputs[1], p.out = outputs[0];
  auto weight = cast<MemRefType>(p.weight.getType());
  p.heads = weight.getDimSize(0), p.inner = weight.getDimSize(1);
  p.lanes = dividingPower(weight.getDimSize(2), maxLanes);
  p.vectors = dividingPower(weight.getDimSize(2) / p.lanes, 4);
  Value length = sizeOf(b, p.out, 1), size = indexConstant(b, itemTokens);
  Value blocks = arith::CeilDivUIOp::create(b, length, size);
  Value columns = indexConstant(b, weight.getDimSize(2) / (p.lanes * p.vectors));
  parallelFor(b, {sizeOf(b, p.out, 0), blocks, columns}, [&](ValueRange at) {
    p.batch = at[0];
    p.column = arith::MulIOp::create(b, at[2], indexConstant(b, p.lanes * p.vectors));
    p.panel = scratch(b, p.inner, p.lanes);
    p.sums = scratch(b, itemTokens, p.lanes);
    Value first = arith::MulIOp::create(b, at[1], size);
    Value end = arith::MinUIOp::create(b, arith::AddIOp::create(b, first, size), length);
    projectItem(b, p, first, end);
  });
}
