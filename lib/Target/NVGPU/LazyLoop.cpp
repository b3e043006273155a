//===- LazyLoop.cpp - key tiles without mask code, with a lazy maximum -------===//
//
// The loop in which a kernel spends its time. What a warpgroup does between its softmaxes delays
// the others as well, since products take turns. So nothing waits there for what can be known
// before: with `peek` the next tiles of keys and values are asked for in front of the softmax, and
// the answer's way back is hidden. Sums stay in two chains per row from tile to tile, so that the
// softmax ends with its last powers.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr size_t chainsPerRow = 2;

/// Adds each weight to one of its row's chains: those of the first row, then of the second.
static void addToChains(ArrayRef<Val> weights, MutableArrayRef<Val> chains) {
  for (auto [i, weight] : llvm::enumerate(weights)) {
    Val &chain = chains[rowOf(i) * chainsPerRow + i % chainsPerRow];
    chain = chain + weight;
  }
}

/// Whether keys of tile `count` and values of the one before are there.
Vals WarpgroupEmitter::askForTiles(Val count) {
  Val before = count - 1;
  return {test(ringBarrier(at.keyFull, count), ringParity(count, t.stages)),
          test(ringBarrier(at.valueFull, before), ringParity(before, t.stages))};
}

/// State: weights, accumulator, chains of sums, answers of askForTiles().
Vals WarpgroupEmitter::lazyStep(QueryTile &tile, Val number, ArrayRef<Val> shift,
                                ArrayRef<Val> state) {
  auto nP = static_cast<size_t>(t.keys / 4), nO = static_cast<size_t>(t.vSize / 2);
  Vals acc(state.slice(nP, nO)), chains(state.slice(nP + nO, 2 * chainsPerRow));
  Val count = tile.started + number;
  Vals scores = startProducts(tile, count, state.take_front(nP), acc,
                              state.drop_front(nP + nO + 2 * chainsPerRow));
  finishProducts(count, scores, acc);
  Vals isKnown = plan.peek ? askForTiles(count + 1) : Vals();
  Vals weights = powers(finishScores(scores, tile, number, false, false), shift);
  addToChains(weights, chains);
  finishValues(count, acc);
  return concat({pack(weights), acc, chains, isKnown});
}

/// State: weights, accumulator, maximum, sum.
Vals WarpgroupEmitter::runLazy(QueryTile &tile, ArrayRef<Val> state) {
  ArrayRef<Val> carried = state.drop_back(4), maximum = state.take_back(4).take_front(2),
                sum = state.take_back(2);
  Vals shift = shiftOf(maximum), isKnown(plan.peek ? 2 : 0, b.i32(0));
  Val zero = b.f32(0);
  Vals end = b.loop(tile.edge, tile.edge2, concat({carried, {sum[0], zero, sum[1], zero}, isKnown}),
                    [&](Val i, Vals s) { return lazyStep(tile, i, shift, s); });
  ArrayRef<Val> chains = ArrayRef(end).slice(carried.size(), 2 * chainsPerRow);
  return concat({ArrayRef(end).take_front(carried.size()),
                 maximum,
                 {chains[0] + chains[1], chains[2] + chains[3]}});
}
