//===- ItemFunction.h - the function that computes one work item -------------===//
#ifndef ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H
#define ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H

#include "PanelKernels.h"

namespace mlir::attn {

/// A private function `(item, workspace, values of the caller...)` that computes one item of `plan.work`.
class ItemFunction {
public:
  /// `b` must stand before the work; constants among the caller's values are cloned instead of passed.
  ItemFunction(CpuBuilder &b, WorkPlan &plan, std::string name);

  /// Emits the function and the kernels it calls.
  void emit();
  func::FuncOp getFunction() const { return function; }
  /// The caller's values to pass behind item and workspace.
  ArrayRef<Value> getOuterValues() const { return outer; }

private:
  void collectOuterValues();
  Value mapped(Value value) { return outerMap.lookup(value); }
  Value slice(const Slice &s, Type element, Value panel = nullptr);

  void emitLocation();
  void emitPanels();
  void loadPanel(Value panel);
  void loadRow(Value panel, Value lane);
  void initPanel(Value panel);
  void emitStream();
  void visitTile(Value tile);
  void packKeys(Value first, Value live, Value padded);
  Value packValues(Value first, Value live, Value padded);
  Value addToCheck(Value source, ValueRange at, Value sum);
  void forColumns(int64_t size, int64_t width, function_ref<void(Value first, int64_t count)> body);
  Value loadWide(Value memref, ValueRange at, Value column, int64_t count);
  void visitPanel(Value panel, KeyRange keys, Value padded, Value finite);
  std::pair<Value, Value> panelPositions(Value panel);
  void emitWeights(Value panel, KeyRange keys, Value padded, bool partial);
  void storePanel(Value panel);
  void finishPanel(Value panel);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string name;
  func::FuncOp function, scoresKernel, valuesKernel, strictKernel;
  SmallVector<Value> outer;
  IRMapping outerMap;
  MaskContext context;

  // Of the current item, index values.
  Value workspace, groupSize, groupStart, firstRow, totalRows, livePanels, queries;
  Value keyHead, valueHead, headTable;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H
