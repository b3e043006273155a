//===- MatrixKernels.h - products on the matrix unit -------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_MATRIXKERNELS_H
#define ATTN_LIB_TARGET_CPU_MATRIXKERNELS_H

#include "PanelKernels.h"

namespace mlir::attn {

/// The products of a panel with AMX: a tile register holds 16 rows of 16 words, and one instruction
/// adds the product of 16 x 32 and 32 x 16 bf16 to 16 x 16 float32. All layouts are those of bf16
/// pairs: queries and weights are right operands as they are, keys and transposed values are left
/// ones, scores and accumulator results.
class MatrixKernels {
public:
  MatrixKernels(CpuBuilder &b, WorkPlan &plan, std::string prefix)
      : b(b), plan(plan), prefix(std::move(prefix)) {}

  /// As those of PanelKernels; counts are multiples of 32 keys. In the lazy form a further argument
  /// says whether the values' sums start at zero (i1), and where the weights are added up with the
  /// values, the last one has their sums.
  func::FuncOp emitScores();
  func::FuncOp emitValues();

  /// Operands of the scores of 32 keys from `firstKey` by the 32 rows of the panel from `column`,
  /// and where they go.
  struct ScoreBlock {
    Value keys, query, scores;
    Value firstKey, scoreRow;
    int64_t column, scoreColumn;
  };
  /// Steps of the sum of a score block.
  int64_t scoreSteps() const { return plan.rowWords() / 16; }
  /// What stands among the products of a block: behind product 0, 1, 2, 3 of a step, and before the
  /// sums are stored.
  struct Company {
    function_ref<void(int64_t product)> between;
    function_ref<void()> beforeStores;
  };
  /// One of them: four products. The first clears the sums, the last stores them. With company the
  /// operands of the first step are there already.
  void scoreStep(const ScoreBlock &block, int64_t step, const Company *company = nullptr);
  /// Loads the operands of a block's first step.
  void loadFirst(const ScoreBlock &block);

  /// Shapes of the tile registers, once before the kernels are called.
  static void configure(CpuBuilder &b);
  /// Asks the operating system for the tile registers' state, once per thread.
  static void requestPermission(CpuBuilder &b, ModuleOp module);

private:
  struct Operand {
    Value address, stride; // bytes
    bool bypass = false;   // asks not to stay in the first-level cache
  };
  /// Left operands: 16 rows each, one tile below the other.
  struct Left {
    Value tiles, row;
    bool bypass;
  };
  bool bypassesValues() { return plan.bypass == "values" || plan.bypass == "both"; }
  MemRefType typeOf(const Slice &slice, Type element) {
    return MemRefType::get({slice.rows, slice.columns}, element);
  }
  Operand at(Value memref, Value row, Value column);
  void load(int64_t tile, const Operand &operand);
  void store(int64_t tile, const Operand &operand);
  /// Right operands: words [16 rows][32 columns], two tiles side by side.
  struct Right {
    Value words, row, column;
  };
  Left keysAt(const ScoreBlock &block, int64_t step);
  Right queriesAt(const ScoreBlock &block, int64_t step);
  void loadLeft(int64_t tile, const Left &left);
  void loadRight(int64_t tile, const Right &right);
  void loadOperands(const Left &left, const Right &right);
  void multiply(int64_t leftTiles, function_ref<void(int64_t tile)> before,
                function_ref<void(int64_t product)> between);
  void addProducts(int64_t leftTiles, const Left &left, const Right &right,
                   function_ref<void(int64_t)> between = nullptr);
  void rescale(Value accumulator, Value factors, Value fresh);
  Value freshOf(func::FuncOp function);
  void beginSums(func::FuncOp function, int64_t tiles, function_ref<void(int64_t tile)> load,
                 function_ref<void(int64_t tile)> before = nullptr);
  Operand sumAt(func::FuncOp function, Value first, int64_t column, int64_t tile);
  /// Rows [part * rows, (part + 1) * rows) of each 16 rows of weights, which a block of value
  /// columns adds up.
  struct WeightShare {
    Value part;
    int64_t rows;
  };
  SmallVector<Value> addWeights(func::FuncOp function, Value from, int64_t count, int64_t column,
                                int64_t vectors, ValueRange sums);
  void forKeys(func::FuncOp function, const WeightShare &share, int64_t column, int64_t vectors,
               function_ref<void(Value k)> step, function_ref<void()> first = nullptr);
  Left valuesAt(func::FuncOp function, Value first, Value k);
  Right weightsAt(func::FuncOp function, Value k, int64_t column);
  void valueBlock(func::FuncOp function, Value first, int64_t leftTiles, int64_t column,
                  const WeightShare &share);
  void valueBlocksInTurn(func::FuncOp function, int64_t blocks);
  int64_t sharingBlocks(int64_t blocks);
  void wideValueBlock(func::FuncOp function, Value first, int64_t column, const WeightShare &share);
  void forValueBlocks(int64_t whole, int64_t width,
                      function_ref<void(Value, const WeightShare &)> block);
  void emitValueBlocks(func::FuncOp function);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
};

/// Row of the key tile that holds words [16 * step, 16 * step + 16) of key `key` of the tile.
Value keyTileRow(CpuBuilder &b, const WorkPlan &plan, Value key, Value step);
/// Row and column of the value tile that hold word `word` (keys 2 * word and 2 * word + 1) of value
/// column `column`.
SmallVector<Value> valueTileAt(CpuBuilder &b, const WorkPlan &plan, Value column, Value word);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MATRIXKERNELS_H
