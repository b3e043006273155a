//===- WarpLatentTiles.cpp - key tiles of the warps' latent kernels ----------===//
#include "Products.h"
#include "WarpLatent.h"
#include "WarpProductText.h"

using namespace mlir;
using namespace mlir::attn;

/// Hardware barriers: 0 for the block, 1 for those who merge parts, then one for each team.
static constexpr int64_t firstTeam = 2;

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Two products of 16 rows with the 16 columns of the right operand `k`.
static void multiplyPair(WarpProductText &text, size_t accumulator, StringRef left) {
  for (size_t half = 0; half < 2; ++half)
    text.multiply(accumulator + 4 * half, WarpProductText::numbered(left, 0, 4),
                  WarpProductText::numbered("k", static_cast<int64_t>(2 * half), 2),
                  /*fresh=*/false);
}

/// Scores of the team's rows and the key tile, of the warp's part of the columns. Where the parts
/// are uneven, the last warps of a team have fewer steps.
Vals WarpLatentEmitter::partialScores(Val number) {
  auto results = static_cast<size_t>(l.keys / 2);
  int64_t rowBytes = WarpTile::rowBytes(l.qkSize), steps = l.stepsOfWarp();
  size_t query = 2 * results, key = query + 1, first = query + 2;
  bool isUneven = steps * l.sharers() != WarpTile::columnSteps(l.qkSize);
  WarpProductText text(plan.isHalf);
  text.text = "{ .reg .b32 k<4>, q<4>; .reg .pred p;\n";
  for (int64_t s = 0; s < steps; ++s) {
    if (isUneven) {
      text.text += "setp.lt.s32 p, $" + std::to_string(first) + ", " +
                   std::to_string(WarpTile::columnSteps(l.qkSize) - s) + ";\n";
      text.guard = "@p ";
    }
    text.load("q", query, 32 * s, false);
    for (int64_t k = 0; k < l.keys / 16; ++k) {
      text.load("k", key, 16 * k * rowBytes + 32 * s, false);
      multiplyPair(text, static_cast<size_t>(8 * k), "q");
    }
  }
  Vals inputs = {queryLane, keyLane + slotOffset(number, l.stages, l.keyBytes())};
  if (isUneven)
    inputs.push_back(member() * steps);
  return b.ptx(text.text + "}", Vals(results, b.f32(0)), {}, inputs);
}

