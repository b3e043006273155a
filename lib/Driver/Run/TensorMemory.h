//===- TensorMemory.h - memory that kernels are launched on ---------------===//

#ifndef ATTN_LIB_DRIVER_RUN_TENSORMEMORY_H
#define ATTN_LIB_DRIVER_RUN_TENSORMEMORY_H

#include "attn/Reference/HostTensor.h"
#include "attn/Runtime/attn_runtime.h"

#include <cstdlib>
#include <memory>

namespace mlir::attn {

/// How a tensor lies in memory.
enum class Layout {
  /// Row-major without gaps, as applications have it: to be timed.
  Contiguous,
  /// Row-major with gaps behind every row, head and batch entry.
  Guarded,
  /// The same with [batch][sequence][head][size] in memory.
  GuardedTokenMajor
};

/// Memory of one argument. What belongs to no element, and every element of an output, is
/// filled with bytes 0xFF: a NaN in each float type, -1 in each integer type.
class TensorMemory {
public:
  TensorMemory(ArrayRef<int64_t> sizes, reference::ElementKind kind, Layout layout);

  void fill(const reference::HostTensor &values);
  /// Forgets all elements.
  void poison();
  reference::HostTensor read() const;
  /// Whether everything outside the elements is still as it was made.
  bool guardsIntact() const;
  /// All bytes, gaps included.
  std::vector<char> snapshot() const;
  attn_tensor tensor() const;
  /// The memory itself: a device has its copy of it.
  char *data() const { return memory.get(); }
  int64_t size() const { return bytes; }

private:
  /// Visits runs of neighbouring elements: where they lie in memory and in a dense row-major copy,
  /// and their size, all in bytes.
  void forEachRow(function_ref<void(int64_t offset, int64_t first, int64_t size)> visit) const;

  SmallVector<int64_t> sizes, strides;
  reference::ElementKind kind;
  int64_t width, elements = 1, bytes = 0;
  bool isDense = true;
  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory;
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_TENSORMEMORY_H
