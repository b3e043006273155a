//===- ValueRows.h - rows straight from memory, lanes along the row ----------===//
#ifndef ATTN_LIB_TARGET_CPU_VALUEROWS_H
#define ATTN_LIB_TARGET_CPU_VALUEROWS_H

#include "CpuBuilder.h"
#include "WorkPlan.h"

namespace mlir::attn {

/// Indices of a row of a memref, without its column: batch entry, head and row, or a row alone.
using RowIndex = SmallVector<Value>;

/// Chunk `chunk` (index) of a row as vectors of `lanes`: float32, or words of two bf16 where `c`
/// leaves them so. `isTail`: the row may end inside it; what is beyond reads as zero, and its
/// memory is not touched.
SmallVector<Value> loadChunk(CpuBuilder &b, const WorkPlan::RowChunks &c, Value source,
                             const RowIndex &row, Value chunk, bool isTail);
/// The inverse for float32 vectors: writes the elements of a chunk in the target's element type.
void storeChunk(CpuBuilder &b, const WorkPlan::RowChunks &c, ArrayRef<Value> vectors, Value target,
                const RowIndex &row, Value chunk, bool isTail);
/// Calls `body(chunk, count, isTail)` for the chunks of a row, `step` of them at a time; what is
/// left or ends inside its last chunk comes apart, as the tail. A row of whole blocks has none.
void forChunks(CpuBuilder &b, const WorkPlan::RowChunks &c, int64_t step,
               function_ref<void(Value chunk, int64_t count, bool isTail)> body);

/// How a product with values takes a key: by a multiply-add; two keys at once by a dot product of
/// bf16 pairs; or by a multiply-add that leaves out weights of -0.0, which mark excluded keys.
enum class ValueStep { Plain, Pairs, Strict };

/// Values straight from memory times weights, for a block of rows and columns whose sums stay in
/// registers while keys pass by. The accumulator is [rows][chunks of a row].
struct ValueRows {
  WorkPlan::RowChunks chunks;
  Value source;   // memref of the values
  RowIndex place; // of a row, without its number
  Value first;    // row of key number 0
  Value accumulator, rescale;
  ValueStep step = ValueStep::Plain;
  /// Scalar weight of key `n` and row `r` of the block that starts at `row`; with Pairs the word of
  /// keys n and n + 1.
  std::function<Value(Value n, Value row, int64_t r)> weight;
  /// Called in front of the products of key `n`; may be null.
  std::function<void(Value n)> ask = nullptr;
};

/// Words of a whole chunk of values of keys n and n + 1, in the order of `byPairs`.
SmallVector<Value> loadPairs(CpuBuilder &b, const ValueRows &values, Value n, Value chunk);

/// A block of `rows` rows and `chunks` chunks; `isTail`: the last one ends the row. `vector`: only
/// that one of the vectors of one chunk.
struct ValueBlock {
  Value row;
  int64_t rows;
  Value chunk;
  int64_t chunks;
  bool isTail;
  std::optional<int64_t> vector = std::nullopt;
};

/// accumulator = (rescale if `first` is 0) * accumulator + sum of weights times values over keys
/// `first` to `end`, an even number of them with Pairs.
void addValueBlock(CpuBuilder &b, const ValueRows &values, const ValueBlock &block, Value first,
                   Value end);

/// How the products of one row with new keys are woven with those of `others` rows with the keys
/// before, which the first-level cache still has: the row's whole sums stay in registers, and those
/// of the others come in pieces of `chunks` chunks, one for `perPiece` new keys.
struct ValueWeave {
  int64_t others = 3, chunks = 4, perPiece = 2;
  int64_t pieces(const WorkPlan::RowChunks &c) const { return c.chunks / chunks; }
  /// Keys of a turn.
  int64_t keys(const WorkPlan::RowChunks &c) const { return perPiece * pieces(c); }
};

/// Adds the keys of the turn from `first` on, which is not the first, to row `row` of the
/// accumulator, and those of the turn before to the rows that follow it, whose factor is applied if
/// that turn was the first.
void weaveValueRows(CpuBuilder &b, const ValueRows &values, const ValueWeave &weave, Value row,
                    Value first);

/// Registers for sums of a target: they cover the latency of multiply-adds, and leave room for what
/// is loaded.
int64_t sumRegisters(const WorkPlan &plan);
/// Registers for rows that stay while others pass by: all but those for what is loaded, for weights
/// and for sums of scores.
int64_t rowRegisters(const WorkPlan &plan);
/// Chunks of `rows` rows whose sums fill these registers.
int64_t chunksOfBlock(const WorkPlan &plan, const WorkPlan::RowChunks &chunks, int64_t rows);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_VALUEROWS_H