/// acc, brought to the tile's references, + weights * the warp's columns of the tile.
Vals WarpLatentEmitter::addValues(Val number, ArrayRef<Val> acc) {
  int64_t rowBytes = WarpTile::rowBytes(l.qkSize);
  auto perTile = static_cast<size_t>(l.partColumns() / 2);
  size_t weights = 2 * acc.size(), values = weights + 1;
  WarpProductText text(plan.isHalf);
  text.text = "{ .reg .b32 k<4>;\n";
  auto weightsOf = [](int64_t m) { return "p" + std::to_string(m) + "_"; };
  for (int64_t m = 0; m < l.rowTiles; ++m)
    text.text += ".reg .b32 " + weightsOf(m) + "<4>;\n";
  for (int64_t s = 0; s < l.keys / 16; ++s) {
    for (int64_t m = 0; m < l.rowTiles; ++m)
      text.load(weightsOf(m), weights, m * l.teamBytes() + 32 * s, false);
    for (int64_t c = 0; c < l.partColumns() / 16; ++c) {
      text.load("k", values, 16 * s * rowBytes + 32 * c, true);
      for (int64_t m = 0; m < l.rowTiles; ++m)
        multiplyPair(text, static_cast<size_t>(m) * perTile + static_cast<size_t>(8 * c),
                     weightsOf(m));
    }
  }
  Val slot = slotOffset(number, l.stages, l.keyBytes());
  return b.ptx(text.text + "}", rescale(acc, number), {},
               {weightLane + placeOf(number, l.weightsBytes()), valueLane + slot});
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// A thread's own scores, for the others of the team: 16 bytes beside those of its neighbours.
void WarpLatentEmitter::leavePart(ArrayRef<Val> scores) {
  if (l.sharers() == 1)
    return;
  Val place = shared(l.partialsOffset()) + (lane << 4) + warpNumber() * l.partialBytes();
  for (size_t i = 0; i < scores.size(); i += 4)
    b.ptx("st.shared.v4.f32 [$0], {$1, $2, $3, $4};",
          {place + static_cast<int64_t>(128 * i), scores[i], scores[i + 1], scores[i + 2],
           scores[i + 3]});
}

void WarpLatentEmitter::meetTeam() {
  b.ptx("bar.sync $0, $1;", {team() + firstTeam, b.i32(32 * l.sharers())});
}

/// The sum of the team's parts, the same bits for all: a tree whose pairs are the same, whoever
/// begins.
Vals WarpLatentEmitter::completeScores(ArrayRef<Val> mine) {
  int64_t sharers = l.sharers();
  if (sharers == 1)
    return Vals(mine);
  Val place = shared(l.partialsOffset()) + (lane << 4);
  meetTeam();
  SmallVector<Vals> parts = {Vals(mine)};
  for (int64_t other = 1; other < sharers; ++other) {
    Val from = place + (warpNumber() ^ other) * l.partialBytes();
    Vals theirs;
    for (size_t i = 0; i < mine.size(); i += 4)
      llvm::append_range(theirs, b.ptx("ld.shared.v4.f32 {$0, $1, $2, $3}, [$4];", {},
                                       SmallVector<Type>(4, b.getF32Type()),
                                       {from + static_cast<int64_t>(128 * i)}));
    parts.push_back(theirs);
  }
  Vals all;
  for (size_t i = 0; i < mine.size(); ++i) {
    Vals terms;
    for (const Vals &part : parts)
      terms.push_back(part[i]);
    all.push_back(reduceInChains(terms, terms.size(), [](Val x, Val y) { return x + y; }));
  }
  return all;
}

/// Score region, and mask in tiles that some row does not see as a whole.
Vals WarpLatentEmitter::finishScores(ArrayRef<Val> scores, const QueryTile &tile, Val number) {
  QueryTile rows = tile;
  rows.lane = lane;
  Val keyTile = fromCard(Last) - number;
  Vals out = applyScore(scores, rows, keyTile);
  Val isFull = number.ge(fromCard(Edge)) & number.lt(fromCard(Edge2));
  return b.choose(
      isFull, [&] { return out; }, [&] { return maskScores(out, rows, keyTile, /*atEnd=*/true); });
}

/// Where a tile's part of what has one place or two is, from the first on.
Val WarpLatentEmitter::placeOf(Val number, int64_t bytes) {
  return l.overlap ? (number & 1) * bytes : b.i32(0);
}

/// Leaves weights and row factors for all warps; members of a team take groups of columns in turn.
void WarpLatentEmitter::publish(const Softmax &softmax, Val number) {
  Vals words = KernelEmitter::pack(softmax.weights); // 2g + r: two keys of group g, row r
  int64_t rowBytes = WarpTile::rowBytes(l.keys);
  Val target = shared(l.weightsOffset()) + placeOf(number, l.weightsBytes()) +
               team() * l.teamBytes() + (lane >> 2) * rowBytes + (quad << 2);
  if (!l.hasOwnWeights())
    meetTeam(); // all have read the parts
  for (int64_t turn = 0; turn < l.sharers(); ++turn)
    b.ifThen(member().eq(turn), [&] {
      for (int64_t g = turn; g < l.keys / 8; g += l.sharers())
        for (int64_t r : {0, 1})
          b.ptx("st.shared.b32 [$0], $1;",
                {target + 16 * g + 8 * r * rowBytes, words[static_cast<size_t>(2 * g + r)]});
      if (turn == 0)
        b.ifThen(quad.eq(0), [&] {
          Val factors =
              shared(l.factorsOffset()) + placeOf(number, l.factorsBytes()) + (rowInTeam() << 2);
          for (int64_t r : {0, 1})
            b.ptx("st.shared.f32 [$0], $1;",
                  {factors + 32 * r, softmax.rescale[static_cast<size_t>(r)]});
        });
    });
}

/// Brings sums to the references of a tile; nothing to do where no row has a new one.
Vals WarpLatentEmitter::rescale(ArrayRef<Val> acc, Val number) {
  Val place = shared(l.factorsOffset()) + placeOf(number, l.factorsBytes()) + (lane >> 2 << 2);
  Vals factors;
  Val isAny;
  for (int64_t i = 0; i < 2 * l.rowTiles; ++i) {
    factors.push_back(
        b.ptx("ld.shared.f32 $0, [$1];", {}, {b.getF32Type()}, {place + 32 * i}).front());
    Val changes = factors.back().realEq(1).select(b.i32(0), b.i32(1));
    isAny = isAny ? isAny | changes : changes;
  }
  return b.choose(
      b.uniform(isAny).ne(0),
      [&] {
        Vals out;
        size_t perTile = acc.size() / static_cast<size_t>(l.rowTiles);
        for (size_t m = 0; m < static_cast<size_t>(l.rowTiles); ++m)
          llvm::append_range(
              out, scaled(acc.slice(m * perTile, perTile), ArrayRef(factors).slice(2 * m, 2)));
        return out;
      },
      [&] { return Vals(acc); });
}

//===----------------------------------------------------------------------===//
// A key tile
//===----------------------------------------------------------------------===//

WarpLatentEmitter::State WarpLatentEmitter::step(const QueryTile &tile, Val number,
                                                 const State &state) {
  startLoads(number, /*masked=*/true);
  Vals scores = partialScores(number), acc = state.acc;
  leavePart(scores);
  if (l.overlap)
    acc = b.choose(number.ge(1), [&] { return addValues(number - 1, acc); }, [&] { return acc; });
  scores = finishScores(completeScores(scores), tile, number);
  Softmax next = weightsOf(scores, state.maximum, state.rowSum);
  publish(next, number);
  if (!l.overlap) {
    meet();
    acc = addValues(number, acc);
  }
  return {acc, next.maximum, next.sum};
}
