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

  /// As those of PanelKernels; counts are multiples of 32 keys.
  func::FuncOp emitScores();
  func::FuncOp emitValues();

  /// Shapes of the tile registers, once before the kernels are called; and their release.
  static void configure(CpuBuilder &b);
  static void release(CpuBuilder &b);
  /// Asks the operating system for the tile registers' state, once per thread.
  static void requestPermission(CpuBuilder &b, ModuleOp module);

private:
  struct Operand {
    Value address, stride; // bytes
  };
  MemRefType typeOf(const Slice &slice, Type element) {
    return MemRefType::get({slice.rows, slice.columns}, element);
  }
  Operand at(Value memref, Value row, Value column);
  void load(int64_t tile, const Operand &operand);
  void store(int64_t tile, const Operand &operand);
  void addProducts(int64_t leftTiles, Value left,
                   function_ref<std::pair<Value, Value>(Value k, int64_t i)> leftAt, Value right,
                   Value count);
  void rescale(Value accumulator, Value factors);
  void valueBlock(func::FuncOp function, Value first, int64_t leftTiles);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MATRIXKERNELS_H
