//===- Kernel.h - what all attention kernels have in common ------------------===//
//
// Arguments, tiles of query rows and their key ranges, masks, score programs, softmax and results.
// How a block loads, multiplies and shares work is left to the forms: warpgroups with the copy
// engine (WarpgroupKernel.h), warps that load by themselves (WarpKernel.h). In both a thread holds
// two rows of an accumulator, 8 apart. Key tiles are numbered from the right: number i of a tile is
// key tile `last - i`.
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
  TensorAddress query, key, value; // of kernels that read them by address
};

/// Key range of a block of rows: keys in [low, high) may be visible, keys in [fullLow, fullHigh)
/// are visible to all rows. Null: 0 below, Sk above.
struct KeyBounds {
  Val low, high, fullLow, fullHigh;
};

/// Ids of documents, where they are taken as 32 bits. The ends stand for many.
constexpr int64_t leastDocument = std::numeric_limits<int32_t>::min(),
                  mostDocument = std::numeric_limits<int32_t>::max();

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
  Vals queries;          // the queries themselves, if they stay in registers
  Val skip, edge, edge2; // numbers: [0, skip) not needed, [edge, edge2) without mask code
  Val lane, warp;        // of the thread
  Val word;              // what stood in the ring: the tile's number, with a lazy maximum exactBit
  Val keepsReference;    // lazy: whether there are tiles without mask code
  int64_t firstKey = 0;  // of the scores that are finished: in the key tile
  Val warpKey;           // and in front of that, where warps share rows; null where they do not
  /// Packed rows: position and score head of the thread's two rows.
  Val position[2], rowHead[2];
};

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
  KernelEmitter(KernelBuilder &b, NVWorkPlan &plan, const TileSizes &sizes, StringRef name)
      : b(b), plan(plan), sizes(sizes), name(name) {}
  virtual ~KernelEmitter() = default;
  /// Writes `llvm.func @name` and its tables at the builder's insertion point. Fails with a
  /// diagnostic.
  virtual LogicalResult emit() = 0;

protected:
  // Kernel.cpp
  Val headFrom(ArrayRef<int64_t> map, Val head, StringRef what);
  Val tableEntry(ArrayRef<int64_t> table, Val index, StringRef what);
  QueryTile placeOf(Val number);
  QueryTile tileOf(Val number, int64_t rows);
  void rangesOf(QueryTile &tile, int64_t rows);
  KeyEnds endsOf(MaskAttr mask);
  void readCommonArguments(ValueRange arguments);
  Val shared(int64_t offset) { return base + offset; }
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
  Val firstKeyOf(const QueryTile &tile, Val keyTile);
  Vals maskScores(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile, bool atEnd);
  Val perRow(MaskAttr mask, unsigned row, unsigned what, function_ref<Val()> make);

  // MaskOperands.cpp
  SmallVector<Type> maskArgumentTypes();
  void readMaskArguments(ValueRange arguments);
  Val loadInteger(Val address, Type element);
  Val prefixLength(MaskAttr mask);
  Val documentOf(int64_t number, Val index);
  Val shortDocumentOf(int64_t number, Val index);
  Val isInDocument(MaskAttr mask, Val position, Val key, int64_t column, unsigned row);
  Val isMarked(MaskAttr mask, Val position, Val key, Val head, unsigned row);
  Val seesByOperand(MaskAttr mask, Val position, Val keyBase, int64_t column, Val head,
                    unsigned row);

  // Strict.cpp
  SmallVector<Type> tensorArgumentTypes();
  void readTensorArguments(ValueRange arguments);
  QueryTile tileToRepair(const QueryTile &tile);
  void repairRows(const QueryTile &tile, ArrayRef<Val> words, ArrayRef<Val> sum);
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

  // Softmax.cpp
  struct Softmax {
    Vals weights, maximum, sum, rescale;
  };
  Softmax softmax(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum, bool mayBeEmpty);
  void settleReference(const QueryTile &tile, MutableArrayRef<Val> maximum);
  Vals shiftOf(ArrayRef<Val> maximum);
  Vals powers(ArrayRef<Val> scores, ArrayRef<Val> shift);
  Softmax keepReference(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum);
  Val isDoubtful(const QueryTile &tile, ArrayRef<Val> acc, ArrayRef<Val> sum, ArrayRef<Val> early);
  Vals finishScores(ArrayRef<Val> scores, QueryTile &tile, Val number, bool masked, bool atEnd);
  Vals pack(ArrayRef<Val> values);

  // Results.cpp
  void addSinks(const QueryTile &tile, Vals &acc, Vals &maximum, Vals &sum);
  Vals store(const QueryTile &tile, Vals acc, Vals maximum, Vals sum);
  void storeRow(const QueryTile &tile, ArrayRef<Val> words, unsigned row);
  void storeLse(const QueryTile &tile, Val maximum, Val sum, Val row);

  KernelBuilder &b;
  NVWorkPlan &plan;
  const TileSizes &sizes;
  std::string name;
  KernelArguments a;
  Val base, block, grid, thread, lane, quad;
  KeyEnds ends;
  Val maskBatch; // batch entry of the row tile whose mask is asked for
  /// Keys of the documents of that tile's rows, where they are known, by the ids' operand.
  std::map<int64_t, KeyBounds> documentBounds;
  double factor = 1; // exponent of 2 per unit of score
  /// Values of mask words that do not change inside one key tile: (word, row, which).
  std::map<std::tuple<const void *, unsigned, unsigned>, Val> rowValues;
};

/// Types of the arguments that readCommonArguments() reads: three addresses, eight numbers, six
/// strides.
SmallVector<Type> commonArgumentTypes(KernelBuilder &b);

/// Makes a kernel of `threads` threads of which a multiprocessor holds at least `blocks` blocks,
/// and goes on building at its start.
LLVM::LLVMFuncOp beginKernel(KernelBuilder &b, StringRef name, ArrayRef<Type> types,
                             int64_t threads, int64_t blocks);

/// The symbol of the block's shared memory; makes it and the launch counters.
LLVM::GlobalOp sharedMemory(KernelBuilder &b, ModuleOp module);

/// Name of the device's table of launch counters, and its pairs.
constexpr StringLiteral countersName = "attn_counters";
constexpr int64_t numCounterPairs = 1024;

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_KERNEL_H
