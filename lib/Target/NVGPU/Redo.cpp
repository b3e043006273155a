//===- Redo.cpp - flagged tiles of a lazy maximum run again in the same launch ----===//
//
// With `maximum = lazy` a row keeps the reference it has when its tiles without mask code begin: an
// element of the row, so nothing underflows, and bf16 has float32's range, so weights above one
// lose no precision. What may go wrong shows in the row's sum, and the tile is flagged: consumers
// leave its number in shared memory, the producer hands it out again with a bit that sends all key
// tiles through the exact loop.
//
// At most two tiles are between the producer and the slowest consumer, so a word per slot of the
// ring of tile numbers is all the list there is: when the producer fills a slot, the tile whose
// number followed the slot's previous number is done, and its word says whether to take it again.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn;

/// A sum at or above it, or NaN, flags the tile: the accumulator's last products still have room
/// below float32's 2^128.
static constexpr double mostSum = 0x1p100;
/// A row whose first tiles had no key for it has the reference 0, and may lie far below it.
static constexpr double leastSum = 0x1p-60;
/// Below it an accumulator overflows only for values that overflow the exact sum of 2^20 keys, too.
static constexpr double harmlessSum = 0x1p20;

Val KernelEmitter::tileNumber(Val word) { return plan.lazy ? word & (exactBit - 1) : word; }

Val KernelEmitter::isTile(Val word) { return tileNumber(word).lt(a.tiles); }

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

/// Waits until all have read number `number` of the ring, and so are done with tile `number`.
void KernelEmitter::waitConsumed(Val number) {
  wait(shared(at.tileEmpty) + ((number & 1) << 3), (number >> 1) & 1);
}

/// The flagged word of tile `number`, or 0; cleared for the slot's next tile.
Val KernelEmitter::takeFlagged(Val number) {
  return b
      .ptx("ld.shared.b32 $0, [$1];\nst.shared.b32 [$1], 0;", {}, {b.getI32Type()},
           {shared(at.flagged) + ((number & 1) << 2)})
      .front();
}

/// Flagged tiles go before new ones.
Val KernelEmitter::flaggedOr(Val number, function_ref<Val()> otherwise) {
  Val word = takeFlagged(number);
  return b.choose(word.ne(0), [&] { return Vals{word}; }, [&] { return Vals{otherwise()}; })[0];
}

/// When tiles have run out: the last two are not judged yet. Their keys are on the way by now.
Val KernelEmitter::lastFlagged(Val number) {
  waitConsumed(number - 1);
  return flaggedOr(number - 1, [&] {
    wait(shared(at.tileDone), number & 1);
    return flaggedOr(number, [&] { return a.tiles; });
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

/// The state at the first tile that keeps its reference. A row that saw no key yet takes 0.
void KernelEmitter::settleReference(const QueryTile &tile, MutableArrayRef<Val> maximum) {
  for (Val &m : maximum)
    m = (m.realEq(-std::numeric_limits<double>::infinity()) & tile.keepsReference)
            .select(b.f32(0), m);
}

/// Weights against the reference; the sum just grows.
KernelEmitter::Softmax KernelEmitter::keepReference(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                                    ArrayRef<Val> sum) {
  Softmax out;
  out.maximum = Vals(maximum);
  Val scale = b.f32(factor);
  Vals shift;
  for (const Val &m : maximum)
    shift.push_back(b.f32(0) - m * scale);
  for (auto [i, score] : llvm::enumerate(scores))
    out.weights.push_back(b.exp2(b.fma(score, scale, shift[rowOf(i)])));
  for (unsigned r = 0; r < 2; ++r)
    out.sum.push_back(sum[r] + reduceInChains(rowElements(out.weights, r), t.vSize > 128 ? 2 : 4,
                                              [](Val x, Val y) { return x + y; }));
  return out;
}

static Val notBelow(KernelBuilder &b, Val x, double most) {
  return b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::UGE, x.v, b.f32(most).v));
}
static Val notAbove(KernelBuilder &b, Val x, double least) {
  return b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::ULE, x.v, b.f32(least).v));
}

/// Flags the tile when a sum left its range, or when weights were so large that the accumulator
/// did. `sum` is complete, `early` the thread's part of it behind the tiles without mask code.
void KernelEmitter::judge(const QueryTile &tile, ArrayRef<Val> acc, ArrayRef<Val> sum,
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
  word = tile.keepsReference.select(word, b.i32(0));
  report(tile, b.uniform(word));
}

/// Leaves the tile's number if `isBad`, and says that the warp is done with the tile.
void KernelEmitter::report(const QueryTile &tile, Val isBad) {
  Val word = tile.word + exactBit;
  b.ptx("{ .reg .pred p, f;\nsetp.eq.s32 p, $0, 0;\nsetp.ne.and.s32 f, $1, 0, p;\n"
        "@f st.shared.b32 [$2], $3;\n"
        "@p mbarrier.arrive.release.cta.shared::cta.b64 _, [$4]; }",
        {lane, isBad, shared(at.flagged) + ((tile.number & 1) << 2), word, shared(at.tileDone)});
}
