//===- PanelRows.cpp - rows between memory and the panels of a work item -----===//
//
// In memory the elements of a row are neighbours, in a panel the rows are. Blocks of words are
// transposed in registers; what is left over moves element by element.
//
//===----------------------------------------------------------------------===//
#include "ItemFunction.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::attn;

/// Words in 128 bits: within them shuffles need no table of indices, so that they are the fastest
/// there are, and LLVM sees through them quickly.
static constexpr int64_t groupWords = 4;

/// A round of a transposition: pairs of vectors that lie `step` apart exchange groups of `step`
/// words.
static void exchangeGroups(CpuBuilder &b, MutableArrayRef<Value> rows, int64_t step) {
  auto n = static_cast<int64_t>(rows.size());
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n; ++i) {
    bool second = (i & step) != 0;
    low.push_back(second ? i - step + n : i);
    high.push_back(second ? i + n : i + step);
  }
  for (int64_t i = 0; i < n; ++i) {
    if ((i & step) != 0)
      continue;
    Value top = rows[i], bottom = rows[i + step];
    rows[i] = vector::ShuffleOp::create(b, top, bottom, low);
    rows[i + step] = vector::ShuffleOp::create(b, top, bottom, high);
  }
}

/// In each group of four words the first two words of both vectors in turn, and the last two.
static std::pair<Value, Value> interleaveGroups(CpuBuilder &b, Value x, Value y) {
  int64_t n = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> low, high;
  for (int64_t group = 0; group < n; group += groupWords) {
    low.append({group, n + group, group + 1, n + group + 1});
    high.append({group + 2, n + group + 2, group + 3, n + group + 3});
  }
  return {vector::ShuffleOp::create(b, x, y, low), vector::ShuffleOp::create(b, x, y, high)};
}

/// Transposes the squares of four words that four vectors have in each group.
static void transposeSquares(CpuBuilder &b, MutableArrayRef<Value> rows) {
  auto [first, second] = interleaveGroups(b, rows[0], rows[2]);
  auto [third, fourth] = interleaveGroups(b, rows[1], rows[3]);
  std::tie(rows[0], rows[1]) = interleaveGroups(b, first, third);
  std::tie(rows[2], rows[3]) = interleaveGroups(b, second, fourth);
}

/// Transposes n vectors of n words, n a power of two: groups of four words and more first, then
/// the squares of words within them.
SmallVector<Value> attn::transposeWords(CpuBuilder &b, SmallVector<Value> rows) {
  auto n = static_cast<int64_t>(rows.size());
  int64_t leastStep = n < groupWords ? 1 : groupWords;
  for (int64_t step = n / 2; step >= leastStep; step /= 2)
    exchangeGroups(b, rows, step);
  for (int64_t i = 0; i + groupWords <= n; i += groupWords)
    transposeSquares(b, MutableArrayRef<Value>(rows).slice(i, groupWords));
  return rows;
}

Value attn::padVector(CpuBuilder &b, Value vector, int64_t count) {
  auto type = cast<VectorType>(vector.getType());
  if (type.getNumElements() == count)
    return vector;
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(count, type.getElementType())));
  return vector::InsertStridedSliceOp::create(b, vector, zero, ArrayRef<int64_t>{0},
                                              ArrayRef<int64_t>{1});
}

/// Words of a square block of a row of `words`; 1 if it is too short for one.
static int64_t blockWidth(const WorkPlan &plan, int64_t words) {
  auto width =
      static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(std::min(plan.lanes, words))));
  return width >= 4 ? width : 1;
}

/// First words of the blocks of a row: the last one overlaps where `width` does not divide `words`.
static void forBlocks(CpuBuilder &b, int64_t words, int64_t width, function_ref<void(Value)> body) {
  int64_t whole = words / width * width;
  b.loop(b.index(0), b.index(whole), width, [&](Value first) { body(first); });
  if (whole < words)
    body(b.index(words - width));
}

/// Query number and score head of a row of the head group.
ItemFunction::RowPlace ItemFunction::placeOf(Value row) {
  Value head = memref::LoadOp::create(b, headTable, b.add(groupStart, b.rem(row, groupSize)));
  return {row, b.div(row, groupSize), head};
}

//===----------------------------------------------------------------------===//
// Query panel
//===----------------------------------------------------------------------===//

void ItemFunction::locatePanel(Value panel) {
  b.loop(b.index(0), b.index(plan.rows), 1, [&](Value lane) { locateRow(panel, lane); });
}

void ItemFunction::loadPanel(Value panel) {
  bool odd = plan.pairs && plan.qkSize % 2 != 0;
  int64_t words = plan.pairs ? plan.qkSize / 2 : plan.qkSize;
  int64_t width = odd ? 1 : blockWidth(plan, words);
  b.loop(b.index(0), b.index(plan.rows), width, [&](Value lane) {
    if (width == 1)
      return loadElements(panel, lane);
    loadBlock(panel, lane, width);
  });
  Value target = slice(plan.query, plan.wordType(), panel);
  auto zero =
      arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get(plan.lanes, plan.wordType())));
  b.loop(b.index(plan.pairs ? (plan.qkSize + 1) / 2 : plan.qkSize), b.index(plan.rowWords()), 1,
         [&](Value word) {
           for (int64_t j = 0; j < plan.vectors; ++j)
             b.store(zero, target, {word, b.index(j * plan.lanes)});
         });
}

