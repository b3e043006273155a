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

CopySource WarpEmitter::sourceOf(const TensorAddress &tensor, const CopyPlan &copy, int64_t place) {
  auto [piece, row] = shareOf(copy, thread);
  return {row * (tensor.row << 1).narrow() + (piece << 4),
          shared(0) + row * WarpTile::rowBytes(copy.size) + (piece << 4), place};
}

/// One thread leaves where rows `row` and following of a head lie.
void WarpEmitter::leaveSource(const CopySource &source, const TensorAddress &tensor, Val batch,
                              Val head, Val row) {
  Val start = batch.wide() * tensor.batch + head.wide() * tensor.head + row.wide() * tensor.row;
  b.ptx("st.shared.v2.b64 [$0], {$1, $2};",
        {shared(source.place), tensor.address + (start << 1), tensor.row << 1});
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

namespace {
/// Text of a thread's copies of one tile. Operands: target, place of the source, the thread's
/// offset, rows from this tile to the source's; then what is there of: a flag, rows left in the
/// tensor and in the tile.
struct CopyText {
  const CopyPlan &copy;
  int64_t region;
  bool hasFlag, isBounded, isPartial;

  static std::string operand(size_t number) { return "$" + std::to_string(number); }
  size_t flag() const { return 4; }
  size_t left() const { return flag() + hasFlag; }
  size_t inTile() const { return left() + isBounded; }
  std::string guard(const std::string &firstRow) const;
  std::string pass(int64_t number) const;
  std::string all() const;
};
} // namespace

/// Sets predicate `r` where the pass may not copy for all threads.
std::string CopyText::guard(const std::string &firstRow) const {
  if (!isPartial)
    return "";
  return "setp.gt.s32 r, " + operand(inTile()) + ", " + firstRow + ";\n" +
         (hasFlag ? "and.pred r, r, p;\n" : "");
}

/// Rows past the tensor's end arrive as zeros, and nothing is read for them.
std::string CopyText::pass(int64_t number) const {
  std::string first = std::to_string(number * copy.rowsPerPass()), text = guard(first);
  if (number)
    text += "add.u32 o, o, n;\n";
  text += "cvt.u64.u32 a, o;\nadd.s64 a, a, s;\n";
  if (isBounded)
    text += "setp.gt.s32 q, " + operand(left()) + ", " + first + ";\nselp.b32 z, 16, 0, q;\n";
  int64_t at = region + number * copy.rowsPerPass() * WarpTile::rowBytes(copy.size);
  return text +
         (isPartial ? "@r "
          : hasFlag ? "@p "
                    : "") +
         "cp.async.cg.shared.global.L2::128B [$0+" + std::to_string(at) + "], [a], 16" +
         (isBounded ? ", z;\n" : ";\n");
}

std::string CopyText::all() const {
  std::string text = "{ .reg .pred p, q, r; .reg .b64 a, s, t; .reg .b32 n, o, z;\n"
                     "ld.shared.v2.b64 {s, t}, [$1];\n"
                     "cvt.u32.u64 n, t;\ncvt.s64.s32 a, $3;\nmul.lo.s64 a, a, t;\n"
                     "sub.s64 s, s, a;\nmul.lo.u32 n, n, " +
                     std::to_string(copy.rowsPerPass()) + ";\nmov.b32 o, $2;\n";
  if (hasFlag)
    text += "setp.ne.s32 p, " + operand(flag()) + ", 0;\n";
  for (int64_t i = 0; i < copy.passes(); ++i)
    text += pass(i);
  return text + "}";
}

/// The thread's part of the tile that begins `rowsBefore` rows before the source's, to `region` of
/// shared memory and `slot` bytes behind. `go`: a flag, null for always. `left`: rows that the
/// tensor has from the tile's first on, null where all rows of the tile are there.
void WarpEmitter::copy(const CopyPlan &copy, const CopySource &source, int64_t region, Val slot,
                       Val rowsBefore, Val go, Val left) {
  auto [piece, row] = shareOf(copy, thread);
  CopyText text{copy, region, static_cast<bool>(go), static_cast<bool>(left), !copy.isWhole()};
  Vals operands = {source.target + slot, shared(source.place), source.offset, rowsBefore};
  if (go)
    operands.push_back(go.select(b.i32(1), b.i32(0)));
  if (left)
    operands.push_back(left - row);
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
