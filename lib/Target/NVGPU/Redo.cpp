//===- Redo.cpp - flagged tiles of a lazy maximum run again in the same launch ----===//
//
// What a lazy maximum may do wrong shows in the rows' sums (Softmax.cpp), and the tile is flagged:
// consumers leave its number in shared memory, the producer hands it out again with a bit that
// sends all key tiles through the exact loop.
//
// At most two tiles are between the producer and the slowest consumer, so a word per slot of the
// ring of tile numbers is all the list there is: when the producer fills a slot, the tile whose
// number followed the slot's previous number is done, and its word says whether to take it again.
//
//===----------------------------------------------------------------------===//
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

Val WarpgroupEmitter::tileNumber(Val word) { return plan.lazy ? word & (exactBit - 1) : word; }

Val WarpgroupEmitter::isTile(Val word) { return tileNumber(word).lt(a.tiles); }

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

/// Waits until all have read number `number` of the ring, and so are done with tile `number`.
void WarpgroupEmitter::waitConsumed(Val number) {
  wait(shared(at.tileEmpty) + ((number & 1) << 3), (number >> 1) & 1);
}

/// The flagged word of tile `number`, or 0; cleared for the slot's next tile.
Val WarpgroupEmitter::takeFlagged(Val number) {
  return b
      .ptx("ld.shared.b32 $0, [$1];\nst.shared.b32 [$1], 0;", {}, {b.getI32Type()},
           {shared(at.flagged) + ((number & 1) << 2)})
      .front();
}

/// Flagged tiles go before new ones.
Val WarpgroupEmitter::flaggedOr(Val number, function_ref<Val()> otherwise) {
  Val word = takeFlagged(number);
  return b.choose(word.ne(0), [&] { return Vals{word}; }, [&] { return Vals{otherwise()}; })[0];
}

/// When tiles have run out: the last two are not judged yet. Their keys are on the way by now.
Val WarpgroupEmitter::lastFlagged(Val number) {
  waitConsumed(number - 1);
  return flaggedOr(number - 1, [&] {
    wait(shared(at.tileDone), number & 1);
    return flaggedOr(number, [&] { return a.tiles; });
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

/// Leaves the tile's number if `isBad`, and says that the warp is done with the tile.
void WarpgroupEmitter::report(const QueryTile &tile, Val isBad) {
  Val word = tile.word + exactBit;
  b.ptx("{ .reg .pred p, f;\nsetp.eq.s32 p, $0, 0;\nsetp.ne.and.s32 f, $1, 0, p;\n"
        "@f st.shared.b32 [$2], $3;\n"
        "@p mbarrier.arrive.release.cta.shared::cta.b64 _, [$4]; }",
        {lane, isBad, shared(at.flagged) + ((tile.number & 1) << 2), word, shared(at.tileDone)});
}