/// Position and head of a lane's row. Rows past the end repeat the last one.
void ItemFunction::locateRow(Value panel, Value lane) {
  Value row = b.add(b.add(firstRow, b.mul(panel, b.index(plan.rows))), lane);
  RowPlace place = placeOf(b.minimum(row, b.add(totalRows, -1)));
  Value zero = b.index(0);
  memref::StoreOp::create(b, b.toI32(b.add(context.offset, place.query)),
                          slice(plan.position, b.getI32Type(), panel), ValueRange{zero, lane});
  memref::StoreOp::create(b, b.toI32(place.head), slice(plan.head, b.getI32Type(), panel),
                          ValueRange{zero, lane});
}

/// Batch entry, head of the query's memref and query number of a lane.
SmallVector<Value> attn::sourceRow(CpuBuilder &b, Value batch, Value queryMap, Value offset,
                                   Value positions, Value heads, Value lane) {
  auto read = [&](Value memref) -> Value {
    Value number = memref::LoadOp::create(b, memref, ValueRange{b.index(0), lane});
    return arith::IndexCastOp::create(b, b.getIndexType(), number);
  };
  Value head = memref::LoadOp::create(b, queryMap, read(heads));
  return {batch, head, b.sub(read(positions), offset)};
}

/// Multiplies the queries; two bf16 of a word one after the other, by a power of two, which is
/// exact.
Value ItemFunction::scaleWords(Value words) {
  double scale = plan.queryFactor();
  if (scale == 1.0)
    return words;
  auto splat = [&](auto attribute, Type element) -> Value {
    auto type = cast<VectorType>(words.getType()).clone(element);
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, attribute));
  };
  Value factor = splat(static_cast<float>(scale), b.getF32Type());
  if (!plan.pairs)
    return b.mulf(words, factor);
  Type floats = cast<VectorType>(words.getType()).clone(b.getF32Type());
  Value sixteen = splat(int32_t(16), b.getI32Type()), mask = splat(int32_t(-65536), b.getI32Type());
  auto scaled = [&](Value bits) -> Value {
    Value product = b.mulf(arith::BitcastOp::create(b, floats, bits), factor);
    return arith::BitcastOp::create(b, words.getType(), product);
  };
  Value low = scaled(arith::ShLIOp::create(b, words, sixteen)), high = scaled(b.both(words, mask));
  return b.either(b.both(high, mask), arith::ShRUIOp::create(b, low, sixteen));
}

/// `width` rows to as many lanes.
void ItemFunction::loadBlock(Value panel, Value firstLane, int64_t width) {
  Value source = mapped(plan.work.getQuery()), target = slice(plan.query, plan.wordType(), panel);
  Value positions = slice(plan.position, b.getI32Type(), panel),
        heads = slice(plan.head, b.getI32Type(), panel);
  Value queryMap = constantTable(b, plan.work.getQueryMap());
  SmallVector<SmallVector<Value>> places;
  for (int64_t i = 0; i < width; ++i)
    places.push_back(sourceRow(b, context.batch, queryMap, context.offset, positions, heads,
                               b.add(firstLane, i)));
  int64_t perWord = plan.pairs ? 2 : 1;
  auto loaded =
      VectorType::get(width * perWord, cast<MemRefType>(source.getType()).getElementType());
  forBlocks(b, plan.qkSize / perWord, width, [&](Value word) {
    SmallVector<Value> rows;
    for (SmallVector<Value> at : places) {
      at.push_back(b.mul(word, b.index(perWord)));
      Value row = b.load(source, at, loaded);
      row = plan.pairs
                ? Value(vector::BitCastOp::create(b, VectorType::get(width, b.getI32Type()), row))
                : b.widen(row);
      rows.push_back(scaleWords(row));
    }
    for (auto [i, column] : llvm::enumerate(transposeWords(b, rows)))
      b.store(column, target, {b.add(word, static_cast<int64_t>(i)), firstLane});
  });
}

