//===- WarpKernel.h - kernels of warps that load by themselves --------------===//
//
// The portable form, for every NVIDIA GPU from Ampere on. A block is a tile of query rows. Its
// warps copy key and value tiles together (`cp.async`) into rings in shared memory, read operands
// with `ldmatrix` and multiply with `mma.sync`, each warp for its own rows, in one to several tiles
// of 16 rows. Scores, weights and accumulator stay in registers. The grid has one block per tile of
// rows; two or more share a multiprocessor, so that one multiplies while another waits.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPKERNEL_H
#define ATTN_LIB_TARGET_NVGPU_WARPKERNEL_H

#include "Kernel.h"
#include "attn/Planning/WarpTile.h"

namespace mlir::attn {

/// How the threads of a block share the copying of `rows` rows of `size` columns into shared
/// memory: neighbours take neighbouring 16-byte pieces of a row, each thread the same piece of
/// every `rowsPerPass`-th row.
struct CopyPlan {
  int64_t size, rows, threads;
  int64_t pieces() const { return size / 8; }
  int64_t threadsPerRow() const;
  int64_t rowsPerPass() const { return threads / threadsPerRow(); }
  int64_t passes() const { return (rows + rowsPerPass() - 1) / rowsPerPass(); }
  /// Whether every thread copies in every pass.
  bool isWhole() const { return pieces() == threadsPerRow() && rows % rowsPerPass() == 0; }
};

/// Where a thread copies tiles of one tensor from and to: its first piece of a tile, in the tensor
/// and in shared memory. Inside of a tile offsets have 32 bits (the host checks strides). The
/// address of the tile and the bytes from row to row, the same for all threads, lie in shared
/// memory at `place`: in registers they would be in the way of the products.
struct CopySource {
  Val offset, target; // i32
  int64_t place = 0;
};

/// Slot of key tile `number` in a ring, in bytes.
Val slotOffset(Val number, int64_t stages, int64_t bytes);

class WarpEmitter : public virtual KernelEmitter {
public:
  WarpEmitter(KernelBuilder &b, NVWorkPlan &plan, StringRef name)
      : KernelEmitter(b, plan, *plan.warp, name), w(*plan.warp) {}
  LogicalResult emit() override;

protected:
  // WarpKernel.cpp: frame, tiles of rows.
  virtual void createFunction();
  void placeThread();
  virtual void placeLane();
  /// The work of a block: a tile of rows.
  virtual void emitBlock();
  Vals computeRows(Val exact);
  QueryTile rowsFromCard();
  QueryTile partOf(const QueryTile &tile, int64_t rowTile);
  void storeRows(ArrayRef<Val> state);
  Val blockHasDoubt(Val doubt);

  // WarpDocuments.cpp
  void findDocuments();
  void findDocumentsOfRows(int64_t operand, Val first, Val last);
  void findKeysOfDocuments(int64_t operand, Val from, Val to);
  KeyBounds keysOfDocuments(int64_t operand, Val first, Val last);
  Val documentWords(int64_t operand);

  // WarpLoads.cpp
  CopyPlan copyPlan(int64_t size, int64_t rows) const { return {size, rows, w.threads()}; }
  CopySource sourceOf(const TensorAddress &tensor, const CopyPlan &copy, int64_t place);
  void leaveSource(const CopySource &source, const TensorAddress &tensor, Val batch, Val head,
                   Val row);
  void copy(const CopyPlan &copy, const CopySource &source, int64_t region, Val slot,
            Val rowsBefore, Val go, Val left);
  void commitCopies();
  void waitCopies(int64_t pending);
  void meet();
  void clearPadding();

  // WarpProducts.cpp
  Vals loadQueries();
  Vals products(Val slot, int64_t firstKey);
  Vals weightedSum(ArrayRef<Val> weights, Val slot, int64_t firstKey, ArrayRef<Val> sum);

  // WarpTiles.cpp
  struct RowState {
    Vals acc, maximum, sum; // of all row tiles, one after the other
  };
  RowState unpack(ArrayRef<Val> state) const;
  CopySource leaveCard(const QueryTile &tile);
  /// Words of the block's card. What all threads share is read where it is used: in registers it
  /// would be in the way of the products.
  enum CardWord { RowTile, Batch, Head, Last, Count, Edge, Edge2 };
  Val fromCard(CardWord word);
  void startTile(const QueryTile &tile);
  Vals runTiles(QueryTile &tile, Vals state, Vals &early);
  Vals step(QueryTile &tile, Val number, Vals state, bool masked, bool lazy);
  Vals weigh(QueryTile &tile, Val number, int64_t firstKey, ArrayRef<Val> scores, RowState &state,
             bool masked, bool lazy);
  /// Tiles on their way while one is computed; 0 with a single stage.
  virtual int64_t tilesAhead() const { return w.stages - 1; }
  void startLoads(Val number, bool masked);
  void betweenProducts(Val number, int64_t part);
  void copyKeys(Val number, Val go, bool bounded);
  void copyValues(Val number, Val go, bool bounded);
  void prefetch(Val number, bool bounded = false);
  Vals compute(QueryTile &tile, Val number, Vals state, bool masked, bool lazy);

  const WarpTile &w;
  Val queryLane, keyLane, valueLane; // what the lane reads operands at, in shared memory
  CopySource keySource, valueSource;
  Vals queries; // in registers
  Val isLive;   // whether the warp computes at all; null for always
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPKERNEL_H
