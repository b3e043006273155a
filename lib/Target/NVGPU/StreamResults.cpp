//===- StreamResults.cpp - results of a stream kernel: whole, in parts, merged ---------===//
#include "Products.h"
#include "Stream.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Rows of the output
//===----------------------------------------------------------------------===//

/// What the accumulator is multiplied by, and the log-sum-exp. A sink is one more score without a
/// value, added here, once per row.
StreamEmitter::Finish StreamEmitter::finishRow(Val maximum, Val sum, Val head) {
  Val scale = b.f32(factor), ln2 = b.f32(0.6931471805599453), isEmpty = sum.realEq(0);
  if (plan.roles.sinks < 0)
    return {b.rcp(sum), b.fma(maximum, scale, b.log2(sum)) * ln2, isEmpty};
  Val logit =
      b.val(LLVM::LoadOp::create(b, b.getF32Type(), b.pointerAt(a.sinks, head.wide() << 2, 1)));
  Val score = logit * b.f32(1.4426950408889634 / factor), most = maximum.max(score);
  Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(b.f32(0), most);
  Val shift = b.f32(0) - used * scale;
  Val keep = b.exp2(b.fma(maximum, scale, shift));
  Val all = b.fma(sum, keep, b.exp2(b.fma(score, scale, shift)));
  return {keep * b.rcp(all), b.fma(most, scale, b.log2(all)) * ln2, isEmpty};
}

Val StreamEmitter::outAddress(const StreamUnit &unit, const Row &row) {
  Val at = (unit.batch.wide() * a.outBatch + row.head.wide() * a.outHead +
            row.position.wide() * a.outRow)
           << 1;
  return b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), b.pointerAt(a.out, at, 1)));
}

void StreamEmitter::storeRowLse(const StreamUnit &unit, const Row &row, Val lse) {
  Val at =
      unit.batch.wide() * a.lseBatch + row.head.wide() * a.lseHead + row.position.wide() * a.lseRow;
  LLVM::StoreOp::create(b, lse.v, b.pointerAt(a.lse, at << 2, 1));
}

//===----------------------------------------------------------------------===//
// The only part
//===----------------------------------------------------------------------===//

/// Few rows are live, so each thread stores its pairs of columns as they are.
void StreamEmitter::storeWhole(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                               ArrayRef<Val> maximum, ArrayRef<Val> sum) {
  for (unsigned r = 0; r < 2; ++r)
    b.ifThen(rows[r].isLive, [&] {
      Finish finish = finishRow(maximum[r], sum[r], rows[r].head);
      Vals mine;
      for (auto [i, x] : llvm::enumerate(acc))
        if (rowOf(i) == r)
          mine.push_back(finish.isEmpty.select(b.f32(0), x * finish.factor));
      Val line = outAddress(unit, rows[r]) + (quad << 2).wide();
      for (auto [g, word] : llvm::enumerate(pack(mine)))
        b.ptx("st.global.b32 [$0], $1;", {line + static_cast<int64_t>(16 * g), word});
      if (plan.storeLse)
        b.ifThen(quad.eq(0), [&] { storeRowLse(unit, rows[r], finish.lse); });
    });
}

void StreamEmitter::storeColumns(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                                 ArrayRef<Val> maximum, ArrayRef<Val> sum, Val column) {
  Val odd = (quad & 1).ne(0), upper = (quad & 2).ne(0);
  for (unsigned r = 0; r < 2; ++r) {
    Finish finish = finishRow(maximum[r], sum[r], rows[r].head);
    Vals mine, ready;
    for (auto [i, x] : llvm::enumerate(acc))
      if (rowOf(i) == r)
        mine.push_back(finish.isEmpty.select(b.f32(0), x * finish.factor));
    Vals words = pack(mine);
    // All lanes take part, those of dead rows, too.
    for (size_t g = 0; g < words.size(); g += 4)
      llvm::append_range(ready, transposeQuad(b, ArrayRef(words).slice(g, 4), odd, upper));
    b.ifThen(rows[r].isLive, [&] {
      Val line = outAddress(unit, rows[r]) + ((quad << 4) + (column << 1)).wide();
      for (size_t g = 0; g < ready.size(); g += 4)
        b.ptx("st.global.v4.b32 [$0], {$1, $2, $3, $4};",
              {line + static_cast<int64_t>(16 * g), ready[g], ready[g + 1], ready[g + 2],
               ready[g + 3]});
      if (plan.storeLse)
        b.ifThen(quad.eq(0) & column.eq(0), [&] { storeRowLse(unit, rows[r], finish.lse); });
    });
  }
}

//===----------------------------------------------------------------------===//
// One of several parts
//===----------------------------------------------------------------------===//

