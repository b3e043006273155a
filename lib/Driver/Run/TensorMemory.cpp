//===- TensorMemory.cpp - memory that kernels are launched on -------------===//

#include "TensorMemory.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstring>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

static constexpr int guardByte = 0xFF;

/// Dimensions from the outermost in memory to the innermost.
static SmallVector<int64_t> memoryOrder(int64_t rank, Layout layout) {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (layout == Layout::GuardedTokenMajor && rank == 4)
    std::swap(order[1], order[2]);
  return order;
}

TensorMemory::TensorMemory(ArrayRef<int64_t> sizes, ElementKind kind, Layout layout)
    : sizes(sizes), strides(sizes.size(), 1), kind(kind), width(byteWidth(kind)) {
  constexpr int64_t columnGap = 8, otherGap = 1, alignment = 64;
  int64_t rank = static_cast<int64_t>(sizes.size()), stride = 1;
  for (int64_t dimension : llvm::reverse(memoryOrder(rank, layout))) {
    bool isColumns = dimension == rank - 1;
    int64_t gap = layout == Layout::Contiguous || rank == 0 ? 0 : isColumns ? columnGap : otherGap;
    strides[dimension] = stride;
    stride *= sizes[dimension] + gap;
    elements *= sizes[dimension];
  }
  isDense = stride == elements;
  bytes = (stride * width + alignment - 1) / alignment * alignment;
  memory.reset(static_cast<char *>(std::aligned_alloc(alignment, std::max(bytes, alignment))));
  if (!memory)
    llvm::report_fatal_error("out of memory for the arguments of a kernel");
  std::memset(memory.get(), guardByte, bytes);
}

void TensorMemory::forEachRow(
    function_ref<void(int64_t offset, int64_t first, int64_t size)> visit) const {
  int64_t rank = static_cast<int64_t>(sizes.size());
  int64_t rowSize = isDense ? elements : sizes[rank - 1];
  for (int64_t first = 0; first < elements; first += rowSize) {
    int64_t offset = 0, rest = isDense ? 0 : first / rowSize;
    for (int64_t dimension = rank - 2; dimension >= 0 && rest; --dimension) {
      offset += rest % sizes[dimension] * strides[dimension];
      rest /= sizes[dimension];
    }
    visit(offset * width, first * width, rowSize * width);
  }
}

void TensorMemory::fill(const HostTensor &values) {
  std::vector<char> dense = values.toBytes();
  forEachRow([&](int64_t offset, int64_t first, int64_t size) {
    std::memcpy(memory.get() + offset, dense.data() + first, size);
  });
}

void TensorMemory::poison() { std::memset(memory.get(), guardByte, bytes); }

HostTensor TensorMemory::read() const {
  std::vector<char> dense(elements * width);
  forEachRow([&](int64_t offset, int64_t first, int64_t size) {
    std::memcpy(dense.data() + first, memory.get() + offset, size);
  });
  return HostTensor::fromBytes(sizes, kind, dense.data());
}

bool TensorMemory::guardsIntact() const {
  std::vector<char> guards = snapshot();
  forEachRow([&](int64_t offset, int64_t, int64_t size) {
    std::memset(guards.data() + offset, guardByte, size);
  });
  return llvm::all_of(guards, [](char byte) { return byte == static_cast<char>(guardByte); });
}

std::vector<char> TensorMemory::snapshot() const {
  return std::vector<char>(memory.get(), memory.get() + bytes);
}

attn_tensor TensorMemory::tensor() const {
  attn_tensor tensor = {
      memory.get(), static_cast<int32_t>(sizes.size()), 0, {1, 1, 1, 1}, {1, 1, 1, 1}};
  // Positions travel as scalars of 64 bits.
  tensor.dtype = kind == ElementKind::Index ? int32_t(ATTN_I64) : static_cast<int32_t>(kind);
  llvm::copy(sizes, tensor.sizes);
  llvm::copy(strides, tensor.strides);
  return tensor;
}
