//===- StreamAsks.cpp - rows asked for while the matrix unit works -----------===//
#include "StreamAsks.h"
#include "StreamKernels.h"

using namespace mlir;
using namespace mlir::attn;

/// Rows by which requests are ahead of the work.
static constexpr int64_t rowsAhead = 16;
/// Rows of a turn, and those of each turn whose lines are asked for with each part of the work.
static constexpr int64_t turnRows = 16, weightRows = 4, scoreRows = 4, productRows = 4;
int64_t StreamAsks::visitRows() const {
  return turnRows - weightRows - scoreRows - (plan.weightTiles ? productRows : 0);
}
int64_t StreamAsks::turns() const { return plan.keys / turnRows; }

/// A part has whole lines: the last ones may ask for some of the next share.
void StreamAsks::askFor(Value memref, const RowIndex &place, Value first, int64_t size,
                        const Share &share) {
  constexpr int64_t lineBits = 512, firstLevel = 1;
  int64_t width = cast<MemRefType>(memref.getType()).getElementTypeBitWidth();
  int64_t elements = lineBits / width, inRow = (size + elements - 1) / elements;
  int64_t count = (share.length * inRow + share.parts - 1) / share.parts;
  Value begin = b.add(b.add(first, rowsAhead), share.begin);
  for (int64_t i = 0; i < count; ++i) {
    Value line = b.add(b.mul(share.part, b.index(count)), i);
    RowIndex at(place);
    at.push_back(b.add(begin, b.div(line, b.index(inRow))));
    at.push_back(b.mul(b.rem(line, b.index(inRow)), b.index(elements)));
    b.prefetch(memref, at, firstLevel);
  }
}

void StreamAsks::ask(Value condition, const Share &share) {
  if (plan.target.getInt("prefetch_ahead") == 0)
    return;
  b.when(condition, [&] {
    askFor(rows.keys, rows.keyPlace, rows.key, plan.qkSize, share);
    askFor(rows.values, rows.valuePlace, rows.value, plan.vSize, share);
  });
}

/// Blocks of four rows of the largest group.
int64_t StreamAsks::blocks() const { return plan.weightTileRows() / streamRows; }
Value StreamAsks::isAmong(int64_t blocks) {
  return b.compare(arith::CmpIPredicate::slt, rows.block, b.index(blocks));
}

void StreamAsks::whileWeighing(int64_t pass, Value i) {
  int64_t vectors = plan.keys / plan.packedKeys();
  Value before = b.mul(b.add(b.mul(rows.block, b.index(2)), pass), b.index(vectors));
  ask(isAmong(blocks()),
      {b.index(0), b.add(before, i), turns() * weightRows, 2 * blocks() * vectors});
}

/// Row of the tile behind those asked for in the turns before, and `before` in this one.
Value StreamAsks::turnBegin(Value turn, int64_t before) {
  Value rows = b.mul(b.div(turn, b.index(turnRows)), b.index(visitRows() + scoreRows));
  return b.add(rows, turns() * weightRows + before);
}

void StreamAsks::whileVisiting(Value turn, Value part, int64_t parts) {
  ask(isAmong(1), {turnBegin(turn, 0), part, visitRows(), parts});
}

void StreamAsks::whileScoring(Value turn, int64_t part, int64_t parts) {
  int64_t products = plan.weightTileRows() / plan.scoreColumns();
  Value number = b.add(b.mul(rows.block, b.index(parts)), part);
  ask(isAmong(products), {turnBegin(turn, visitRows()), number, scoreRows, products * parts});
}

void StreamAsks::whileAdding(int64_t part, int64_t parts) {
  Value begin = b.index(turns() * (weightRows + visitRows() + scoreRows));
  ask(isAmong(1), {begin, b.index(part), turns() * productRows, parts});
}
