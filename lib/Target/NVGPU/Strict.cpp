//===- Strict.cpp - rows that NaN or infinity of excluded keys has reached ----===//
//
// The tensor core multiplies every value row of a tile, those of excluded keys by zero, so that a
// NaN or an infinity there makes NaN in rows that do not see it. Such rows are rare and easily
// found: their sums are not finite. Each is computed again from the keys that it sees, by one warp
// in plain steps out of device memory. A row that sees the NaN gets it again.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr int64_t lanes = 32;
static constexpr double minusInfinity = -std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

SmallVector<Type> KernelEmitter::tensorArgumentTypes() {
  return SmallVector<Type>(12, b.getI64Type());
}

void KernelEmitter::readTensorArguments(ValueRange arguments) {
  auto read = [&](size_t first) -> TensorAddress {
    auto of = [&](size_t i) { return b.val(arguments[first + i]); };
    return {of(0), of(1), of(2), of(3)};
  };
  a.query = read(0), a.key = read(4), a.value = read(8);
}

//===----------------------------------------------------------------------===//
// Which rows
//===----------------------------------------------------------------------===//

/// Lanes where a pair of results or the sum is not finite, as bits. Zero times a finite number is
/// zero.
static Val lanesNotFinite(KernelBuilder &b, ArrayRef<Val> pairs, Val sum, bool isHalf) {
  std::string type = isHalf ? ".f16x2" : ".bf16x2";
  std::string text = "{ .reg .b32 z;\nmov.b32 z, 0;\nmov.b32 $0, 0;\n";
  for (size_t i = 0; i < pairs.size(); ++i)
    text += "fma.rn" + type + " $0, $" + std::to_string(1 + i) + ", z, $0;\n";
  Val found = b.ptx(text + "}", {}, {b.getI32Type()}, pairs).front() & 0x7fff7fff;
  Val rest = sum * b.f32(0);
  Val isBad =
      found.ne(0) | b.val(arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, rest.v, rest.v));
  return b.intrinsic("llvm.nvvm.vote.ballot.sync", b.getI32Type(), {b.i32(-1), isBad});
}

/// The tile again, from what the stores needed anyway. It goes through PTX, so that nothing made of
/// it for the repair stays in registers during the loops over keys.
QueryTile KernelEmitter::tileToRepair(const QueryTile &tile) {
  auto opaque = [&](Val x) { return b.ptx("mov.b32 $0, $1;", {}, {b.getI32Type()}, {x}).front(); };
  QueryTile again;
  again.batch = opaque(tile.batch), again.head = opaque(tile.head);
  again.queryHead = headFrom(plan.heads.query, again.head, "query_heads");
  again.keyHead = headFrom(plan.heads.key, again.head, "key_heads");
  again.valueHead = headFrom(plan.heads.value, again.head, "value_heads");
  again.firstRow = b.uniform(opaque(tile.row) - (lane >> 2)); // of the warp
  maskBatch = again.batch;
  return again;
}

/// After the rows are stored: those that are not finite are overwritten. `words`: 2g + r holds two
/// columns of group g, row r.
void KernelEmitter::repairRows(const QueryTile &tile, ArrayRef<Val> words, ArrayRef<Val> sum) {
  if (!plan.isStrict())
    return;
  Val bad[2];
  for (unsigned r = 0; r < 2; ++r) {
    Vals mine;
    for (size_t i = r; i < words.size(); i += 2)
      mine.push_back(words[i]);
    bad[r] = lanesNotFinite(b, mine, sum[r], plan.isHalf);
  }
  // All of a warp takes the same way, and ptxas must see it: behind a branch that might part the
  // warp, the loops over keys would keep their counters and addresses in vector registers.
  for (Val &lanes : bad)
    lanes = b.uniform(lanes);
  b.ifThen((bad[0] | bad[1]).ne(0), [&] {
    QueryTile again = tileToRepair(tile);
    b.loop(b.i32(0), b.i32(16), {}, [&](Val i, Vals) -> Vals {
      Val quads = i.lt(b.i32(8)).select(bad[0], bad[1]), row = again.firstRow + i;
      Val mine = b.val(arith::ShRUIOp::create(b, quads.v, ((i & 7) << 2).v)) & 15;
      b.ifThen(mine.ne(0) & row.lt(a.queries), [&] { repairRow(again, row); });
      return {};
    });
  });
}

//===----------------------------------------------------------------------===//
// One row, one warp: a lane has every 32nd column
//===----------------------------------------------------------------------===//

static Val elementPointer(KernelBuilder &b, Val address, Val column) {
  Val at = address + (column.wide() << 1);
  return b.val(LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 1), at.v));
}

