//===- MatrixWeights.h - weights on the matrix unit's own time ---------------===//
#ifndef ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H
#define ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H

#include "MaskCode.h"
#include "MatrixKernels.h"
#include "ScoreCode.h"

namespace mlir::attn {

/// Slices and facts of one panel and key tile: [1][rows] f32 state, i32 positions and heads, tiles
/// as in WorkPlan; `keys` are those of the tile, of which all rows see the first `clear` (a
/// multiple of 32), `outer` maps what a score region captures.
struct MatrixPanel {
  Value keys, scores, weights;
  Value maxima, sums, rescale, blockSums, positions, heads;
  KeyRange range;
  Value clear;
  const MaskContext *context;
  MaskAttr mask;
  const IRMapping *outer;
  Value asked; // see WorkPlan::asked
  // Its number and that of the item's panels; the query slice of any of them.
  Value number, panels;
  function_ref<Value(Value)> queryOf;
  // With `overlap`: see WorkPlan::begun.
  Value begun;
};

/// The lazy maximum. Weights are 2^((score - reference) * log2(e)) with a reference that stays as
/// long as no sum of a tile's weights exceeds 2^16, or no weight from a table 2; any reference
/// gives the same quotient, and nothing near overflow arises. So no pass over the scores looks for
/// their maximum: blocks of 32 keys by 32 rows go from tile registers through a buffer of 4 KiB to
/// packed weights, and the matrix unit multiplies a later block meanwhile: of the same panel, and
/// in the end of the next.
class MatrixWeights {
public:
  MatrixWeights(CpuBuilder &b, WorkPlan &plan, const MatrixPanel &panel);

  /// Whether some row has no reference yet (i1).
  Value unseen();
  /// Raises the references to the maximum of the first `count` keys (a multiple of 32), whose first
  /// scores may be there already (`mayBeBegun`, i1), and scales
  /// the sums and the factors in `rescale` for it.
  void raise(Value count, Value mayBeBegun);
  /// Whether scores that the panel before left behind outlive `raise` of one chunk: its blocks then
  /// have buffers of their own, and the ones that are there already are made again.
  bool raiseKeepsBegun() const { return blocks() <= plan.scoreTurns(); }
  /// Weights of the first `count` keys; their sums go to `blockSums`. `isFirst`:
  /// whether nothing has made them yet, `mayBeBegun`: whether scores that the panel before left
  /// behind still stand (i1).
  void weigh(Value count, Value isFirst, Value mayBeBegun);
  /// Adds the tile's sums to those of the state, where the product with the values does not.
  void addSums();
  /// Whether a sum is too large for its reference (i1).
  Value tooLarge();
  /// Says that no scores are begun: the key tile is new.
  static void forget(CpuBuilder &b, Value begun);

private:
  /// One vector of rows.
  struct Column {
    int64_t number;
    Value at, inBlock;      // first row of the panel, and of its 32 rows
    Value reference, shift; // shift = -reference * log2(e)
    std::unique_ptr<ScoreCode> code;
    std::unique_ptr<LaneMask> mask; // null where all keys are seen
  };
  /// Scores of 32 keys by 32 rows, in the buffer of a turn: chunk `number` of the tile, the rows of
  /// `query` from `32 * rows`.
  struct Block {
    Value number, query, turn;
    int64_t rows;
  };
  SmallVector<Column> columns(bool masked);
  void raiseBlocks(ArrayRef<Column> columns, Value from, Value to, Value begun,
                   SmallVectorImpl<Value> &tops);
  Block freeBlock(Value number, int64_t rows);
  void weighMasked(Value from, Value to);
  Value loadState(Value memref, const Column &column);
  void storeState(Value value, Value memref, const Column &column);
  Value score(const Column &column, Value row, Value key);
  Value power(const Column &column, Value row, Value key);
  Value weight(const Column &column, Value row, Value key);
  int64_t blocks() const { return plan.rows / 32; }
  Value bufferRow(const Block &block);
  Block ownBlock(Value number, int64_t rows);
  Block laterBlock(Value number, int64_t rows, Value count, Value next);
  MatrixKernels::ScoreBlock kernelBlock(const Block &block);
  void scoreBlock(const Block &block);
  void raiseBlock(ArrayRef<Column> columns, const Block &block, MutableArrayRef<Value> tops);
  void pair(ArrayRef<Column> columns, const Block &block, int64_t j, Value n,
            MutableArrayRef<Value> sums);
  void weave(ArrayRef<Column> columns, const Block &block, ArrayRef<Block> later,
             MutableArrayRef<Value> sums);
  void askForRows(const Block &block, int64_t from, int64_t to);
  SmallVector<Value> weighBlock(ArrayRef<Column> columns, const Block &block, ValueRange sums);
  SmallVector<Value> startOfSums();
  SmallVector<Value>
  forBlocks(Value from, Value to, ValueRange start,
            function_ref<void(const Block &, SmallVectorImpl<Value> &sums)> body);
  void weighClear(Value isFirst, Value mayBeBegun);
  void weighAll(Value mayBeBegun);
  void tablePair(const Column &column, Value row, Value key, Value word,
                 MutableArrayRef<Value> seen);
  Value tablePower(const Column &column, Value row, Value key);
  void storeSums(ArrayRef<Column> columns, ValueRange sums);
  SmallVector<Value> weighWoven(ArrayRef<Column> columns, Value chunks, Value mayBeBegun);
  Value isBegun();
  Value begunWord(int64_t word);
  void setBegunWord(int64_t word, Value number);

  CpuBuilder &b;
  WorkPlan &plan;
  const MatrixPanel &panel;
  MatrixKernels kernels;
  Value firstTurn;    // of the panel's blocks
  bool table = false; // whether powers come from it now
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H
