//===- WarpStream.cpp - units of the warps' decode kernels -------------------===//
#include "WarpStream.h"
#include "Lowering.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

/// What all kernels of the form have, then addresses and strides of keys and values.
void WarpStreamEmitter::createFunction() {
  SmallVector<Type> types = streamArgumentTypes();
  size_t common = types.size();
  types.append(8, b.getI64Type());
  LLVM::LLVMFuncOp function = beginKernel(b, name, types, w.threads(), plan.blocks);
  ValueRange args = function.getBody().getArguments();
  readStreamArguments(args);
  auto tensor = [&](size_t first) -> TensorAddress {
    auto of = [&](size_t i) { return b.val(args[common + first + i]); };
    return {of(0), of(1), of(2), of(3)};
  };
  a.key = tensor(0), a.value = tensor(4);
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// Key tiles of the unit as numbers from the right, as a tile of rows has them. There may be none.
QueryTile WarpStreamEmitter::tileOfUnit(const StreamUnit &unit, ArrayRef<Row> both) {
  QueryTile tile = tileOfRows(unit, both);
  tile.keyHead = unit.keyHead, tile.valueHead = unit.valueHead;
  tile.firstRow = unit.firstRow;
  tile.last = unit.to - 1, tile.count = unit.to - unit.from;
  tile.edge = (unit.to - unit.fullEnd).max(0).min(tile.count);
  tile.edge2 = tile.count;
  if (unit.hasLow)
    tile.edge2 = (unit.to - unit.fullFrom).max(tile.edge).min(tile.count);
  ends = {unit.hasLow, true};
  return tile;
}

/// 16-byte pieces of the rows, gathered from the heads of the group.
void WarpStreamEmitter::gatherQueries(const StreamUnit &unit) {
  int64_t pieces = WarpTile::columnSteps(w.qkSize) * 2, all = w.rows() * pieces;
  SmallVector<std::pair<Val, Vals>> loaded;
  for (int64_t first = 0; first < all; first += w.threads()) {
    Val index = thread + first, row = index.div(pieces), piece = index - row * pieces;
    loaded.emplace_back(shared(0) + row * WarpTile::rowBytes(w.qkSize) + (piece << 4),
                        loadQueryPiece(unit, row, piece));
  }
  for (auto [pass, target] : llvm::enumerate(loaded)) {
    Vals operands = concat({target.first, target.second});
    auto store = [&] { b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};", operands); };
    int64_t left = all - static_cast<int64_t>(pass) * w.threads();
    if (left < w.threads())
      b.ifThen(thread.lt(b.i32(left)), store);
    else
      store();
  }
}

/// The first key tiles are on their way while the queries are gathered.
void WarpStreamEmitter::startUnit(const StreamUnit &unit, const QueryTile &tile) {
  leaveCard(tile);
  for (int64_t i = 0; i < tilesAhead(); ++i)
    prefetch(b.i32(i), /*bounded=*/i == 0);
  gatherQueries(unit);
  if (!w.queriesInRegisters)
    return;
  meet();
  queries = loadQueries();
}

/// Of warps that share rows: what all of them have found, for the first one.
WarpEmitter::RowState WarpStreamEmitter::gatherWarps(const RowState &mine) {
  Vals all = concat({mine.maximum, mine.sum, mine.acc}), most = mine.maximum, next(all.size());
  auto word = [&](Val warp, size_t i) {
    Val first = warp * (w.stateBytes() / w.warps) + (lane << 2);
    return shared(w.valueOffset() + 128 * static_cast<int64_t>(i)) + first;
  };
  auto load = [&](int64_t warp, size_t i) {
    return b.ptx("ld.shared.f32 $0, [$1];", {}, {b.getF32Type()}, {word(b.i32(warp), i)}).front();
  };
  meet(); // nobody reads tiles any more
  for (auto [i, x] : llvm::enumerate(all))
    b.ptx("st.shared.f32 [$0], $1;", {word(thread >> 5, i), x});
  meet();
  for (int64_t warp = 0; warp < w.warps; ++warp)
    for (size_t r : {0, 1})
      most[r] = most[r].max(load(warp, r));
  Vals shift = shiftOf(most);
  std::fill(next.begin(), next.end(), b.f32(0));
  for (int64_t warp = 0; warp < w.warps; ++warp) {
    Vals factors;
    for (size_t r : {0, 1})
      factors.push_back(b.exp2(b.fma(load(warp, r), b.f32(factor), shift[r])));
    for (size_t i = 2; i < all.size(); ++i)
      next[i] = b.fma(load(warp, i), factors[i < 4 ? i - 2 : rowOf(i - 4)], next[i]);
  }
  ArrayRef<Val> found(next);
  return {Vals(found.drop_front(4)), most, Vals(found.slice(2, 2))};
}

void WarpStreamEmitter::storeUnit(const StreamUnit &unit, ArrayRef<Row> both,
                                  ArrayRef<Val> packed) {
  RowState state = unpack(packed);
  if (w.sharesRows)
    state = gatherWarps(state);
  for (int64_t lanes : {1, 2})
    for (Val &x : state.sum)
      x = x + b.shuffle(x, lanes);
  b.ifThen(
      unit.isWhole, [&] { storeWhole(unit, both, state.acc, state.maximum, state.sum); },
      [&] {
        storePart(unit, both, state.acc, state.maximum, state.sum, b.i32(0));
        mergeParts(unit, mergeOf(unit, w.threads()), thread, w.threads(), 1);
      });
}

/// What a range holds of an item.
void WarpStreamEmitter::computeUnit(const StreamUnit &unit) {
  Val warp = thread >> 5, inTile = lane >> 2;
  if (!w.sharesRows)
    inTile = inTile + (warp << 4);
  Row both[] = {rowOfTile(unit, inTile), rowOfTile(unit, inTile + 8)};
  QueryTile tile = tileOfUnit(unit, both);
  if (w.sharesRows)
    for (Row &row : both)
      row.isLive = row.isLive & warp.eq(0);
  else
    isLive = b.uniform((a.queries * groups.size - unit.firstRow - (warp << 4)).max(0)).ne(0);
  startUnit(unit, tile);
  Vals state(static_cast<size_t>(w.vSize / 2), b.f32(0)), none;
  state.append({b.minusInfinity(), b.minusInfinity(), b.f32(0), b.f32(0)});
  storeUnit(unit, both, runTiles(tile, std::move(state), none));
  meet(); // the next unit's loads go where this one's were read
}

void WarpStreamEmitter::emitBlock() {
  if (mayFollowLaunches(plan.function))
    b.followLaunchBefore();
  placeLane();
  grid = b.special("nctaid.x");
  flagOffset = w.flagOffset();
  walk({}, [&](const StreamUnit &unit, Vals) -> Vals {
    computeUnit(unit);
    return {};
  });
}
