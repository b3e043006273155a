//===- Results.cpp - sinks, the output and the log-sum-exp of a tile --------------===//
#include "Kernel.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Sinks
//===----------------------------------------------------------------------===//

/// A sink is one more score without a value.
void KernelEmitter::addSinks(const QueryTile &tile, Vals &acc, Vals &maximum, Vals &sum) {
  Val logit = b.val(
      LLVM::LoadOp::create(b, b.getF32Type(), b.pointerAt(a.sinks, tile.head.wide() << 2, 1)));
  Val score = logit * b.f32(1.4426950408889634 / factor), scale = b.f32(factor), zero = b.f32(0);
  Vals rescale, unseen; // a row without keys: excluded value rows may have left NaN
  for (unsigned r = 0; r < 2; ++r) {
    Val most = maximum[r].max(score);
    unseen.push_back(maximum[r].realEq(-std::numeric_limits<double>::infinity()));
    Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(zero, most);
    Val shift = zero - used * scale;
    rescale.push_back(b.exp2(b.fma(maximum[r], scale, shift)));
    sum[r] = b.fma(sum[r], rescale[r], b.exp2(b.fma(score, scale, shift)));
    maximum[r] = most;
  }
  for (auto [i, x] : llvm::enumerate(acc))
    x = unseen[rowOf(i)].select(zero, x * rescale[rowOf(i)]);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void KernelEmitter::storeLse(const QueryTile &tile, Val maximum, Val sum, Val row) {
  Val value = b.fma(maximum, b.f32(factor), b.log2(sum)) * b.f32(0.6931471805599453);
  Val at0 = tile.batch.wide() * a.lseBatch + tile.head.wide() * a.lseHead + row.wide() * a.lseRow;
  LLVM::StoreOp::create(b, value.v, b.pointerAt(a.lse, at0 << 2, 1));
}

Vals attn::transposeQuad(KernelBuilder &b, ArrayRef<Val> x, Val odd, Val upper) {
  Val send[] = {upper.select(x[0], x[2]), upper.select(x[1], x[3])},
      keep[] = {upper.select(x[2], x[0]), upper.select(x[3], x[1])};
  Val got[] = {b.shuffle(send[0], 2), b.shuffle(send[1], 2)};
  Val send2[] = {odd.select(keep[0], keep[1]), odd.select(got[0], got[1])};
  Val keep2[] = {odd.select(keep[1], keep[0]), odd.select(got[1], got[0])};
  Val got2[] = {b.shuffle(send2[0], 1), b.shuffle(send2[1], 1)};
  Val low[] = {odd.select(got2[0], keep2[0]), odd.select(keep2[0], got2[0])};
  Val high[] = {odd.select(got2[1], keep2[1]), odd.select(keep2[1], got2[1])};
  return {upper.select(high[0], low[0]), upper.select(high[1], low[1]),
          upper.select(low[0], high[0]), upper.select(low[1], high[1])};
}

/// `words`: per group of 8 columns the thread's two.
void KernelEmitter::storeRow(const QueryTile &tile, ArrayRef<Val> words, unsigned r) {
  Val row = tile.row + 8 * r;
  Val start =
      (tile.batch.wide() * a.outBatch + tile.head.wide() * a.outHead + row.wide() * a.outRow) << 1;
  bool wide = words.size() % 4 == 0;
  Vals ready(words);
  if (wide) {
    Val odd = (quad & 1).ne(0), upper = (quad & 2).ne(0);
    for (size_t g = 0; g < words.size(); g += 4)
      llvm::copy(transposeQuad(b, words.slice(g, 4), odd, upper),
                 ready.begin() + static_cast<std::ptrdiff_t>(g));
  }
  b.ifThen(row.lt(a.queries), [&] {
    Value line = b.pointerAt(a.out, start, 1);
    for (size_t g = 0; g < words.size(); g += wide ? 4 : 1) {
      Val at0 = (wide ? quad << 4 : quad << 2) + static_cast<int64_t>(16 * g);
      Value pointer = b.pointerAt(line, at0.wide(), 1);
      if (!wide) {
        LLVM::StoreOp::create(b, ready[g].v, pointer);
        continue;
      }
      b.ptx("st.global.v4.b32 [$0], {$1, $2, $3, $4};",
            {b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer)), ready[g], ready[g + 1],
             ready[g + 2], ready[g + 3]});
    }
  });
}

/// Rows without keys are zero, whatever stood in the excluded value rows. -> what was stored: word
/// 2g + r holds two columns of group g, row r.
Vals KernelEmitter::store(const QueryTile &tile, Vals acc, Vals maximum, Vals sum) {
  Vals empty, inverse;
  for (const Val &x : sum) {
    empty.push_back(x.realEq(0));
    inverse.push_back(b.rcp(x));
  }
  for (auto [i, x] : llvm::enumerate(acc))
    x = empty[rowOf(i)].select(b.f32(0), x * inverse[rowOf(i)]);
  Vals words = pack(acc);
  for (unsigned r = 0; r < 2; ++r) {
    Vals mine;
    for (size_t g = 0; g < words.size() / 2; ++g)
      mine.push_back(words[2 * g + r]);
    storeRow(tile, mine, r);
    if (!plan.storeLse)
      continue;
    Val row = tile.row + 8 * r;
    b.ifThen(row.lt(a.queries) & (tile.lane & 3).eq(0),
             [&] { storeLse(tile, maximum[r], sum[r], row); });
  }
  return words;
}
