//===- TokenKernel.h - a kernel from the loops of a token transform ----------===//
//
// One item of a parallel loop is the work of a warp. Independent loops inside run on its lanes, of
// which each takes a few neighbouring elements; sums of free order become a sum per lane and an
// exchange. Where such loops stand inside an independent loop (heads that share their sines), an
// item is the work of a block: the outer loop runs on its warps. Everything else is done by all
// lanes alike. Only instructions of sm_80 and later are used, and no mathematical library.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_TOKENKERNEL_H
#define ATTN_LIB_TARGET_NVGPU_TOKENKERNEL_H

#include "KernelBuilder.h"
#include "LoopFacts.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::attn {

/// What a kernel is given for a value of the entry: the address of a memref's first element, a size
/// or a stride of it in elements, or an index itself.
struct KernelParameter {
  enum class Kind { Address, Size, Stride, Index } kind;
  Value value;
  unsigned dimension = 0;
};

/// Rows of a memref start at multiples of so many elements, as far as is known: at most 16 bytes.
/// `attn_gpu.c` checks what this assumes of arguments.
int64_t rowAlignment(Value memref);
/// Whether an argument's address must be a multiple of 16 bytes and its strides of 8 elements.
bool isWideArgument(MemRefType type);

class TokenKernelEmitter {
public:
  /// `nest` is a parallel loop of the entry's body, or another operation that touches memory.
  TokenKernelEmitter(KernelBuilder &b, Operation *nest, StringRef name)
      : b(b), nest(nest), name(name) {}

  /// Writes `llvm.func @name` at the builder's insertion point. Fails with a diagnostic.
  LogicalResult emit();

  /// The kernel's parameters, behind the number of items and the sizes of its loops but the first.
  ArrayRef<KernelParameter> parameters() const { return given; }
  /// Values of the entry that say how often the parallel loops run; none for one item.
  ValueRange sizes() const;
  int64_t threads() const { return 32 * warps; }
  int64_t itemsPerBlock() const { return level == Level::Warp ? warps : 1; }
  /// Most blocks that may share an item: each runs a part of the loop for warps, and all that comes
  /// before it.
  int64_t blocksPerItem() const { return splits; }

private:
  enum class Level { Block, Warp, Lane };
  /// A memref inside the kernel.
  struct Place {
    Value pointer;
    SmallVector<Value> strides; // index; null for those that are known
    SmallVector<int64_t> known; // or ShapedType::kDynamic
    bool isShared = false;
    int64_t alignment = 1; // of rows, in elements
  };
  /// Values of one loop on lanes: each lane takes `copies` neighbours.
  struct Lanes {
    scf::ForOp loop;
    int64_t copies = 1;
  };

  // TokenKernel.cpp
  LogicalResult checkNest();
  void chooseShape();
  bool onlyWarpsStore() const;
  void collectParameters();
  void createFunction();
  void readParameters(ValueRange arguments);
  Value itemOf();
  void emitItem(Value item);
  void emitBody(Block &block);
  void emitOperation(Operation &op);
  void emitFor(scf::ForOp loop);
  void emitPlainFor(scf::ForOp loop);
  void emitWarps(scf::ForOp loop);
  void emitLanes(scf::ForOp loop);
  void emitLaneSum(scf::ForOp loop);
  void emitIf(scf::IfOp op);
  void clone(Operation &op);
  scf::ForOp laneLoop(scf::ForOp loop, ValueRange init,
                      function_ref<SmallVector<Value>(ValueRange)> body);
  int64_t copiesFor(scf::ForOp loop) const;
  void meet(Operation *loop);
  bool isWarpLoop(scf::ForOp loop) const;

  // TokenMemory.cpp
  Place &placeOf(Value memref);
  void allocate(memref::AllocaOp op);
  Value table(memref::GetGlobalOp op);
  Value offsetOf(const Place &place, OperandRange indices, unsigned copy);
  std::optional<LinearIndex> lastIndex(OperandRange indices) const;
  Value addressOf(MemRefType type, const Place &place, OperandRange indices, unsigned copy);
  int64_t alignmentOf(MemRefType type, const Place &place, OperandRange indices, unsigned copy);
  void load(memref::LoadOp op);
  void store(memref::StoreOp op);
  void dim(memref::DimOp op);
  unsigned copiesOf(ValueRange values) const;

  // TokenMath.cpp
  Value elementary(Operation &op, ArrayRef<Value> operands);

  Value get(Value value, unsigned copy);
  void set(Value value, SmallVector<Value> copies) { values[value] = std::move(copies); }
  Value constant(int64_t number);
  Value toIndex(Value i32);
  Value toI64(Value index);

  KernelBuilder &b;
  Operation *nest;
  std::string name;
  Level level = Level::Warp;
  int64_t warps = 1, splits = 1;
  int64_t sharedBytes = 0; // of all allocations
  SmallVector<KernelParameter> given;
  Value items, thread, lane, warp;
  SmallVector<Value> extents;
  LLVM::GlobalOp shared;
  Lanes lanes;
  DenseMap<Value, SmallVector<Value>> values; // one copy, or one per neighbour
  DenseMap<Value, Place> places;
  DenseMap<Value, SmallVector<Value>> sizesOfMemref; // of axes that the host knows
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_TOKENKERNEL_H