/// One row to one lane.
void ItemFunction::loadElements(Value panel, Value lane) {
  Value source = mapped(plan.work.getQuery());
  Value positions = slice(plan.position, b.getI32Type(), panel),
        heads = slice(plan.head, b.getI32Type(), panel);
  SmallVector<Value> at = sourceRow(b, context.batch, constantTable(b, plan.work.getQueryMap()),
                                    context.offset, positions, heads, lane);
  int64_t perWord = plan.pairs ? 2 : 1;
  Type element = plan.pairs ? Type(b.getBF16Type()) : Type(b.getF32Type());
  Value target = slice(plan.query, element, panel);
  auto place = [&](Value d) {
    return SmallVector<Value>{b.div(d, b.index(perWord)),
                              b.add(b.mul(lane, b.index(perWord)), b.rem(d, b.index(perWord)))};
  };
  at.push_back(nullptr);
  b.loop(b.index(0), b.index(plan.qkSize), 1, [&](Value d) {
    at.back() = d;
    Value number =
        b.mulf(b.widen(memref::LoadOp::create(b, source, at)), b.f32(plan.queryFactor()));
    memref::StoreOp::create(b, b.narrow(number, element), target, place(d));
  });
  if (plan.qkSize % perWord != 0)
    memref::StoreOp::create(b, b.narrow(b.f32(0), element), target, place(b.index(plan.qkSize)));
}

//===----------------------------------------------------------------------===//
// Result
//===----------------------------------------------------------------------===//

/// Normalises the rows of a panel that has seen all its keys, and writes them.
void ItemFunction::leavePanel(Value panel) {
  finishPanel(panel);
  storePanel(panel);
}

/// Writes the live rows.
void ItemFunction::storePanel(Value panel) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  Value live = b.minimum(b.sub(totalRows, start), b.index(plan.rows));
  int64_t width = blockWidth(plan, plan.vSize);
  if (plan.streamed)
    storeStreamPanel(panel);
  else
    b.loop(b.index(0), live, width, [&](Value lane) {
      if (width == 1)
        return storeElements(panel, lane);
      storeBlock(panel, lane, width, live);
    });
  if (!plan.storeLse)
    return;
  Value maximum = slice(plan.maximum, b.getF32Type(), panel);
  b.loop(b.index(0), live, 1, [&](Value lane) {
    RowPlace place = placeOf(b.add(start, lane));
    Value lse = memref::LoadOp::create(b, maximum, ValueRange{b.index(0), lane});
    memref::StoreOp::create(b, lse, mapped(plan.storeLse.getTarget()),
                            ValueRange{context.batch, place.head, place.query});
  });
}

/// `count` columns of the accumulator's row `d`, normalised.
Value ItemFunction::finishedColumns(Value panel, Value d, Value lane, int64_t count) {
  auto type = VectorType::get(count, b.getF32Type());
  Value sums = b.load(slice(plan.accumulator, b.getF32Type(), panel), {d, lane}, type);
  if (!plan.isSoftmax())
    return sums;
  return b.mulf(sums, b.load(slice(plan.rescale, b.getF32Type()), {b.index(0), lane}, type));
}

/// `width` lanes to as many rows, of which those below `live` are written.
void ItemFunction::storeBlock(Value panel, Value firstLane, int64_t width, Value live) {
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows))), last = b.add(totalRows, -1);
  Value out = mapped(plan.storeOut.getTarget());
  Type element = cast<MemRefType>(out.getType()).getElementType();
  SmallVector<RowPlace> places;
  for (int64_t i = 0; i < width; ++i)
    places.push_back(placeOf(b.minimum(b.add(start, b.add(firstLane, i)), last)));
  // Two bf16 columns that become a word first are transposed together.
  bool isPaired = plan.pairs && element.isBF16() && plan.vSize % (2 * plan.lanes) == 0;
  int64_t perWord = isPaired ? 2 : 1;
  auto rowType = VectorType::get(width * perWord, element);
  forBlocks(b, plan.vSize / perWord, width, [&](Value word) {
    Value d = b.mul(word, b.index(perWord));
    SmallVector<Value> columns;
    for (int64_t i = 0; i < width * perWord; i += perWord) {
      columns.push_back(finishedColumns(panel, b.add(d, i), firstLane, width));
      if (isPaired)
        columns.back() =
            b.packPairs(columns.back(), finishedColumns(panel, b.add(d, i + 1), firstLane, width));
    }
    for (auto [i, row] : llvm::enumerate(transposeWords(b, columns))) {
      Value isLive =
          b.compare(arith::CmpIPredicate::ult, b.add(firstLane, static_cast<int64_t>(i)), live);
      b.when(isLive, [&, i = i, row = row] {
        Value finished =
            isPaired ? Value(vector::BitCastOp::create(b, rowType, row)) : b.narrow(row, element);
        b.store(finished, out, {context.batch, places[i].head, places[i].query, d});
      });
    }
  });
}

/// One lane to one row.
void ItemFunction::storeElements(Value panel, Value lane) {
  Value out = mapped(plan.storeOut.getTarget());
  Type element = cast<MemRefType>(out.getType()).getElementType();
  Value start = b.add(firstRow, b.mul(panel, b.index(plan.rows)));
  RowPlace place = placeOf(b.add(start, lane));
  b.loop(b.index(0), b.index(plan.vSize), 1, [&](Value d) {
    Value value = vector::ExtractOp::create(b, finishedColumns(panel, d, lane, 1), 0);
    memref::StoreOp::create(b, b.narrow(value, element), out,
                            ValueRange{context.batch, place.head, place.query, d});
  });
}
