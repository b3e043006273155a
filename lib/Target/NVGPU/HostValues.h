//===- HostValues.h - sizes, views and addresses of an entry on the host -----===//
#ifndef ATTN_LIB_TARGET_NVGPU_HOSTVALUES_H
#define ATTN_LIB_TARGET_NVGPU_HOSTVALUES_H

#include "HostBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::attn {

/// A memref as the host has it: so many elements behind the start of its memory.
struct HostTensor {
  Value memory; // of the entry: an argument or an allocation
  Value offset; // index
  SmallVector<Value> sizes, strides;
};

/// What the host knows of the values of an entry in the tiled form: scalars, sizes, views, and
/// where intermediate tensors lie.
class HostValues {
public:
  explicit HostValues(HostBuilder &b) : b(b) {}

  /// The words of the call's tensors. Scalars are read at once.
  void readArguments(func::FuncOp function, Value arguments);
  /// Writes all that needs no device memory: sizes, views, sums of bytes.
  void prepare(Block &block);
  /// Writes one such operation; false for another one, or where an operand is not known yet.
  bool prepare(Operation &op);
  /// Asks the runtime for memory for all intermediate tensors, in one piece.
  void reserve(Value call);

  const HostTensor &tensor(Value memref) const { return tensors.find(memref)->second; }
  bool isKnown(Value value) const;
  bool isDone(Operation &op) const { return done.contains(&op); }
  /// A scalar, also a constant.
  Value scalar(Value value);
  /// Of the first element of a memref, or of its memory; i64.
  Value addressOf(Value memref);
  Value memoryOf(Value memref) { return memories.lookup(tensor(memref).memory); }
  void map(Value from, Value to) { values.map(from, to); }

private:
  void addAllocation(memref::AllocOp op);
  void addSubView(memref::SubViewOp op);
  void addExpanded(memref::ExpandShapeOp op);
  Value sizeFrom(OpFoldResult size);

  HostBuilder &b;
  IRMapping values;
  DenseMap<Value, HostTensor> tensors;
  DenseMap<Value, Value> memories;                  // address of the first element, i64
  SmallVector<std::pair<Value, Value>> allocations; // and their bytes, index
  llvm::SmallPtrSet<Operation *, 32> done;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_HOSTVALUES_H
