//===- Stream.h - kernels that read keys and values once for few rows --------===//
//
// Decoding: the query heads of a group and the query positions of a call are packed into the 64
// rows of a tile, row = position * (heads of a group) + head, so that keys and values are read once
// for all of them. The key range of an item is cut into parts (Parts.h). A unit of work is a part
// of an item.
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
struct StreamArguments {
  Value query, workspace;
  Val units, parts, rows; // rows: of a record in the workspace
  Val queryBatch, queryHead, queryRow;
};

/// One part of one item.
struct StreamUnit {
  Val number, item, part, batch, group, keyHead, valueHead;
  Val firstRow;          // packed row of the tile's first
  Val from, to;          // key tiles
  Val fullFrom, fullEnd; // those without mask code
  bool hasLow = false;   // whether some on the left may need mask code
};

/// What decode kernels of both forms have in common: groups, units, packed rows, results.
class StreamEmitter : public virtual KernelEmitter {
public:
  explicit StreamEmitter(NVWorkPlan &plan) : groups(plan.heads) {}

protected:
  // Stream.cpp
  /// Keys of the tiles that units are cut into.
  virtual int64_t keysOfStep() const { return sizes.keys; }
  SmallVector<Type> streamArgumentTypes();
  void readStreamArguments(ValueRange arguments);
  StreamUnit unitOf(Val number);
  KeyBounds boundsOfGroup(Val first, Val last, Val group);
  Val memberOf(Val group, Val row);
  struct Row {
    Val packed, inTile, position, head, isLive; // position: without the offset
  };
  Row rowOfTile(const StreamUnit &unit, Val inTile);
  /// What masks and scores ask of the thread's two rows.
  QueryTile tileOfRows(const StreamUnit &unit, ArrayRef<Row> both);
  Vals loadQueryPiece(const StreamUnit &unit, Val row, Val piece);

  // StreamResults.cpp
  struct Finish {
    Val factor, lse, isEmpty;
  };
  Finish finishRow(Val maximum, Val sum, Val head);
  void storeWhole(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                  ArrayRef<Val> maximum, ArrayRef<Val> sum);
  /// `acc` holds the output's columns from `column` on; who has column 0 also leaves the
  /// statistics.
  void storePart(const StreamUnit &unit, ArrayRef<Row> rows, ArrayRef<Val> acc,
                 ArrayRef<Val> maximum, ArrayRef<Val> sum, int64_t column = 0);
  /// By `threads` threads, a power of two, of which this is number `number`.
  void mergeItem(const StreamUnit &unit, Val number, int64_t threads);
  void mergePiece(const StreamUnit &unit, Val inTile, Val column);
  Val outAddress(const StreamUnit &unit, const Row &row);
  void storeRowLse(const StreamUnit &unit, const Row &row, Val lse);

  PackedGroups groups;
  StreamArguments s;
  std::unique_ptr<PartMemory> memory;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_STREAM_H
