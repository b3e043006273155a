//===- WarpLoads.cpp - asynchronous copies of the warps' form ---------------===//
#include "WarpKernel.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Who copies what
//===----------------------------------------------------------------------===//

int64_t CopyPlan::threadsPerRow() const {
  return static_cast<int64_t>(llvm::PowerOf2Ceil(static_cast<uint64_t>(pieces())));
}

static int64_t logOf(int64_t powerOfTwo) {
  return llvm::Log2_64(static_cast<uint64_t>(powerOfTwo));
}

/// The thread's piece of a row, and its row in a pass.
static std::pair<Val, Val> shareOf(const CopyPlan &copy, Val thread) {
  return {thread & (copy.threadsPerRow() - 1), thread >> logOf(copy.threadsPerRow())};
}

/// The thread's piece of its first row of the tensor's head.
CopySource WarpEmitter::sourceOf(const TensorAddress &tensor, const CopyPlan &copy, Val batch,
                                 Val head) {
  auto [piece, row] = shareOf(copy, thread);
  Val rowStep = tensor.row << 1;
  Val start = (batch.wide() * tensor.batch + head.wide() * tensor.head) << 1;
  return {tensor.address + start + (piece << 4).wide() + row.wide() * rowStep, rowStep};
}

/// Where the thread's first piece goes in a tile at `offset` of shared memory.
Val WarpEmitter::targetOf(const CopyPlan &copy, int64_t offset) {
  auto [piece, row] = shareOf(copy, thread);
  return shared(offset) + row * WarpTile::rowBytes(copy.size) + (piece << 4);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

namespace {
/// Text of a thread's copies of one tile. Operands: target, source, step from pass to pass; then
/// what is there of: a flag, rows left in the tensor and in the tile.
struct CopyText {
  const CopyPlan &copy;
  bool hasFlag, isBounded, isPartial;

  std::string operand(size_t number) const { return "$" + std::to_string(number); }
  size_t flag() const { return 3; }
  size_t left() const { return 3 + hasFlag; }
  size_t inTile() const { return left() + isBounded; }
  std::string pass(int64_t number) const;
  std::string all() const;
};
} // namespace

/// Rows past the tensor's end arrive as zeros, and nothing is read for them.
std::string CopyText::pass(int64_t number) const {
  std::string first = std::to_string(number * copy.rowsPerPass()), guard, text;
  if (hasFlag)
    guard = "@p ";
  if (isPartial) {
    text += "setp.gt.s32 r, " + operand(inTile()) + ", " + first + ";\n";
    if (hasFlag)
      text += "and.pred r, r, p;\n";
    guard = "@r ";
  }
  if (isBounded)
    text += "setp.gt.s32 q, " + operand(left()) + ", " + first + ";\nselp.b32 n, 16, 0, q;\n";
  int64_t at = number * copy.rowsPerPass() * WarpTile::rowBytes(copy.size);
  return text + guard + "cp.async.cg.shared.global.L2::128B [" + operand(0) + "+" +
         std::to_string(at) + "], [a], 16" + (isBounded ? ", n" : "") + ";\n";
}

std::string CopyText::all() const {
  std::string text = "{ .reg .pred p, q, r; .reg .b64 a; .reg .b32 n;\nmov.b64 a, $1;\n";
  if (hasFlag)
    text += "setp.ne.s32 p, " + operand(flag()) + ", 0;\n";
  for (int64_t i = 0; i < copy.passes(); ++i)
    text += (i ? "add.s64 a, a, $2;\n" : "") + pass(i);
  return text + "}";
}

/// The thread's part of rows `firstRow` and following. `go`: a flag, null for always. `end`: rows
/// of the tensor, null where all rows of the tile are there.
void WarpEmitter::copy(const CopyPlan &copy, const CopySource &source, Val target, Val firstRow,
                       Val go, Val end) {
  auto [piece, row] = shareOf(copy, thread);
  CopyText text{copy, static_cast<bool>(go), static_cast<bool>(end), !copy.isWhole()};
  Vals operands = {target, source.address + firstRow.wide() * source.rowStep,
                   source.rowStep * copy.rowsPerPass()};
  if (go)
    operands.push_back(go.select(b.i32(1), b.i32(0)));
  if (end)
    operands.push_back(end - firstRow - row);
  if (!copy.isWhole()) {
    Val rows = b.i32(copy.rows) - row;
    bool isNarrow = copy.pieces() < copy.threadsPerRow();
    operands.push_back(isNarrow ? piece.lt(b.i32(copy.pieces())).select(rows, b.i32(0)) : rows);
  }
  b.ptx(text.all(), operands);
}

void WarpEmitter::commitCopies() { b.ptx("cp.async.commit_group;", {}); }

void WarpEmitter::waitCopies(int64_t pending) {
  b.ptx("cp.async.wait_group " + Twine(pending) + ";", {});
}

/// All warps of the block.
void WarpEmitter::meet() {
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
}

/// Columns between the head size and the next multiple of 16, which scores multiply, too: zeros
/// once, no copy writes there.
void WarpEmitter::clearPadding() {
  if (w.qkSize % 16 == 0)
    return;
  int64_t rows = w.rows() + w.stages * w.keys, rowBytes = WarpTile::rowBytes(w.qkSize);
  b.loop(b.i32(0), (b.i32(rows + w.threads() - 1) - thread).div(w.threads()), {},
         [&](Val i, Vals) -> Vals {
           Val row = i * w.threads() + thread;
           b.ptx("st.shared.v4.b32 [$0], {$1, $1, $1, $1};",
                 {shared(2 * w.qkSize) + row * rowBytes, b.i32(0)});
           return {};
         });
}
