//===- StreamSoftmax.cpp - weights of packed rows ----------------------------===//
#include "Products.h"
#include "Stream.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Running maximum
//===----------------------------------------------------------------------===//

/// What is added to scaled scores, of both rows. Rows that have seen no key have the reference
/// -infinity.
Vals StreamEmitter::shiftOf(ArrayRef<Val> reference) {
  Val zero = b.f32(0);
  Vals shift;
  for (const Val &x : reference) {
    Val isNone = x.realEq(-std::numeric_limits<double>::infinity());
    shift.push_back(zero - isNone.select(zero, x) * b.f32(factor));
  }
  return shift;
}

/// Weights of scores, and the sums that they make of those before, brought to the new reference.
void StreamEmitter::addWeights(Softmax &out, ArrayRef<Val> scores, ArrayRef<Val> shift,
                               ArrayRef<Val> sum) {
  for (auto [i, score] : llvm::enumerate(scores))
    out.weights.push_back(b.exp2(b.fma(score, b.f32(factor), shift[rowOf(i)])));
  for (unsigned r = 0; r < 2; ++r)
    out.sum.push_back(
        b.fma(sum[r], out.rescale[r],
              reduceInChains(rowElements(out.weights, r), 4, [](Val x, Val y) { return x + y; })));
}

/// The largest score of each of the two rows, `before` among them where it is given.
Vals StreamEmitter::maximaOf(ArrayRef<Val> scores, ArrayRef<Val> before) {
  Vals out;
  for (unsigned r = 0; r < 2; ++r) {
    Val most = reduceInChains(rowElements(scores, r), 4, [](Val x, Val y) { return x.max(y); });
    if (!before.empty())
      most = most.max(before[r]);
    for (int64_t lanes : {1, 2})
      most = most.max(b.shuffle(most, lanes));
    out.push_back(most);
  }
  return out;
}

KernelEmitter::Softmax StreamEmitter::softmaxOf(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                                ArrayRef<Val> sum) {
  Softmax out;
  out.maximum = maximaOf(scores, maximum);
  Vals shift = shiftOf(out.maximum);
  for (unsigned r = 0; r < 2; ++r)
    out.rescale.push_back(b.exp2(b.fma(maximum[r], b.f32(factor), shift[r])));
  addWeights(out, scores, shift, sum);
  return out;
}

//===----------------------------------------------------------------------===//
// Row references
//===----------------------------------------------------------------------===//

/// A row keeps its reference until a score is this many powers of two above it: weights up to 256
/// are as precise as others, and sums are rescaled in the first tiles only.
static constexpr double mostAbove = 8;

static Val isAbove(KernelBuilder &b, Val x, Val y) {
  return b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x.v, y.v));
}

/// What brings sums to new references, of both rows.
Vals StreamEmitter::rescaleTo(ArrayRef<Val> reference, ArrayRef<Val> before) {
  Vals out;
  for (auto [now, old] : llvm::zip_equal(reference, before))
    out.push_back(isAbove(b, now, old).select(b.exp2((old - now) * b.f32(factor)), b.f32(1)));
  return out;
}

/// `sum` for new references; nothing to do where no row of the warp has one.
Vals StreamEmitter::rescaled(ArrayRef<Val> sum, ArrayRef<Val> reference, ArrayRef<Val> before) {
  Val grows = isAbove(b, reference[0], before[0]) | isAbove(b, reference[1], before[1]);
  return b.choose(
      b.uniform(grows.select(b.i32(1), b.i32(0))).ne(0),
      [&] { return scaled(sum, rescaleTo(reference, before)); }, [&] { return Vals(sum); });
}

/// Weights of a tile's scores; a row's reference grows where they lie far above it.
KernelEmitter::Softmax StreamEmitter::weightsOf(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                                ArrayRef<Val> sum) {
  Softmax out;
  for (auto [most, before] : llvm::zip_equal(maximaOf(scores, {}), maximum)) {
    Val limit = before + b.f32(mostAbove / factor);
    out.maximum.push_back(isAbove(b, most, limit).select(most, before));
  }
  out.rescale = rescaleTo(out.maximum, maximum);
  addWeights(out, scores, shiftOf(out.maximum), sum);
  return out;
}
