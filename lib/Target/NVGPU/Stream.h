//===- Stream.h - kernels that read keys and values once for few rows --------===//
//
// Decoding: the query heads of a group and the query positions of a call are packed into the 64
// rows of a tile, row = position * (heads of a group) + head, so that keys and values are read once
// for all of them. The launch deals out equal ranges of all key steps, and where a range ends
// inside an item, its parts are merged (Parts.h). Every role of a block works out the block's units
// by itself.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_STREAM_H
#define ATTN_LIB_TARGET_NVGPU_STREAM_H

#include "Kernel.h"
#include "Parts.h"

namespace mlir::attn {

/// Who shares keys and values: score head of each row of a group.
struct PackedGroups {
  int64_t count = 0, size = 0;             // groups; rows per position: the largest group
  SmallVector<int64_t> member;             // [group][row]: score head, -1 for none
  SmallVector<int64_t> keyHead, valueHead; // per group
  bool isEven = true;                      // member = group * size + row
  explicit PackedGroups(const HeadMap &map);
};

/// Launch arguments of the stream form (attn_gpu_parts.c fills them): query, out, lse, sinks,
/// workspace; then numbers.
///
/// Work is a line of key steps: `steps` of each sequence (a group of a batch entry, or one row tile
/// of it), one sequence after the other. The first of `workers` ranges, `cutters`, are equal, but
/// that the first `more` have a step more than `share`; each of the others is a whole sequence, so
/// blocks meet about parts while they still have keys to read. A worker is a gang of `gang`
/// neighbouring blocks, one per row tile of a sequence, which read the same keys side by side.
struct StreamArguments {
  Value query, workspace;
  Val workers, cutters, steps, share, more, gang;
  Val rows; // of a record in the workspace
  Val queryBatch, queryHead, queryRow;
};

/// What a worker's range holds of one item, a row tile of a sequence: all of its key steps, or a
/// part.
struct StreamUnit {
  Val sequence, item, inGang, batch, group, keyHead, valueHead;
  Val number;            // of its record: grows by `gang` from one part of an item to the next
  Val firstRow;          // packed row of the tile's first
  Val from, to;          // key tiles
  Val fullFrom, fullEnd; // those without mask code
  Val isWhole, isFinal;  // all keys of the item; the block's last unit
  Val next[2];           // worker and step of the block's next unit
  bool hasLow = false;   // whether some tiles on the left may need mask code
};

/// What decode kernels of both forms have in common: groups, units, packed rows, results.
class StreamEmitter : public virtual KernelEmitter {
public:
  explicit StreamEmitter(NVWorkPlan &plan) : groups(plan.heads) {}

protected:
  // Stream.cpp
  /// Keys of the tiles that units are cut into, and packed rows of a tile.
  virtual int64_t keysOfStep() const { return sizes.keys; }
  virtual int64_t rowsOfTile() const { return 64; }
  SmallVector<Type> streamArgumentTypes();
  void readStreamArguments(ValueRange arguments);
  Val startOf(Val worker);
  Val workerOf(Val step);
  StreamUnit unitOf(Val worker, Val step);
  void placeUnit(StreamUnit &unit, Val local, Val length);
  void walk(ArrayRef<Val> init, function_ref<Vals(const StreamUnit &, Vals)> body);
  KeyBounds boundsOfGroup(Val first, Val last, Val group);
  Val memberOf(Val group, Val row);
  struct Row {
    Val packed, inTile, position, head, isLive; // position: without the offset
  };
  Row rowOfTile(const StreamUnit &unit, Val inTile);
  /// What masks and scores ask of the thread's two rows.
  QueryTile tileOfRows(const StreamUnit &unit, ArrayRef<Row> both);
  Vals loadQueryPiece(const StreamUnit &unit, Val row, Val piece);

  // StreamSoftmax.cpp
  Vals shiftOf(ArrayRef<Val> reference);
  void addWeights(Softmax &out, ArrayRef<Val> scores, ArrayRef<Val> shift, ArrayRef<Val> sum);
  Vals maximaOf(ArrayRef<Val> scores, ArrayRef<Val> before);
  Softmax softmaxOf(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum);
  Vals rescaleTo(ArrayRef<Val> reference, ArrayRef<Val> before);
  Vals rescaled(ArrayRef<Val> sum, ArrayRef<Val> reference, ArrayRef<Val> before);
  Softmax weightsOf(ArrayRef<Val> scores, ArrayRef<Val> maximum, ArrayRef<Val> sum);

  // StreamResults.cpp
  struct Finish {
    Val factor, lse, isEmpty;
  };
  Finish finishRow(Val maximum, Val sum, Val head);
  void storeWhole(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                  ArrayRef<Val> maximum, ArrayRef<Val> sum);
  /// The same of the output's columns from `column` on, for many live rows: lanes gather 16 bytes
  /// each. Who has column 0 also leaves the log-sum-exp.
  void storeColumns(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                    ArrayRef<Val> maximum, ArrayRef<Val> sum, Val column);
  /// `acc` holds the output's columns from `column` on; who has column 0 also leaves the
  /// statistics.
  void storePart(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                 ArrayRef<Val> maximum, ArrayRef<Val> sum, Val column);
  /// What a merge of the unit's item will be like, for blocks of `threads` consumers (a power of
  /// two). Known before the unit begins, when its divisions are in nobody's way.
  struct Merge {
    PartRange parts;
    Val pieces, perRound, rounds;
  };
  Merge mergeOf(const StreamUnit &unit, int64_t threads);
  /// By all consumers of a block, of which this is number `number`, after they have stored their
  /// part.
  void mergeParts(const StreamUnit &unit, const Merge &merge, Val number, int64_t threads,
                  int64_t barrier);
  void mergePieces(const StreamUnit &unit, const PartRange &parts, Val all, Val first,
                   int64_t threads, int64_t count);
  void storeMerged(const StreamUnit &unit, const Row &row, Val column, MergedRow &merged);
  Val outAddress(const StreamUnit &unit, const Row &row);
  void storeRowLse(const StreamUnit &unit, const Row &row, Val lse);

  PackedGroups groups;
  StreamArguments s;
  std::unique_ptr<PartMemory> memory;
  int64_t flagOffset = 0; // a word of shared memory
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_STREAM_H
