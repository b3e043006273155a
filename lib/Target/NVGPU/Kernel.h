//===- Kernel.h - one warp-specialised attention kernel ----------------------===//
//
// A block is one producer warpgroup, in which two threads drive the copy engine, and one to four
// consumer warpgroups of 64 query rows each. Blocks are persistent: they take tiles of query rows
// from a counter. Key tiles are numbered from the right: number i of a tile is key tile `last - i`.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_KERNEL_H
#define ATTN_LIB_TARGET_NVGPU_KERNEL_H

#include "KernelBuilder.h"
#include "ScoreValue.h"
#include "WorkPlan.h"
#include <map>

namespace mlir::attn {

/// A tensor that the mask reads: element [i, j, l, k] lies at address + (i * strides[0] + j *
/// strides[1] + l * strides[2] + k) elements; axes of size 1 have stride 0. Tensors of lower rank
/// use the first strides.
struct MaskOperand {
  Val address;    // i64
  Val strides[3]; // i64, in elements
  Val size;       // of the last axis
};

/// A tensor of rank 4 in device memory: address of its first element, strides in elements.
struct TensorAddress {
  Val address, batch, head, row; // i64
};

/// Launch arguments that every kernel has, in this order (attn_gpu.c fills them).
struct KernelArguments {
  Value queryMap, keyMap, valueMap; // tensor maps, by value
  Value out, lse, sinks;            // device memory
  Val slot;                         // pair of counters of this launch
  Val queries, keys, batchHeads;    // Sq, Sk, B * heads
  Val rowTiles, tiles, headsAtOnce; // tiles of rows; all tiles; heads of one group of the order
  Val offset;                       // position of query 0
  Val outBatch, outHead, outRow;    // strides in elements, i64
  Val lseBatch, lseHead, lseRow;
  SmallVector<MaskOperand> masks;
  TensorAddress query, key, value; // of strict kernels
};

/// Key range of a block of rows: keys in [low, high) may be visible, keys in [fullLow, fullHigh)
/// are visible to all rows. Null: 0 below, Sk above.
struct KeyBounds {
  Val low, high, fullLow, fullHigh;
};

/// Which ends of the key range a mask has where not all rows see the same: tiles there have mask
/// code.
struct KeyEnds {
  bool left = false, right = false;
};

/// A tile of query rows.
struct QueryTile {
  Val rowTile, batch, head, queryHead, keyHead, valueHead;
  Val last, count;       // the rightmost key tile, and how many there are (at least one)
  Val started, number;   // key tiles and query tiles before this one in the rings
  Val row, firstRow;     // first of the thread's two rows; the warpgroup's first row
  Val slot, queryLow;    // barrier number and descriptor of the queries
  Val skip, edge, edge2; // numbers: [0, skip) not needed, [edge, edge2) without mask code
  Val lane, warp;        // of the thread
  Val word;              // what stood in the ring: the tile's number, with a lazy maximum exactBit
  Val keepsReference;    // lazy: whether there are tiles without mask code
  /// Packed rows: position and score head of the thread's two rows.
  Val position[2], rowHead[2];
};

/// In the ring of tile numbers: a flagged tile, all of whose key tiles take the exact loop.
constexpr int64_t exactBit = int64_t(1) << 30;

/// Row, of the thread's two, of an accumulator's element.
inline unsigned rowOf(size_t element) { return (element >> 1) & 1; }
inline Vals rowElements(ArrayRef<Val> values, unsigned row) {
  Vals out;
  for (auto [i, value] : llvm::enumerate(values))
    if (rowOf(i) == row)
      out.push_back(value);
  return out;
}

class KernelEmitter {
public:
  KernelEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : b(b), plan(plan), t(plan.tile), name(name) {}
  /// Writes `llvm.func @name` and its tables at the builder's insertion point. Fails with a
  /// diagnostic.
  LogicalResult emit();

protected:
  // Kernel.cpp: frame, scheduling, producer.
  void createFunction();
  void initBarriers();
  QueryTile tileOf(Val number);
  Val headFrom(ArrayRef<int64_t> map, Val head, StringRef what);
  Val tableEntry(ArrayRef<int64_t> table, Val index, StringRef what);
  void emitProducer();
  void emitQueryProducer();
  Val takeTile();
  void publishNext(Val number, Val next);
  void resetCounters();
  void loadBox(Val target, Value map, Val barrier, int64_t column, Val row, Val head, Val batch);
  void load(Val target, Value map, Val barrier, int64_t rows, int64_t size, Val row, Val head,
            Val batch);
  void loadRing(int64_t full, int64_t empty, int64_t base, Value map, int64_t size, Val keyTile,
                Val head, Val batch, Val count);
  Val nextTile(Val number);
  void wait(Val barrier, Val parity);
  void arrive(Val barrier);
  void expect(Val barrier, int64_t bytes);
  Val shared(int64_t offset) { return base + offset; }

  // Cards.cpp
  void writeCard(QueryTile &tile, int64_t consumer);
  void readCard(QueryTile &tile);
  void placeRows(QueryTile &tile);
  void rangesOf(QueryTile &tile);
  KeyEnds endsOf(MaskAttr mask);
  Val cardAddress(Val number, Val consumer);

  // Redo.cpp
  Val tileNumber(Val word);
  Val isTile(Val word);
  void waitConsumed(Val number);
  Val takeFlagged(Val number);
  Val flaggedOr(Val number, function_ref<Val()> otherwise);
  Val lastFlagged(Val number);
  /// Position and score head of one of the thread's rows.
  Val positionOf(const QueryTile &tile, unsigned row) {
    return tile.position[row] ? tile.position[row]
                              : tile.row + static_cast<int64_t>(8 * row) + a.offset;
  }
  Val headOf(const QueryTile &tile, unsigned row) {
    return tile.rowHead[row] ? tile.rowHead[row] : tile.head;
  }

