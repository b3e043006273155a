//===- ItemFunction.h - the function that computes one work item -------------===//
#ifndef ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H
#define ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H

#include "PanelKernels.h"
#include "StreamAsks.h"

namespace mlir::attn {

/// Private functions `(item, workspace, rows of a long and of a short item, values of the
/// caller...)` that compute one item of `plan.work`. In the stream form, whose items always have as
/// many rows, a memref `parts` takes the place of their numbers: an item is a part of the key
/// range, its state goes to a record there, and a second function merges the records of a tile of
/// rows in a fixed order.
class ItemFunction {
public:
  /// `b` must stand before the work; constants among the caller's values are cloned instead of
  /// passed.
  ItemFunction(CpuBuilder &b, WorkPlan &plan, std::string name);

  /// Emits the function and the kernels it calls.
  void emit();
  func::FuncOp getFunction() const { return itemFunction; }
  func::FuncOp getMergeFunction() const { return mergeFunction; }
  /// The caller's values to pass at the end.
  ArrayRef<Value> getOuterValues() const { return outer; }

private:
  void collectOuterValues();
  void emitFunction(StringRef suffix, function_ref<void()> body);
  Value mapped(Value value) { return outerMap.lookup(value); }
  /// A slice of the workspace as elements of one word, or of half a word.
  Value slice(const Slice &s, Type element, Value panel = nullptr);

  void emitLocation();
  Value emitRows(Value item, Value perTile);
  void emitPanels();
  void locatePanel(Value panel);
  void loadPanel(Value panel);
  void locateRow(Value panel, Value lane);
  void loadBlock(Value panel, Value firstLane, int64_t width);
  void loadElements(Value panel, Value lane);
  Value scaleWords(Value words);
  void initPanel(Value panel);
  void clearAccumulator(Value panel);
  Value isFresh(Value panel);
  void setFresh(Value panel, bool fresh);
  void clearIfFresh(Value panel);
  KeyRange keysOfTile(Value tile, Value end);
  Value endOfTiles(Value end);
  Value paddedKeys(KeyRange keys);
  void emitStream();
  void visitTile(Value tile);
  /// Rows of a head in memory, from those of a tile on, or a copy of them.
  struct TileRows {
    Value memref;
    SmallVector<Value> first; // batch entry, head, row
    const Slice &copy;
    MemRefType type;
    bool areWords; // memory holds the products' words
  };
  void placeTile(KeyRange keys);
  void placeMatrixTile(Value first, Value live, Value padded);
  Value placeRows(const TileRows &rows, Value isWhole, function_ref<void()> pack);
  Value valueColumns(MemRefType type);
  Value checkValues(Value from, Value to);
  Value checkValueTile(Value n);
  Value keysBeforeInfinite(Value finite, Value padded, function_ref<Value(Value n)> isFinite);
  void packKeys(Value first, Value live, Value padded);
  void packValues(Value first, Value live, Value padded);
  void copyValues(Value first, Value live);
  void packValuePairs(Value first, Value live);
  void packKeyTiles(Value first, Value live, Value padded);
  Value packValueTiles(Value first, Value live, Value padded);
  void askForValues(Value key);
  Value packValueBlock(Value first, Value n, Value d, int64_t count, Value check);
  void copyValueKey(Value first, Value n, bool isLive);
  /// Chains of additions that take turns while values are checked: one alone would wait for each
  /// sum.
  static constexpr int64_t checkChains = 4;
  void addToCheck(Value source, ValueRange at, SmallVector<Value> &sums);
  void forColumns(int64_t size, int64_t width, function_ref<void(Value first, int64_t count)> body);
  Value loadWide(Value memref, ValueRange at, Value column, int64_t count);
  void visitPanel(Value panel, KeyRange keys);
  void visitRange(Value panel, KeyRange keys, Value finite);
  void visitLazily(Value panel, KeyRange keys, Value finite);
  void visitFinite(Value panel, KeyRange keys, Value clear);
  void emitLazyTiles(KeyRange tiles, Value end, Value some, function_ref<Value(Value)> isVisible);
  void visitLazyPanels(KeyRange keys, Value end, Value isVisible, Value isFirst, Value isLast);
  void loadPanelsFor(Value panel);
  Value asked();
  void askMeanwhile(Value panel, Value nextKey, Value end, Value isFirst, Value isLast);
  void askFor(Value address, Value step, Value column);
  void askForPanel(Value memref, ArrayRef<int64_t> headMap, Value panel);
  std::pair<Value, Value> panelPositions(Value panel);
  void emitWeights(Value panel, KeyRange keys, Value padded, bool partial);
  void finishSums(Value panel);
  void storePanel(Value panel);
  void leavePanel(Value panel);
  Value finishedColumns(Value panel, Value d, Value lane, int64_t count);
  // Group form.
  Value hasExcludedScore(Value count);
  void visitGroupPanel(Value panel, KeyRange keys, Value next, Value afterNext);
  void emitGroupTiles(KeyRange tiles, Value end, function_ref<Value(Value)> isVisible);
  // Stream form.
  void loadStreamPanel(Value panel);
  Value nextVisible(Value tile, Value end, function_ref<Value(Value)> isVisible);
  void callStep(func::FuncOp kernel, Value panel, Value turn, KeyRange next, KeyRange keys);
  void visitStreamPanel(Value panel, Value turn, KeyRange keys, KeyRange next);
  KeyRange stretchFrom(Value tile, KeyRange tiles, Value end,
                       function_ref<Value(KeyRange)> isWhole);
  void emitStreamTiles(KeyRange tiles, Value end, function_ref<Value(Value)> isVisible,
                       function_ref<Value(KeyRange)> isWhole);
  void forRowBlocks(Value panel, function_ref<void(Value block)> body);
  Value hasExcluded(Value packed, Value live, Value panel);
  void finishScores(Value packed, Value live, Value panel);
  StreamAsks asksOf(Value panel, Value block, Value key, Value value);
  void emitPackedWeights(Value panel, Value packed, KeyRange keys, Value nextKey);
  void emitMarkedWeights(Value panel, Value packed, KeyRange keys);
  void scaleStreamPanel(Value panel);
  void storeStreamPanel(Value panel);
  Value partSlice(const Slice &s, Value number, Value panel);
  void savePart(Value panel);
  void mergePanels();
  void mergePart(Value panel, Value number);
  KeyRange rangeOfPart(Value low, Value high);
  Value liveRows(Value panel);
  Value computedRows(Value panel);
  void storeBlock(Value panel, Value firstLane, int64_t width, Value live);
  void storeElements(Value panel, Value lane);
  struct RowPlace {
    Value row, query, head;
  };
  RowPlace placeOf(Value row);
  void finishPanel(Value panel);

