//===- StreamAsks.cpp - rows asked for while the matrix unit works -----------===//
#include "StreamAsks.h"

using namespace mlir;
using namespace mlir::attn;

/// Rows by which requests are ahead of the work.
static constexpr int64_t rowsAhead = 16;
/// Rows of a turn whose lines are asked for while its values are visited, and between its products
/// with keys; those of the rest while weights are made.
static constexpr int64_t turnRows = 16, visitRows = 8, scoreRows = 4,
                         weightRows = turnRows - visitRows - scoreRows;

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

void StreamAsks::ask(const Share &share) {
  if (plan.target.getInt("prefetch_ahead") == 0)
    return;
  auto both = [&] {
    askFor(rows.keys, rows.keyPlace, rows.key, plan.qkSize, share);
    askFor(rows.values, rows.valuePlace, rows.value, plan.vSize, share);
  };
  rows.isFirst ? b.when(rows.isFirst, both) : both();
}

void StreamAsks::whileWeighing(int64_t pass, Value i) {
  int64_t turns = plan.keys / turnRows, vectors = plan.keys / plan.packedKeys();
  Value begin = b.index(pass * turns * weightRows / 2);
  ask({begin, i, turns * weightRows / 2, vectors});
}

/// Row of the tile behind those asked for in the turns before, and `before` in this one.
Value StreamAsks::turnBegin(Value turn, int64_t before) {
  int64_t turns = plan.keys / turnRows;
  Value rows = b.mul(b.div(turn, b.index(turnRows)), b.index(visitRows + scoreRows));
  return b.add(rows, turns * weightRows + before);
}

void StreamAsks::whileVisiting(Value turn, Value part, int64_t parts) {
  ask({turnBegin(turn, 0), part, visitRows, parts});
}

void StreamAsks::whileScoring(Value turn, int64_t part, int64_t parts) {
  ask({turnBegin(turn, visitRows), b.index(part), scoreRows, parts});
}
