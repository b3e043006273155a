//===- StreamConsumer.cpp - packed queries, products and softmax of a stream kernel ----===//
#include "Stream.h"

using namespace mlir;
using namespace mlir::attn;

/// Row, of the thread's two, of an accumulator's element.
static unsigned halfOf(size_t element) { return (element >> 1) & 1; }

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

/// What a row of the tile is. Rows past the end have a valid position and head, and are not live.
StreamEmitter::Row StreamEmitter::rowOfTile(const StreamUnit &unit, Val inTile) {
  Row row;
  row.inTile = inTile;
  row.packed = unit.firstRow + inTile;
  row.position = row.packed.div(groups.size);
  Val member = memberOf(unit.group, row.packed - row.position * groups.size);
  row.isLive = row.packed.lt(a.queries * groups.size);
  if (groups.isEven) {
    row.head = member;
    return row;
  }
  row.isLive = row.isLive & member.ge(0);
  row.head = member.max(0);
  return row;
}

/// 16 bytes of a row's queries; zeros where there are none.
Vals StreamEmitter::loadQueryPiece(const StreamUnit &unit, Val inTile, Val piece) {
  Row row = rowOfTile(unit, inTile);
  Val head = headFrom(plan.heads.query, row.head, "query_heads");
  Val isThere = row.isLive & piece.lt(b.i32(t.qkSize / 8));
  Val at = (unit.batch.wide() * s.queryBatch + head.wide() * s.queryHead +
            row.position.wide() * s.queryRow + (piece << 3).wide())
           << 1;
  Value pointer = b.pointerAt(s.query, at, 1);
  Val address = b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer));
  Type word = b.getI32Type();
  return b.ptx("{ .reg .pred p;\nsetp.ne.s32 p, $5, 0;\nmov.b32 $0, 0; mov.b32 $1, 0; mov.b32 $2, "
               "0; mov.b32 $3, 0;\n@p ld.global.v4.b32 {$0, $1, $2, $3}, [$4]; }",
               {}, {word, word, word, word}, {address, isThere.select(b.i32(1), b.i32(0))});
}

/// Rows gathered from the heads of the group, into the layout that the products read: chunks of
/// columns, 16-byte pieces permuted by the swizzle. Columns up to the next multiple of 16 are zero.
void StreamEmitter::loadQueries(const StreamUnit &unit) {
  int64_t columns = WarpgroupTile::chunkColumns(t.qkSize), rowBytes = 2 * columns;
  int64_t pieces = (t.qkSize + 15) / 16 * 2, perChunk = columns / 8;
  int64_t swizzle = rowBytes == 128 ? 7 : rowBytes == 64 ? 3 : 1;
  SmallVector<std::pair<Val, Vals>> loaded;
  for (int64_t i = 0; i < 64 * pieces / 128; ++i) {
    Val index = thread + 128 * i, row = index.div(pieces), piece = index - row * pieces;
    Val chunk = piece.div(perChunk);
    Val offset = row * rowBytes + ((piece - chunk * perChunk) << 4);
    offset = offset ^ (((offset >> 7) & swizzle) << 4);
    loaded.emplace_back(shared(0) + chunk * (64 * rowBytes) + offset,
                        loadQueryPiece(unit, row, piece));
  }
  b.ptx("bar.sync 1, 128;", {}); // the products of the last unit have read theirs
  for (auto &[target, words] : loaded)
    b.ptx("st.shared.v4.b32 [$0], {$1, $2, $3, $4};",
          {target, words[0], words[1], words[2], words[3]});
  b.ptx("fence.proxy.async.shared::cta;", {});
  b.ptx("bar.sync 1, 128;", {});
}

//===----------------------------------------------------------------------===//
// Key tiles
//===----------------------------------------------------------------------===//

/// Mask code runs in tiles that some row does not see as a whole, and in the last, short one.
Vals StreamEmitter::maskWhereNeeded(const StreamUnit &unit, const QueryTile &rows, Val keyTile,
                                    Vals scores) {
  SmallVector<Type> types(scores.size(), b.getF32Type());
  Val isFull = keyTile.ge(unit.fullFrom) & keyTile.lt(unit.fullEnd);
  auto branch = scf::IfOp::create(b, types, isFull.v, /*withElseRegion=*/true);
  auto yield = [&](Block *block, function_ref<Vals()> make) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(block);
    Vals made = make();
    scf::YieldOp::create(b, llvm::map_to_vector(made, [](const Val &x) { return x.v; }));
  };
  yield(branch.thenBlock(), [&] { return scores; });
  yield(branch.elseBlock(), [&] { return maskScores(scores, rows, keyTile, /*atEnd=*/true); });
  return llvm::map_to_vector(branch.getResults(), [&](Value v) { return b.val(v); });
}

static Vals ofRow(ArrayRef<Val> values, unsigned row) {
  Vals out;
  for (auto [i, value] : llvm::enumerate(values))
    if (halfOf(i) == row)
      out.push_back(value);
  return out;
}

