//===- ProductKernel.h - a product of tokens and weights on tensor cores -----===//
//
// A block makes a tile of rows and columns, of one group of weights. Tiles of both operands come
// through shared memory in a ring, copied ahead; warps multiply with `mma.sync`. Sums are float32
// in the order of k, the same in every launch. Only instructions of sm_80 and later are used.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_PRODUCTKERNEL_H
#define ATTN_LIB_TARGET_NVGPU_PRODUCTKERNEL_H

#include "KernelBuilder.h"
#include "ProductNest.h"
#include "TokenKernel.h"

namespace mlir::attn {

/// Sizes of one kernel; all in elements. Every copy and every ldmatrix is of whole 16 bytes.
struct ProductTile {
  int64_t rows, columns, depth; // of a block; depth of one stage
  int64_t rowWarps, columnWarps, stages;

  int64_t warps() const { return rowWarps * columnWarps; }
  int64_t threads() const { return 32 * warps(); }
  int64_t inBytes() const { return 2 * rows * depth; }
  int64_t weightBytes() const { return 2 * depth * columns; }
  int64_t stageBytes() const { return inBytes() + weightBytes(); }
  /// The result passes through the same memory on its way out.
  int64_t sharedBytes() const { return std::max(stages * stageBytes(), 2 * rows * columns); }
  /// Subtiles of a warp: 16 rows, 8 columns.
  int64_t rowTiles() const { return rows / rowWarps / 16; }
  int64_t columnTiles() const { return columns / columnWarps / 8; }

  /// For many rows: 64 x 32 sums of a warp are 64 registers, and 48 KB hold three stages.
  static ProductTile wide() { return {128, 128, 32, 2, 4, 3}; }
  /// For few rows, which read the weights once: narrow tiles give many blocks, and four stages keep
  /// 32 KB of weights in flight in each.
  static ProductTile narrow() { return {16, 64, 64, 1, 4, 4}; }
  /// The same where that would be few blocks: twice as many, which have as much in flight each.
  static ProductTile slim() { return {16, 32, 64, 1, 2, 8}; }
  /// One of both.
  static ProductTile forFewRows(const ProductNest &nest);
  /// Up to so many rows the narrow tile is taken.
  static constexpr int64_t mostFewRows = 64;
};

class ProductEmitter {
public:
  ProductEmitter(KernelBuilder &b, const ProductNest &nest, ProductTile tile, StringRef name);
  /// Writes `llvm.func @name` at the builder's insertion point.
  void emit();

  /// Parameters behind the number of blocks, of rows, of tiles of rows and the extents of the
  /// parallel loop's variables.
  ArrayRef<KernelParameter> parameters() const { return given; }

private:
  struct Operand {
    Val address;  // i64, in bytes
    Vals strides; // i64, in elements
  };
  /// One 16-byte copy of a thread in every stage.
  struct Copy {
    Val from;     // in the first stage, i64
    Val to;       // behind the start of a stage, i32
    Val isInside; // of the result's rows or columns; null: always
    Val depth;    // of its first element in a stage, i32
  };

  void collectParameters();
  void createFunction();
  Operand readOperand(Value memref, ValueRange arguments, size_t &next);
  void placeBlock();
  Val rowOffset(const Operand &operand, int64_t ProductNest::Axis::*axis, Val row);
  Val groupOffset(const Operand &operand, int64_t ProductNest::Axis::*axis);
  SmallVector<Copy> copiesOfRows();
  SmallVector<Copy> copiesOfWeights();
  void load(Val number);
  Vals multiply(Val slot, Vals sums);
  void placeLanes();
  Vals loadMatrices(Val address, bool transposed);
  void store(ArrayRef<Val> sums);
  Val chunkOf(Val chunk, Val row, int64_t chunks);
  Val shared(int64_t offset) { return base + offset; }

  KernelBuilder &b;
  const ProductNest &nest;
  ProductTile t;
  std::string name;
  bool isHalf;
  SmallVector<KernelParameter> given;
  Operand in, weight, out;
  Vals extents, groupAt;        // of the parallel loop's variables; i32
  Val blocks, rows, rowTiles;   // i32
  Val base, thread, lane, warp; // base: of shared memory, i32
  Val firstRow, firstColumn;    // of the block
  Val warpRow, warpColumn;      // of the warp in the block
  SmallVector<Copy> rowCopies, weightCopies;
  Vals inLanes, weightLanes; // where a lane's rows of matrices lie in a stage
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_PRODUCTKERNEL_H