/// The lane's columns of a row; zero past the last one.
Vals KernelEmitter::loadRow(const TensorAddress &tensor, const QueryTile &tile, Val head, Val row,
                            int64_t size) {
  Type element = plan.isHalf ? Type(b.getF16Type()) : Type(b.getBF16Type());
  Val line =
      tensor.address +
      ((tile.batch.wide() * tensor.batch + head.wide() * tensor.head + row.wide() * tensor.row)
       << 1);
  Vals out;
  for (int64_t from = 0; from < size; from += lanes) {
    bool isWhole = from + lanes <= size;
    Val column = lane + from;
    Val inside = isWhole ? column : column.min(size - 1);
    Value loaded = LLVM::LoadOp::create(b, element, elementPointer(b, line, inside).v);
    Val wide = b.val(arith::ExtFOp::create(b, b.getF32Type(), loaded));
    out.push_back(isWhole ? wide : column.lt(b.i32(size)).select(wide, b.f32(0)));
  }
  return out;
}

/// One step of the softmax over single keys. State: maximum, sum, the lane's columns.
Vals KernelEmitter::addKey(const QueryTile &tile, ArrayRef<Val> query, Val position, Val key,
                           ArrayRef<Val> state) {
  Vals keyRow = loadRow(a.key, tile, tile.keyHead, key, sizes.qkSize);
  Vals valueRow = loadRow(a.value, tile, tile.valueHead, key, sizes.vSize);
  Val score = b.f32(0), scale = b.f32(factor), zero = b.f32(0);
  for (auto [q, k] : llvm::zip_equal(query, keyRow))
    score = b.fma(q, k, score);
  for (int64_t distance = 1; distance < lanes; distance *= 2)
    score = score + b.shuffle(score, distance);
  if (plan.scalesScores())
    score = scoreOf(sharedScoreValues(tile, tile.head), score, position, key);
  rowValues.clear();
  Val none = score.realEq(minusInfinity).select(b.i32(1), b.i32(0));
  Val sees = isVisible(plan.mask, position, key, 0, tile.head, 0) & none.eq(0);
  Val most = state[0].max(score);
  Val shift = zero - most.realEq(minusInfinity).select(zero, most) * scale;
  Val rescale = b.exp2(b.fma(state[0], scale, shift)), weight = b.exp2(b.fma(score, scale, shift));
  Vals next = {sees.select(most, state[0]),
               sees.select(b.fma(state[1], rescale, weight), state[1])};
  for (auto [sum, value] : llvm::zip_equal(state.drop_front(2), valueRow))
    next.push_back(sees.select(b.fma(weight, value, sum * rescale), sum));
  return next;
}

Vals KernelEmitter::addSinkToRow(const QueryTile &tile, ArrayRef<Val> state) {
  Val logit = b.val(
      LLVM::LoadOp::create(b, b.getF32Type(), b.pointerAt(a.sinks, tile.head.wide() << 2, 1)));
  Val score = logit * b.f32(1.4426950408889634 / factor), scale = b.f32(factor), zero = b.f32(0);
  Val most = state[0].max(score);
  Val shift = zero - most.realEq(minusInfinity).select(zero, most) * scale;
  Val rescale = b.exp2(b.fma(state[0], scale, shift));
  Vals next = {most, b.fma(state[1], rescale, b.exp2(b.fma(score, scale, shift)))};
  for (const Val &sum : state.drop_front(2))
    next.push_back(sum * rescale);
  return next;
}

void KernelEmitter::storeRepaired(const QueryTile &tile, Val row, ArrayRef<Val> state) {
  Type element = plan.isHalf ? Type(b.getF16Type()) : Type(b.getBF16Type());
  Val zero = b.f32(0), isEmpty = state[1].realEq(0), inverse = b.rcp(state[1]);
  Val start =
      (tile.batch.wide() * a.outBatch + tile.head.wide() * a.outHead + row.wide() * a.outRow) << 1;
  Val line = b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), b.pointerAt(a.out, start, 1)));
  for (auto [i, sum] : llvm::enumerate(state.drop_front(2))) {
    Val column = lane + static_cast<int64_t>(i) * lanes;
    Val result = isEmpty.select(zero, sum * inverse);
    b.ifThen(column.lt(b.i32(sizes.vSize)), [&] {
      Value narrow = arith::TruncFOp::create(b, element, result.v);
      LLVM::StoreOp::create(b, narrow, elementPointer(b, line, column).v);
    });
  }
  if (plan.storeLse)
    b.ifThen(lane.eq(0), [&] { storeLse(tile, state[0], state[1], row); });
}

void KernelEmitter::repairRow(const QueryTile &tile, Val row) {
  b.ptx("bar.warp.sync -1;", {}); // the first results are stored
  Val position = row + a.offset;
  Vals query = loadRow(a.query, tile, tile.queryHead, row, sizes.qkSize);
  KeyBounds bounds = concrete(boundsOf(plan.mask, position, position, tile.head));
  Vals state = {b.minusInfinity(), b.f32(0)};
  state.append(static_cast<size_t>((sizes.vSize + lanes - 1) / lanes), b.f32(0));
  state = b.loop(b.uniform(bounds.low.max(0)), b.uniform(bounds.high.max(0).min(a.keys)), state,
                 [&](Val key, Vals now) { return addKey(tile, query, position, key, now); });
  if (plan.roles.sinks >= 0)
    state = addSinkToRow(tile, state);
  storeRepaired(tile, row, state);
}