/// A row that saw no key leaves zeros, whatever stood in the excluded value rows.
void StreamEmitter::storePart(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                              ArrayRef<Val> maximum, ArrayRef<Val> sum, Val column) {
  for (unsigned r = 0; r < 2; ++r)
    b.ifThen(rows[r].isLive, [&] {
      Val isEmpty = sum[r].realEq(0);
      Val address =
          memory->rowAddress(unit.number, rows[r].inTile) + ((quad << 3) + (column << 2)).wide();
      for (size_t g = 0; g < acc.size() / 4; ++g) {
        Val x = isEmpty.select(b.f32(0), acc[4 * g + 2 * r]),
            y = isEmpty.select(b.f32(0), acc[4 * g + 2 * r + 1]);
        b.ptx("st.global.v2.f32 [$0], {$1, $2};", {address + static_cast<int64_t>(32 * g), x, y});
      }
      b.ifThen(quad.eq(0) & column.eq(0),
               [&] { memory->storeStats(unit.number, rows[r].inTile, maximum[r], sum[r]); });
    });
}

/// Pieces of four columns: numbers `first`, `first + threads`, ... of the item, `count` of them.
void StreamEmitter::mergePieces(const StreamUnit &unit, const PartRange &parts, Val all, Val first,
                                int64_t threads, int64_t count) {
  SmallVector<Row> rows;
  SmallVector<PartPiece> pieces;
  for (int64_t i = 0; i < count; ++i) {
    Val index = first + i * threads, inTile = index.div(sizes.vSize / 4);
    rows.push_back(rowOfTile(unit, inTile));
    pieces.push_back(
        {inTile, (index - inTile * (sizes.vSize / 4)) << 2, rows.back().isLive & index.lt(all)});
  }
  for (auto [row, piece, merged] : llvm::zip_equal(rows, pieces, memory->merge(parts, pieces)))
    b.ifThen(piece.isThere, [&, &row = row, &piece = piece, &merged = merged] {
      storeMerged(unit, row, piece.column, merged);
    });
}

void StreamEmitter::storeMerged(const StreamUnit &unit, const Row &row, Val column,
                                MergedRow &merged) {
  Finish finish = finishRow(merged.maximum, merged.sum, row.head);
  for (Val &x : merged.columns)
    x = finish.isEmpty.select(b.f32(0), x * finish.factor);
  Vals words = pack(merged.columns);
  b.ptx("st.global.v2.b32 [$0], {$1, $2};",
        {outAddress(unit, row) + (column << 1).wide(), words[0], words[1]});
  if (plan.storeLse)
    b.ifThen(column.eq(0), [&] { storeRowLse(unit, row, finish.lse); });
}

/// A thread has sixteen loads in flight: of so many pieces at once where there are so few parts, of
/// one where there are more.
static constexpr std::pair<int64_t, int64_t> piecesOfFewParts[] = {{2, 8}, {4, 4}};

StreamEmitter::Merge StreamEmitter::mergeOf(const StreamUnit &unit, int64_t threads) {
  Val start = unit.sequence * s.steps;
  Val first = b.uniform(workerOf(start)), last = b.uniform(workerOf(start + s.steps - 1));
  Merge merge;
  merge.parts = {(first + unit.sequence) * s.gang + unit.inGang, s.gang, last - first + 1};
  merge.pieces = (a.queries * groups.size - unit.firstRow).min(s.rows) * (sizes.vSize / 4);
  merge.perRound = b.i32(threads);
  for (auto [count, mostParts] : piecesOfFewParts) {
    Val isWide =
        merge.pieces.ge(threads * count / 2 + 1) & merge.parts.count.lt(b.i32(mostParts + 1));
    merge.perRound = isWide.select(b.i32(threads * count), merge.perRound);
  }
  merge.rounds = b.uniform((merge.pieces + merge.perRound - 1).div(merge.perRound));
  return merge;
}

void StreamEmitter::mergeParts(const StreamUnit &unit, const Merge &merge, Val number,
                               int64_t threads, int64_t barrier) {
  PartMeeting meeting{unit.item, merge.parts.count,  merge.rounds, unit.isFinal,
                      number,    shared(flagOffset), threads,      barrier};
  memory->meet(meeting, [&](Val round) {
    Val index = round * merge.perRound + number;
    auto mergeSome = [&](int64_t count) {
      mergePieces(unit, merge.parts, merge.pieces, index, threads, count);
    };
    Val isOne = merge.perRound.eq(threads), isTwo = merge.perRound.eq(2 * threads);
    b.ifThen(
        isOne, [&] { mergeSome(1); },
        [&] { b.ifThen(isTwo, [&] { mergeSome(2); }, [&] { mergeSome(4); }); });
  });
}
