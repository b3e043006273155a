//===- Memory.h - memory around a kernel that tells when it is misused -------===//
#ifndef ATTN_TEST_INTEGRATION_MEMORY_H
#define ATTN_TEST_INTEGRATION_MEMORY_H

#include "attn/Reference/HostTensor.h"
#include "attn/Runtime/attn_runtime.h"

#include <vector>

namespace mlir::attn::test {

/// How the elements of a tensor lie in memory. What is no element holds bytes 0xFF: NaN in every
/// float type, -1 in every integer type.
enum class Layout {
  /// Row-major without gaps.
  Dense,
  /// Row-major with gaps behind every row, head and batch entry.
  Gaps,
  /// The same, with [batch][sequence][head][size] in memory.
  TokenMajor,
  /// The rows of each head end where unmapped memory begins.
  PagePerHead,
  /// So does each row.
  PagePerRow
};
inline constexpr Layout everyLayout[] = {Layout::Dense, Layout::Gaps, Layout::TokenMajor,
                                         Layout::PagePerHead, Layout::PagePerRow};

/// Memory of one argument; a tensor without elements has none, and a null pointer.
class Memory {
public:
  Memory(ArrayRef<int64_t> sizes, reference::ElementKind kind, Layout layout);
  /// Any strides, in elements. The memory is reserved, not used: pages come when they are touched.
  Memory(ArrayRef<int64_t> sizes, reference::ElementKind kind, ArrayRef<int64_t> strides);
  ~Memory();
  Memory(Memory &&other) noexcept;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  /// Whether the system gave the memory; it may refuse to reserve much.
  bool isReserved() const { return base || numElements == 0; }
  void write(const reference::HostTensor &values);
  reference::HostTensor read() const;
  /// The elements alone, row-major.
  std::vector<char> bytes() const;
  /// Fills all that is mapped with 0xFF.
  void poison();
  /// Whether everything that is no element still holds 0xFF.
  bool guardsIntact() const;
  attn_tensor tensor() const;

private:
  struct Range {
    int64_t first, last;
  };
  void reserve(int64_t bytes);
  void layOutInGaps(bool tokenMajor, bool hasGaps);
  void layOutInPages(int64_t inner);
  int64_t offsetOf(int64_t element) const;

  SmallVector<int64_t> sizes, strides;
  reference::ElementKind kind;
  int64_t width, numElements = 1;
  /// Bytes from `base` to the first element; bytes of all.
  int64_t start = 0, size = 0;
  char *base = nullptr;
  bool isSparse = false;
  /// Bytes that may not be touched.
  std::vector<Range> unmapped;
};

} // namespace mlir::attn::test

#endif // ATTN_TEST_INTEGRATION_MEMORY_H