  /// The lane's number in its quad; the tile's own copy does not live from tile to tile.
  Val quadOf(const QueryTile &tile) { return tile.lane ? tile.lane & 3 : quad; }

  // Masks.cpp
  KeyBounds boundsOf(MaskAttr mask, Val first, Val last, Val head);
  KeyBounds concrete(KeyBounds bounds);
  Val isVisible(MaskAttr mask, Val position, Val keyBase, int64_t column, Val head, unsigned row);
  Vals maskScores(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile, bool atEnd);
  Val perRow(MaskAttr mask, unsigned row, unsigned what, function_ref<Val()> make);

  // MaskOperands.cpp
  SmallVector<Type> maskArgumentTypes();
  void readMaskArguments(ValueRange arguments);
  Val loadInteger(Val address, Type element);
  Val prefixLength(MaskAttr mask);
  Val documentOf(MaskAttr mask, Val index);
  Val isInDocument(MaskAttr mask, Val position, Val key, int64_t column, unsigned row);
  Val isMarked(MaskAttr mask, Val position, Val key, Val head, unsigned row);
  Val seesByOperand(MaskAttr mask, Val position, Val keyBase, int64_t column, Val head,
                    unsigned row);

  // Strict.cpp
  SmallVector<Type> strictArgumentTypes();
  void readStrictArguments(ValueRange arguments);
  QueryTile tileToRepair(const QueryTile &tile);
  void repairRows(const QueryTile &tile, ArrayRef<Val> acc, ArrayRef<Val> sum);
  void repairRow(const QueryTile &tile, Val row);
  Vals loadRow(const TensorAddress &tensor, const QueryTile &tile, Val head, Val row, int64_t size);
  Vals addKey(const QueryTile &tile, ArrayRef<Val> query, Val position, Val key,
              ArrayRef<Val> state);
  Vals addSinkToRow(const QueryTile &tile, ArrayRef<Val> state);
  void storeRepaired(const QueryTile &tile, Val row, ArrayRef<Val> state);

  // Scores.cpp
  LogicalResult checkScore();
  Vals applyScore(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile);
  ScoreValue elementaryFunction(Operation &op, ArrayRef<ScoreValue> operands);
  ScoreValue scoreOperation(Operation &op, ArrayRef<ScoreValue> operands);
  DenseMap<Value, ScoreValue> sharedScoreValues(const QueryTile &tile, Val head);
  Val scoreOf(const DenseMap<Value, ScoreValue> &shared, Val product, ScoreValue position,
              ScoreValue key);
  void runKnown(Block &region, DenseMap<Value, ScoreValue> &values);

  // Consumer.cpp
  void emitConsumer();
  Vals consume(Vals state);
  void view(QueryTile &tile);
  Vals products(Val queryLow, Val count);
  Vals weightedSum(ArrayRef<Val> weights, Val count, ArrayRef<Val> sum);
  Vals waitProducts(int64_t pending, ArrayRef<Val> values);
  struct Softmax {
    Vals weights, maximum, sum, rescale;
  };
  Softmax softmax(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum, bool mayBeEmpty);
  void settleReference(const QueryTile &tile, MutableArrayRef<Val> maximum);
  Softmax keepReference(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum);
  void judge(const QueryTile &tile, ArrayRef<Val> acc, ArrayRef<Val> sum, ArrayRef<Val> early);
  void report(const QueryTile &tile, Val isBad);
  Vals pack(ArrayRef<Val> values);
  Vals firstTile(QueryTile &tile);
  Vals step(QueryTile &tile, Val number, Vals state, bool masked, bool lazy);
  Vals runTiles(QueryTile &tile, Vals state, Vals &early);
  Vals finishScores(ArrayRef<Val> scores, QueryTile &tile, Val number, bool masked, bool atEnd);
  void addSinks(const QueryTile &tile, Vals &acc, Vals &maximum, Vals &sum);
  void store(const QueryTile &tile, Vals acc, Vals maximum, Vals sum);
  void storeRow(const QueryTile &tile, ArrayRef<Val> words, unsigned row);
  void storeLse(const QueryTile &tile, Val maximum, Val sum, Val row);
  void passOn();
  void takeTurn();

  KernelBuilder &b;
  NVWorkPlan &plan;
  const WarpgroupTile &t;
  std::string name;
  KernelArguments a;
  Val base, block, grid, thread, lane, quad, group; // group: the consumer's number
  Val queryBase, keyBase, valueBase, nextGroup;
  KeyEnds ends;
  Val maskBatch;     // batch entry of the row tile whose mask is asked for
  double factor = 1; // exponent of 2 per unit of score
  struct Barriers {
    int64_t keyFull, keyEmpty, valueFull, valueEmpty, queryFull, queryEmpty, tileFull, tileEmpty,
        tileNumber, tileDone, flagged, cards;
  } at;
  /// Values of mask words that do not change inside one key tile: (word, row, which).
  std::map<std::tuple<const void *, unsigned, unsigned>, Val> rowValues;
};

/// Slot of number `count` in a ring, and the parity of the slot's phase then.
Val ringSlot(Val count, int64_t stages);
Val ringParity(Val count, int64_t stages);

/// The symbol of the block's shared memory; makes it and the launch counters.
LLVM::GlobalOp sharedMemory(KernelBuilder &b, ModuleOp module);

/// Name of the device's table of launch counters, and its pairs.
constexpr StringLiteral countersName = "attn_counters";
constexpr int64_t numCounterPairs = 1024;

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_KERNEL_H
