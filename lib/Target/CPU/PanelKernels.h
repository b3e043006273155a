//===- PanelKernels.h - the three inner kernels of a panel -------------------===//
#ifndef ATTN_LIB_TARGET_CPU_PANELKERNELS_H
#define ATTN_LIB_TARGET_CPU_PANELKERNELS_H

#include "CpuBuilder.h"
#include "MaskCode.h"
#include "WorkPlan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::attn {

/// Everything the weights kernel reads beside the panel, in the order it is passed.
struct OuterValues {
  SmallVector<Value> values; // of the function that holds the attn.work
};

/// The private functions one attn.work is lowered to. All memrefs are slices of the workspace.
class PanelKernels {
public:
  PanelKernels(CpuBuilder &b, WorkPlan &plan, std::string prefix)
      : b(b), plan(plan), prefix(std::move(prefix)) {}

  /// `scores(key tile, query, scores, maxima, count)`: scores[n][r] = <key n, query r> for n in
  /// [0, count), and their maximum over n where `findsMaximum`.
  func::FuncOp emitScores();
  /// `values(value tile, weights, accumulator, rescale, count)`: accumulator = rescale *
  /// accumulator + sum_n weight * value over `count` rows of words. The strict form leaves out
  /// weights of -0.0, which mark excluded keys, so that their value rows are not touched.
  func::FuncOp emitValues(bool strict);

  /// Types of key and value tiles.
  MemRefType keyTileType() const;
  MemRefType valueTileType() const;
  /// Type of a slice.
  MemRefType typeOf(const Slice &slice, Type element) const {
    return MemRefType::get({slice.rows, slice.columns}, element);
  }

private:
  /// C[i][j] += A(i, k) * B[k][j] over k in [0, count).
  struct Product {
    Value a, b, count;
    int64_t rows; // i
    function_ref<SmallVector<Value>(Value k, int64_t i)> indexA;
    int64_t unroll;
    bool strict;
  };
  SmallVector<Value> product(const Product &p, ArrayRef<Value> init);
  SmallVector<Value> step(const Product &p, Value k, ArrayRef<Value> sums);
  SmallVector<Value> strictStep(const Product &p, Value k, ArrayRef<Value> sums);
  Value multiplyAdd(Value a, Value b, Value sum);
  Value broadcastWord(const Product &p, Value k, int64_t i);
  Value part(Value word, int64_t half);
  Value scaled(Value score);
  void storeScores(ArrayRef<Value> sums, Value first, Value scores, Value maxima);
  void valueBlock(func::FuncOp function, Value first, int64_t rows, bool strict);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string prefix;
};

/// A private function that LLVM must not export.
func::FuncOp createPrivateFunction(CpuBuilder &b, ModuleOp module, StringRef name,
                                   TypeRange inputs);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_PANELKERNELS_H