/// Rows that have seen no key have the maximum -infinity.
KernelEmitter::Softmax StreamEmitter::softmaxOf(ArrayRef<Val> scores, ArrayRef<Val> maximum,
                                                ArrayRef<Val> sum) {
  Softmax out;
  Val scale = b.f32(factor), zero = b.f32(0);
  Vals shift;
  for (unsigned r = 0; r < 2; ++r) {
    Val most = reduceInChains(ofRow(scores, r), 4, [](Val x, Val y) { return x.max(y); });
    most = most.max(maximum[r]);
    for (int64_t lanes : {1, 2})
      most = most.max(b.shuffle(most, lanes));
    out.maximum.push_back(most);
    Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(zero, most);
    shift.push_back(zero - used * scale);
    out.rescale.push_back(b.exp2(b.fma(maximum[r], scale, shift.back())));
  }
  for (auto [i, score] : llvm::enumerate(scores))
    out.weights.push_back(b.exp2(b.fma(score, scale, shift[halfOf(i)])));
  for (unsigned r = 0; r < 2; ++r)
    out.sum.push_back(
        b.fma(sum[r], out.rescale[r],
              reduceInChains(ofRow(out.weights, r), 4, [](Val x, Val y) { return x + y; })));
  return out;
}

/// Memory is the limit, so the two products of a tile run one after the other; other blocks and
/// the copy engine fill the gaps. State: accumulator, maximum, sum.
Vals StreamEmitter::visit(const StreamUnit &unit, const QueryTile &rows, Val keyTile, Val count,
                          Vals state) {
  auto nO = static_cast<size_t>(t.vSize / 2);
  ArrayRef<Val> all(state);
  Vals acc(all.take_front(nO));
  Val slot = ringSlot(count, t.stages) << 3, parity = ringParity(count, t.stages);
  wait(shared(at.keyFull) + slot, parity);
  Vals scores = waitProducts(0, products(queryBase, count));
  arrive(shared(at.keyEmpty) + slot);
  scores = maskWhereNeeded(unit, rows, keyTile, applyScore(scores, rows, keyTile));
  Softmax next = softmaxOf(scores, all.slice(nO, 2), all.slice(nO + 2, 2));
  for (auto [i, x] : llvm::enumerate(acc))
    x = x * next.rescale[halfOf(i)];
  wait(shared(at.valueFull) + slot, parity);
  Vals out = waitProducts(0, weightedSum(pack(next.weights), count, acc));
  arrive(shared(at.valueEmpty) + slot);
  llvm::append_range(out, next.maximum);
  llvm::append_range(out, next.sum);
  return out;
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

Vals StreamEmitter::consumeUnit(Vals it) {
  StreamUnit unit = unitOf(it[0]);
  loadQueries(unit);
  Val inTile = ((thread >> 5) << 4) + (lane >> 2);
  Row both[] = {rowOfTile(unit, inTile), rowOfTile(unit, inTile + 8)};
  QueryTile rows;
  rows.batch = unit.batch;
  rows.lane = lane, rows.warp = thread >> 5;
  for (unsigned r = 0; r < 2; ++r)
    rows.position[r] = both[r].position + a.offset, rows.rowHead[r] = both[r].head;
  rows.head = both[0].head;
  auto nO = static_cast<size_t>(t.vSize / 2);
  Vals state(nO, b.f32(0));
  state.append({b.minusInfinity(), b.minusInfinity(), b.f32(0), b.f32(0)});
  Val from = b.uniform(unit.from), to = b.uniform(unit.to);
  state = b.loop(from, to, state, [&](Val keyTile, Vals before) {
    return visit(unit, rows, keyTile, it[1] + (keyTile - from), std::move(before));
  });
  ArrayRef<Val> all(state);
  Vals sum(all.take_back(2));
  for (int64_t lanes : {1, 2})
    for (Val &x : sum)
      x = x + b.shuffle(x, lanes);
  ArrayRef<Val> acc = all.take_front(nO), maximum = all.slice(nO, 2);
  b.ifThen(
      s.parts.eq(1), [&] { storeWhole(unit, both, acc, maximum, sum); },
      [&] {
        storePart(unit, both, acc, maximum, sum);
        Val last = memory->isLast(unit.item, s.parts, thread, shared(flagOffset), 1, 128);
        b.ifThen(last, [&] { mergeItem(unit); });
      });
  return {b.uniform(nextTile(it[2])), it[1] + (to - from), it[2] + 1};
}

void StreamEmitter::emitConsumer() {
  quad = lane & 3;
  queryBase = (base >> 4) + (int64_t(1) << 16); // as in emitConsumer of a prefill kernel
  keyBase = (shared(t.keyOffset()) >> 4) + (int64_t(1) << 16);
  int64_t chunkBytes = t.keys * 2 * WarpgroupTile::chunkColumns(t.vSize);
  valueBase = (shared(t.valueOffset()) >> 4) + ((chunkBytes >> 4) << 16);
  b.loopWhile(
      {block, b.i32(0), b.i32(0)}, [&](ArrayRef<Val> it) { return it[0].lt(s.units); },
      [&](Vals it) { return consumeUnit(std::move(it)); });
}
