//===- MatrixWeights.h - weights on the matrix unit's own time ---------------===//
#ifndef ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H
#define ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H

#include "MatrixKernels.h"
#include "ScoreCode.h"

namespace mlir::attn {

/// Slices and facts of one panel and key tile: [1][rows] f32 state, i32 positions and heads, tiles
/// as in WorkPlan; `low` is the tile's first key, `outer` maps what a score region captures.
struct MatrixPanel {
  Value keys, scores, weights;
  Value maxima, sums, rescale, blockSums, positions, heads;
  Value low, batch;
  const IRMapping *outer;
  // Its number and that of the item's panels; the query slice of any of them.
  Value number, panels;
  function_ref<Value(Value)> queryOf;
  // With `overlap`: see WorkPlan::begun.
  Value begun;
};

/// The lazy maximum. Weights are 2^((score - reference) * log2(e)) with a reference that stays as
/// long as no sum of a tile's weights exceeds 2^16; any reference gives the same quotient, and
/// nothing near overflow arises. So no pass over the scores looks for their maximum: blocks of 32
/// keys by 32 rows go from tile registers through a buffer of 4 KiB to packed weights, and the
/// matrix unit multiplies a later block meanwhile: of the same panel, and in the end of the next.
class MatrixWeights {
public:
  MatrixWeights(CpuBuilder &b, WorkPlan &plan, const MatrixPanel &panel);

  /// Whether some row has no reference yet (i1).
  Value unseen();
  /// Raises the references to the maximum of the first `count` keys (a multiple of 32), and scales
  /// the sums and the factors in `rescale` for it.
  void raise(Value count);
  /// Weights of the first `count` keys, all visible; their sums go to `blockSums`. `mayBeBegun`:
  /// whether scores that the panel before left behind still stand (i1).
  void weigh(Value count, Value mayBeBegun);
  /// Whether a sum is too large for its reference (i1).
  Value tooLarge();
  /// Says that no scores are begun: the key tile is new.
  static void forget(CpuBuilder &b, Value begun);

private:
  /// One vector of rows.
  struct Column {
    Value at, inBlock;      // first row of the panel, and of its 32 rows
    Value reference, shift; // shift = -reference * log2(e)
    std::unique_ptr<ScoreCode> code;
  };
  /// Scores of 32 keys: chunk `number` of the tile by the rows of `query`, in the buffers of a
  /// turn.
  struct Chunk {
    Value number, query, turn;
  };
  SmallVector<Column> columns();
  Value loadState(Value memref, const Column &column);
  void storeState(Value value, Value memref, const Column &column);
  Value score(const Column &column, Value row, Value key);
  Value power(const Column &column, Value row, Value key);
  Value weight(const Column &column, Value row, Value key);
  int64_t blocks() const { return plan.rows / 32; }
  Value bufferRow(Value turn, int64_t block);
  Chunk ownChunk(Value number);
  Chunk laterChunk(Value number, Value count, Value next);
  void scoreStep(const Chunk &chunk, int64_t block, int64_t step,
                 function_ref<void(int64_t)> between = nullptr);
  void scoreChunk(const Chunk &chunk);
  Value pair(const Column &column, const Chunk &chunk, int64_t block, Value n, Value sum);
  SmallVector<Value> weave(ArrayRef<Column> columns, const Chunk &chunk, const Chunk &later,
                           ValueRange sums);
  SmallVector<Value> weighChunk(ArrayRef<Column> columns, const Chunk &chunk, ValueRange sums);
  SmallVector<Value> weighWoven(ArrayRef<Column> columns, Value chunks, Value mayBeBegun);
  Value begunWord(int64_t word);
  void setBegunWord(int64_t word, Value number);

  CpuBuilder &b;
  WorkPlan &plan;
  const MatrixPanel &panel;
  MatrixKernels kernels;
  Value firstTurn; // of the panel's chunks
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MATRIXWEIGHTS_H
