//===- ProductLoop.cpp - a product's loop over its depth ---------------------===//
#include "ProductKernel.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr int64_t chunk = 8, chunkBytes = 16;
/// Depth of one `mma`.
static constexpr int64_t step = 16;

/// `ldmatrix` takes the address of a row of 16 bytes from each lane, four matrices of eight rows.
/// In: rows 0-7 and 8-15 of the first half of the depth, then of the second. Weights: both halves
/// of the depth for columns 0-7, then for 8-15.
void ProductEmitter::placeLanes() {
  Val row = warpRow + (lane & 15), half = lane >> 4;
  for (int64_t k = 0; k < t.depth / step; ++k)
    inLanes.push_back(row * (2 * t.depth) +
                      chunkOf(half + 2 * k, row, t.depth / chunk) * chunkBytes);
  Val line = lane & 7, second = (lane >> 3) & 1, third = lane >> 4;
  if (nest.transposed) {
    Val column = warpColumn + line + (third << 3);
    for (int64_t k = 0; k < t.depth / step; ++k)
      weightLanes.push_back(column * (2 * t.depth) +
                            chunkOf(second + 2 * k, column, t.depth / chunk) * chunkBytes);
    return;
  }
  Val depth = line + (second << 3);
  for (int64_t n = 0; n < t.columnTiles() / 2; ++n)
    weightLanes.push_back(depth * (2 * t.columns) +
                          chunkOf(warpColumn.div(chunk) + third + 2 * n, depth, t.columns / chunk) *
                              chunkBytes);
}

Vals ProductEmitter::loadMatrices(Val address, bool transposed) {
  return b.ptx(Twine("ldmatrix.sync.aligned.m8n8.x4") + (transposed ? ".trans" : "") +
                   ".shared.b16 {$0, $1, $2, $3}, [$4];",
               {}, SmallVector<Type>(4, b.getI32Type()), {address});
}

/// One stage: sums are [row tile][column tile][4].
Vals ProductEmitter::multiply(Val slot, Vals sums) {
  std::string type = isHalf ? ".f16" : ".bf16";
  std::string text = "mma.sync.aligned.m16n8k16.row.col.f32" + type + type +
                     ".f32 {$0, $1, $2, $3}, {$8, $9, $10, $11}, {$12, $13}, {$0, $1, $2, $3};";
  Val weights = slot + t.inBytes();
  for (int64_t k = 0; k < t.depth / step; ++k) {
    SmallVector<Vals> left, right;
    for (int64_t m = 0; m < t.rowTiles(); ++m)
      left.push_back(loadMatrices(slot + inLanes[static_cast<size_t>(k)] + m * 16 * 2 * t.depth,
                                  /*transposed=*/false));
    for (int64_t n = 0; n < t.columnTiles() / 2; ++n)
      right.push_back(nest.transposed ? loadMatrices(weights + weightLanes[static_cast<size_t>(k)] +
                                                         n * 16 * 2 * t.depth,
                                                     false)
                                      : loadMatrices(weights + weightLanes[static_cast<size_t>(n)] +
                                                         k * step * 2 * t.columns,
                                                     true));
    for (int64_t m = 0; m < t.rowTiles(); ++m)
      for (int64_t n = 0; n < t.columnTiles(); ++n) {
        auto at = static_cast<size_t>((m * t.columnTiles() + n) * 4);
        const Vals &x = left[static_cast<size_t>(m)], &y = right[static_cast<size_t>(n / 2)];
        auto first = static_cast<size_t>(n % 2 * 2);
        Vals next = b.ptx(text, {sums[at], sums[at + 1], sums[at + 2], sums[at + 3]}, {},
                          {x[0], x[1], x[2], x[3], y[first], y[first + 1]}, /*hasEffects=*/false);
        llvm::copy(next, sums.begin() + static_cast<std::ptrdiff_t>(at));
      }
  }
  return sums;
}

void ProductEmitter::emit() {
  OpBuilder::InsertionGuard guard(b);
  createFunction();
  placeBlock();
  placeLanes();
  rowCopies = copiesOfRows(), weightCopies = copiesOfWeights();
  if (b.followsLaunches)
    b.followLaunchBefore();
  Val count = b.i32(nest.sums * llvm::divideCeil(nest.inner, t.depth));
  // A group is committed also where nothing is left to load, so that their number tells the stage.
  auto loadAhead = [&](Val number) {
    b.ifThen(number.lt(count), [&] { load(number); });
    b.ptx("cp.async.commit_group;", {});
  };
  for (int64_t i = 0; i + 1 < t.stages; ++i)
    loadAhead(b.i32(i));
  Vals zeros(static_cast<size_t>(t.rowTiles() * t.columnTiles() * 4), b.f32(0));
  Vals sums = b.loop(b.i32(0), count, zeros, [&](Val number, Vals carried) {
    b.ptx("cp.async.wait_group " + Twine(t.stages - 2) + ";", {});
    b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
    loadAhead(number + (t.stages - 1));
    Val slot = shared(0) + (number - number.div(t.stages) * t.stages) * t.stageBytes();
    return multiply(slot, carried);
  });
  b.ptx("cp.async.wait_group 0;", {});
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
  store(sums);
  LLVM::ReturnOp::create(b, ValueRange());
}