  CpuBuilder &b;
  WorkPlan &plan;
  std::string name;
  func::FuncOp function, itemFunction, mergeFunction, scoresKernel, valuesKernel, strictKernel,
      stepKernel;
  SmallVector<Value> outer;
  IRMapping outerMap;
  MaskContext context;

  // Of the current item, index values.
  Value workspace, itemRows, shortRows, groupSize, groupStart, firstRow, totalRows, livePanels,
      queries;
  Value keyHead, valueHead, headTable;
  // Of the current tile, as the products read them; keys in front of the first block with a value
  // that is not finite.
  Value keyTile, valueTile, finiteKeys;
  Value number, part, partCount, parts;
  bool inParts = false; // the function's number counts parts
};

/// `count` elements of a row, as they are.
Value loadRow(CpuBuilder &b, Value memref, ValueRange at, Value column, int64_t count);
/// Width of the vectors that look for values that are not finite.
int64_t checkWidth(const WorkPlan &plan);
/// Batch entry, head of the query's memref and query number of a lane.
SmallVector<Value> sourceRow(CpuBuilder &b, Value batch, Value queryMap, Value offset,
                             Value positions, Value heads, Value lane);
/// Rows of the largest head group at one query position.
int64_t largestGroup(ArrayRef<HeadGroup> groups);
/// Of long items and of the short ones behind them: rows, or how many there are in a head group.
struct ItemPair {
  Value first, last;
};
/// Rows of items for a call with `threads` threads; at most those of the plan.
ItemPair emitItemRows(CpuBuilder &b, const WorkPlan &plan, Value query, Value threads);
/// Items of the largest head group.
ItemPair emitItemsOfGroup(CpuBuilder &b, const WorkPlan &plan, Value query, const ItemPair &rows);
/// Head groups times batch entries.
Value emitGroupCount(CpuBuilder &b, const WorkPlan &plan, Value query);
/// Tiles of `tileRows` rows: of the largest group times groups times batch entries, `queries` query
/// positions each.
Value emitTileCount(CpuBuilder &b, const WorkPlan &plan, Value query, Value tileRows);
/// The most records of parts of a call, as a formula of its batch and number of queries.
std::string mostRecords(const WorkPlan &plan);
/// Parts the key range is cut into. The sizes of the call decide, not the threads, so that results
/// do not depend on them.
Value emitPartCount(CpuBuilder &b, WorkPlan &plan, Value query, Value length);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_ITEMFUNCTION_H
