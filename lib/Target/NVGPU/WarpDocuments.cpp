//===- WarpDocuments.cpp - key ranges of documents in the warps' form --------===//
//
// Which keys the rows of a tile may see under `document<i>`, and which all of them see, is known
// from the ids alone. Before the first copies all threads of a block look at the ids of its rows,
// then at those of the keys that the rest of the mask leaves: the first and the last key whose id
// lies between the smallest and the largest of the rows, and how many there are. Ascending ids, as
// packed sequences have them, make these ranges exact; any other ids make them larger than needed,
// no more. What the threads find meets where the first values will be.
//
//===----------------------------------------------------------------------===//
#include "WarpKernel.h"

using namespace mlir;
using namespace mlir::attn;

/// Words of one operand: its rows' smallest and largest id; the first key with an id between them,
/// the one behind the last, and how many have one.
enum class DocumentWord { Least, Most, Low, High, Count };
static constexpr int64_t bytesOfOperand = 32;

Val WarpEmitter::documentWords(int64_t operand) {
  return shared(w.valueOffset() + operand * bytesOfOperand);
}

static Val loadWord(KernelBuilder &b, Val words, DocumentWord which) {
  return b
      .ptx("ld.shared.b32 $0, [$1];", {}, {b.getI32Type()},
           {words + 4 * static_cast<int64_t>(which)})
      .front();
}

void WarpEmitter::findDocumentsOfRows(int64_t operand, Val first, Val last) {
  Val least, most;
  for (int64_t i = 0; i < w.rows(); i += w.threads()) {
    Val id = shortDocumentOf(operand, (first + thread + i).min(last));
    least = least ? least.min(id) : id, most = most ? most.max(id) : id;
  }
  least = b.reduced("min", least), most = b.reduced("max", most);
  b.ifThen(lane.eq(0), [&] {
    b.ptx("red.shared.min.s32 [$0], $1;\nred.shared.max.s32 [$0+4], $2;",
          {documentWords(operand), least, most});
  });
}

void WarpEmitter::findKeysOfDocuments(int64_t operand, Val from, Val to) {
  constexpr int64_t atOnce = 8; // loads of a thread on their way
  Val words = documentWords(operand), least = loadWord(b, words, DocumentWord::Least),
      most = loadWord(b, words, DocumentWord::Most);
  int64_t perRound = atOnce * w.threads();
  Val rounds = ((to - from).max(0) + (perRound - 1)).div(perRound);
  Vals found =
      b.loop(b.i32(0), rounds, {b.i32(mostDocument), b.i32(0), b.i32(0)}, [&](Val round, Vals it) {
        Vals keys, ids;
        for (int64_t i = 0; i < atOnce; ++i) {
          keys.push_back(from + round * perRound + thread + i * w.threads());
          ids.push_back(shortDocumentOf(operand, keys.back()));
        }
        for (auto [key, id] : llvm::zip_equal(keys, ids)) {
          Val isOurs = key.lt(to) & id.ge(least) & most.ge(id);
          it = {isOurs.select(it[0].min(key), it[0]), isOurs.select(it[1].max(key + 1), it[1]),
                it[2] + isOurs.select(b.i32(1), b.i32(0))};
        }
        return it;
      });
  Val low = b.reduced("min", found[0]), high = b.reduced("max", found[1]),
      count = b.reduced("add", found[2]);
  b.ifThen(lane.eq(0), [&] {
    b.ptx("red.shared.min.s32 [$0+8], $1;\nred.shared.max.s32 [$0+12], $2;\n"
          "red.shared.add.u32 [$0+16], $3;",
          {words, low, high, count});
  });
}

/// All rows see what has the only id among them, if nothing else lies between. Ids that stand for
/// many are never the only one, and a row without a document sees nothing.
KeyBounds WarpEmitter::keysOfDocuments(int64_t operand, Val first, Val last) {
  Val words = documentWords(operand), least = loadWord(b, words, DocumentWord::Least),
      most = loadWord(b, words, DocumentWord::Most), low = loadWord(b, words, DocumentWord::Low),
      high = loadWord(b, words, DocumentWord::High),
      count = loadWord(b, words, DocumentWord::Count);
  Val isOne = least.eq(most) & least.ne(leastDocument) & least.ne(mostDocument);
  Val isKnown = first.ge(0) & last.lt(a.masks[static_cast<size_t>(operand)].size);
  Val start = low.min(high);
  Val isFull = isOne & isKnown & count.eq(high - start);
  return {start, high, start, isFull.select(high, b.i32(0))};
}

/// Of the block's tile of rows.
void WarpEmitter::findDocuments() {
  SmallVector<int64_t> operands = plan.documentOperands();
  if (operands.empty())
    return;
  QueryTile tile = placeOf(block);
  maskBatch = tile.batch;
  Val row = tile.rowTile * w.rows(), first = row + a.offset,
      last = (row + w.rows()).min(a.queries) - 1 + a.offset;
  KeyBounds others = concrete(boundsOf(plan.mask, first, last, tile.head));
  placeThread();
  b.ifThen(thread.eq(0), [&] {
    for (int64_t operand : operands)
      b.ptx("st.shared.v4.b32 [$0], {$1, $2, $1, $3};\nst.shared.b32 [$0+16], $3;",
            {documentWords(operand), b.i32(mostDocument), b.i32(leastDocument), b.i32(0)});
  });
  meet();
  for (int64_t operand : operands)
    findDocumentsOfRows(operand, first, last);
  meet();
  for (int64_t operand : operands)
    findKeysOfDocuments(operand, others.low.max(0), others.high.min(a.keys));
  meet();
  for (int64_t operand : operands)
    documentBounds[operand] = keysOfDocuments(operand, first, last);
}
