//===- Launch.h - a kernel with arguments, ready to be launched -----------===//

#ifndef ATTN_LIB_DRIVER_RUN_LAUNCH_H
#define ATTN_LIB_DRIVER_RUN_LAUNCH_H

#include "Device.h"
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

/// Random inputs and poisoned outputs of one entry, in memory of its own. With a device the kernel
/// works on a copy there.
class Launch {
public:
  /// Memory for `inputs` and for results of the sizes that follow from them. `device` is null for
  /// a kernel of this machine's processors.
  Launch(const attn_rt::Entry &entry, func::FuncOp function, ArrayRef<reference::HostTensor> inputs,
         bool guarded, Device *device);
  ~Launch();
  Launch(const Launch &) = delete;
  Launch &operator=(const Launch &) = delete;

  /// Brings the memory to the device; nothing to do without one.
  std::string prepare();
  /// Results that are an argument with new rows take its memory, as applications have it: after
  /// `prepare`.
  void growCaches(func::FuncOp function);
  /// Calls the kernel and waits for it; returns an empty string, or what went wrong.
  std::string run(int32_t threads);
  /// Puts the kernel on the device's stream.
  std::string enqueue() const;
  void poisonOutputs();
  unsigned numOutputs() const { return memories.size() - numInputs; }
  reference::HostTensor output(unsigned i) const { return memories[numInputs + i].read(); }
  /// Rows (batch, head, position) of an output of rank 3 or 4; 0 for others.
  int64_t outputRows(unsigned i) const;
  StringRef outputName(unsigned i) const { return entry.arguments[numInputs + i].name; }
  /// The name of an argument with bytes changed that belong to no element, or of an input that was
  /// written; empty when there is none.
  std::string damaged() const;
  /// The memory of every output, gaps included.
  std::vector<std::vector<char>> outputBytes() const;

private:
  std::string upload();
  std::string download();

  const attn_rt::Entry &entry;
  unsigned numInputs;
  Device *device;
  std::vector<uint64_t> addresses;
  std::vector<TensorMemory> memories;
  /// What the inputs held before the launch, when that is watched.
  std::vector<std::vector<char>> given;
  std::vector<attn_tensor> tensors;
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_LAUNCH_H
