//===- WarpLatent.cpp - places and units of the warps' latent kernels --------===//
#include "WarpLatent.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

/// Where the lane reads operands, as in WarpEmitter::placeLane(): its team's rows of queries, its
/// part of the columns of queries and keys, its own columns of values.
void WarpLatentEmitter::placeLane() {
  placeThread();
  Val row = lane & 15, column = (lane >> 4) << 4;
  Val keyRow = (lane & 7) + ((lane >> 4) << 3), keyColumn = ((lane >> 3) & 1) << 4;
  int64_t rowBytes = WarpTile::rowBytes(l.qkSize);
  Val part = member() * (32 * l.stepsOfWarp());
  queryLane = shared(0) + ((team() << 4) + row) * rowBytes + column + part;
  keyLane = shared(l.keyOffset()) + keyRow * rowBytes + keyColumn + part;
  valueLane = shared(l.keyOffset() + 2 * l.valueColumn) + row * rowBytes + column +
              warpNumber() * (2 * l.partColumns());
  weightLane = shared(l.weightsOffset()) + row * WarpTile::rowBytes(l.keys) + column;
}

Vals WarpLatentEmitter::pack(const State &state) const {
  return concat({state.acc, state.maximum, state.rowSum});
}

WarpLatentEmitter::State WarpLatentEmitter::unpack(ArrayRef<Val> all) const {
  size_t acc = all.size() - 4;
  return {Vals(all.take_front(acc)), Vals(all.slice(acc, 2)), Vals(all.take_back(2))};
}

void WarpLatentEmitter::computeUnit(const StreamUnit &unit) {
  Row both[] = {rowOfTile(unit, rowInTeam()), rowOfTile(unit, rowInTeam() + 8)};
  QueryTile tile = tileOfUnit(unit, both);
  startUnit(unit, tile);
  State start{Vals(static_cast<size_t>(l.rowTiles * l.partColumns() / 2), b.f32(0)),
              Vals(2, b.minusInfinity()), Vals(2, b.f32(0))};
  Vals all = b.loop(b.i32(0), fromCard(Count), pack(start), [&](Val number, Vals state) {
    return pack(step(tile, number, unpack(state)));
  });
  State end = unpack(all);
  if (l.overlap) {
    meet();
    Val last = fromCard(Count) - 1;
    end.acc =
        b.choose(last.ge(0), [&] { return addValues(last, end.acc); }, [&] { return end.acc; });
  }
  storeUnit(unit, end);
  meet(); // the next unit's loads go where this one's were read
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Teams leave what they know of their rows, since every warp stores columns of all of them.
void WarpLatentEmitter::leaveRows(const State &state) {
  Vals own = state.rowSum;
  for (int64_t lanes : {1, 2})
    for (Val &x : own)
      x = x + b.shuffle(x, lanes);
  b.ifThen(member().eq(0) & quad.eq(0), [&] {
    Val row = rowInTeam() << 2;
    for (int64_t r : {0, 1}) {
      auto i = static_cast<size_t>(r);
      b.ptx("st.shared.f32 [$0], $1;", {shared(l.maximaOffset() + 32 * r) + row, state.maximum[i]});
      b.ptx("st.shared.f32 [$0], $1;", {shared(l.sumsOffset() + 32 * r) + row, own[i]});
    }
  });
  meet();
}

/// The thread's two rows of row tile `m`: what stands at `offset` for each.
Vals WarpLatentEmitter::readRows(int64_t offset, int64_t m) {
  Vals both;
  for (int64_t row : {16 * m, 16 * m + 8})
    both.push_back(b.ptx("ld.shared.f32 $0, [$1];", {}, {b.getF32Type()},
                         {shared(offset + 4 * row) + (lane >> 2 << 2)})
                       .front());
  return both;
}

/// The warp's columns of all rows: results where the unit has all keys, else its part of them.
void WarpLatentEmitter::storeRows(const StreamUnit &unit, ArrayRef<Val> acc, bool isWhole) {
  Val column = warpNumber() * l.partColumns();
  auto perTile = static_cast<size_t>(l.partColumns() / 2);
  for (int64_t m = 0; m < l.rowTiles; ++m) {
    Val row = (lane >> 2) + 16 * m;
    Row rows[] = {rowOfTile(unit, row), rowOfTile(unit, row + 8)};
    Vals maximum = readRows(l.maximaOffset(), m), sum = readRows(l.sumsOffset(), m);
    ArrayRef<Val> mine = acc.slice(static_cast<size_t>(m) * perTile, perTile);
    if (isWhole)
      storeColumns(unit, rows, mine, maximum, sum, column);
    else
      storePart(unit, rows, mine, maximum, sum, column);
  }
}

void WarpLatentEmitter::storeUnit(const StreamUnit &unit, const State &state) {
  leaveRows(state);
  b.ifThen(
      unit.isWhole, [&] { storeRows(unit, state.acc, true); },
      [&] {
        storeRows(unit, state.acc, false);
        mergeParts(unit, mergeOf(unit, l.threads()), thread, l.threads(), /*barrier=*/1);
      });
}
