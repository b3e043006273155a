//===- Launch.h - a kernel with arguments, ready to be launched -----------===//

#ifndef ATTN_LIB_DRIVER_RUN_LAUNCH_H
#define ATTN_LIB_DRIVER_RUN_LAUNCH_H

#include "TensorMemory.h"
#include "attn/Reference/Inputs.h"
#include "attn/Runtime/Bundle.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace mlir::attn {

/// Sizes of the results of `function` for arguments of the given sizes: rows follow the queries.
SmallVector<SmallVector<int64_t>> resultSizes(func::FuncOp function,
                                              ArrayRef<SmallVector<int64_t>> argumentSizes);

/// Random inputs and poisoned outputs of one entry, in memory of its own.
class Launch {
public:
  /// Memory for `inputs` and for results of the sizes that follow from them.
  Launch(const attn_rt::Entry &entry, func::FuncOp function, ArrayRef<reference::HostTensor> inputs,
         bool guarded);

  /// Calls the kernel; returns an empty string, or what went wrong.
  std::string run(int32_t threads) const;
  void poisonOutputs();
  unsigned numOutputs() const { return memories.size() - numInputs; }
  reference::HostTensor output(unsigned i) const { return memories[numInputs + i].read(); }
  StringRef outputName(unsigned i) const { return entry.arguments[numInputs + i].name; }
  /// The name of an argument with bytes changed that belong to no element, or of an input that was
  /// written; empty when there is none.
  std::string damaged() const;
  /// The memory of every output, gaps included.
  std::vector<std::vector<char>> outputBytes() const;

private:
  const attn_rt::Entry &entry;
  unsigned numInputs;
  std::vector<TensorMemory> memories;
  /// What the inputs held before the launch, when that is watched.
  std::vector<std::vector<char>> given;
  std::vector<attn_tensor> tensors;
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_LAUNCH_H
