//===- Softmax.cpp - weights of scores in registers --------------------------===//
//
// With `maximum = lazy` a row keeps the reference it has when its tiles without mask code begin: an
// element of the row, so nothing underflows, and bf16 has float32's range, so weights above one
// lose no precision. What may go wrong shows in the row's sum, and the tile is computed again.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

/// A sum at or above it, or NaN, flags the tile: the accumulator's last products still have room
/// below float32's 2^128.
static constexpr double mostSum = 0x1p100;
/// A row whose first tiles had no key for it has the reference 0, and may lie far below it.
static constexpr double leastSum = 0x1p-60;
/// Below it an accumulator overflows only for values that overflow the exact sum of 2^20 keys, too.
static constexpr double harmlessSum = 0x1p20;

//===----------------------------------------------------------------------===//
// Values of two rows
//===----------------------------------------------------------------------===//

/// Pairs of 16-bit values in 32-bit words.
Vals KernelEmitter::pack(ArrayRef<Val> values) {
  Type element = plan.isHalf ? Type(b.getF16Type()) : Type(b.getBF16Type());
  StringRef name = plan.isHalf ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn";
  Vals out;
  for (size_t i = 0; i < values.size(); i += 2)
    out.push_back(
        b.bits(b.intrinsic(name, VectorType::get({2}, element), {values[i + 1], values[i]}),
               b.getI32Type()));
  return out;
}

Vals attn::scaled(ArrayRef<Val> values, ArrayRef<Val> byRow) {
  Vals out;
  for (auto [i, value] : llvm::enumerate(values))
    out.push_back(value * byRow[rowOf(i)]);
  return out;
}

Vals attn::concat(std::initializer_list<ArrayRef<Val>> parts) {
  Vals out;
  for (ArrayRef<Val> part : parts)
    llvm::append_range(out, part);
  return out;
}

/// Score region and mask of key tile `number`.
Vals KernelEmitter::finishScores(ArrayRef<Val> scores, QueryTile &tile, Val number, bool masked,
                                 bool atEnd) {
  Val keyTile = tile.last - number;
  Vals out = applyScore(scores, tile, keyTile);
  return masked ? maskScores(out, tile, keyTile, atEnd) : out;
}

//===----------------------------------------------------------------------===//
// Running maximum
//===----------------------------------------------------------------------===//

/// `maximum` and `sum` are null for the first tile. A row that has seen no key has the maximum
/// -infinity; `mayBeEmpty` keeps it from making NaN.
KernelEmitter::Softmax KernelEmitter::softmax(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                              ArrayRef<Val> sum, bool mayBeEmpty) {
  Softmax out;
  size_t chains = sizes.vSize > 128 ? 2 : 4;
  Val scale = b.f32(factor), zero = b.f32(0);
  Vals shift;
  for (unsigned r = 0; r < 2; ++r) {
    Val most =
        reduceInChains(rowElements(scores, r), chains, [](Val x, Val y) { return x.max(y); });
    if (!maximum.empty())
      most = most.max(maximum[r]);
    for (int64_t lanes : {1, 2})
      most = most.max(b.shuffle(most, lanes));
    out.maximum.push_back(most);
    Val used = mayBeEmpty ? most.realEq(-std::numeric_limits<double>::infinity()).select(zero, most)
                          : most;
    shift.push_back(zero - used * scale);
    if (!maximum.empty())
      out.rescale.push_back(b.exp2(b.fma(maximum[r], scale, shift.back())));
  }
  for (auto [i, score] : llvm::enumerate(scores))
    out.weights.push_back(b.exp2(b.fma(score, scale, shift[rowOf(i)])));
  for (unsigned r = 0; r < 2; ++r) {
    Val added =
        reduceInChains(rowElements(out.weights, r), chains, [](Val x, Val y) { return x + y; });
    out.sum.push_back(maximum.empty() ? added : b.fma(sum[r], out.rescale[r], added));
  }
  return out;
}

//===----------------------------------------------------------------------===//
// Lazy maximum
//===----------------------------------------------------------------------===//

/// The state at the first tile that keeps its reference. A row that saw no key yet takes 0.
void KernelEmitter::settleReference(const QueryTile &tile, MutableArrayRef<Val> maximum) {
  for (Val &m : maximum)
    m = (m.realEq(-std::numeric_limits<double>::infinity()) & tile.keepsReference)
            .select(b.f32(0), m);
}

/// What the reference adds to the exponents of its row.
Vals KernelEmitter::shiftOf(ArrayRef<Val> maximum) {
  Vals shift;
  for (const Val &m : maximum)
    shift.push_back(b.f32(0) - m * b.f32(factor));
  return shift;
}

Vals KernelEmitter::powers(ArrayRef<Val> scores, ArrayRef<Val> shift) {
  Val scale = b.f32(factor);
  Vals out;
  for (auto [i, score] : llvm::enumerate(scores))
    out.push_back(b.exp2(b.fma(score, scale, shift[rowOf(i)])));
  return out;
}

/// Weights against the reference; the sum just grows.
KernelEmitter::Softmax KernelEmitter::keepReference(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                                    ArrayRef<Val> sum) {
  Softmax out;
  out.maximum = Vals(maximum);
  out.weights = powers(scores, shiftOf(maximum));
  for (unsigned r = 0; r < 2; ++r)
    out.sum.push_back(sum[r] + reduceInChains(rowElements(out.weights, r),
                                              sizes.vSize > 128 ? 2 : 4,
                                              [](Val x, Val y) { return x + y; }));
  return out;
}

static Val notBelow(KernelBuilder &b, Val x, double most) {
  return b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::UGE, x.v, b.f32(most).v));
}
static Val notAbove(KernelBuilder &b, Val x, double least) {
  return b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::ULE, x.v, b.f32(least).v));
}

/// Not 0 in a thread whose rows' sums left their range, or whose weights were so large that the
/// accumulator did. `sum` is complete, `early` the thread's part of it behind the tiles without
/// mask code.
Val KernelEmitter::isDoubtful(const QueryTile &tile, ArrayRef<Val> acc, ArrayRef<Val> sum,
                              ArrayRef<Val> early) {
  Val bad, large;
  auto also = [](Val &all, Val one) { all = all ? all | one : one; };
  for (const Val &x : sum) {
    also(bad, notBelow(b, x, mostSum) | notAbove(b, x, leastSum));
    also(large, notBelow(b, x, harmlessSum));
  }
  for (const Val &x : early)
    also(large, notBelow(b, x, harmlessSum));
  auto asWord = [&](Val x) { return x.select(b.i32(1), b.i32(0)); };
  Val word = b.choose(
      large,
      [&] {
        Val x = b.f32(0); // stays 0 unless something is infinite or not a number
        for (const Val &y : acc)
          x = b.fma(y, b.f32(0), x);
        return Vals{asWord(bad | notBelow(b, x, 1))};
      },
      [&] { return Vals{asWord(bad)}; })[0];
  return tile.keepsReference.select(word, b.i32(0));
}
