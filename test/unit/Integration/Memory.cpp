//===- Memory.cpp - memory around a kernel that tells when it is misused -----===//
#include "Memory.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::test;
using reference::ElementKind;
using reference::HostTensor;

static constexpr unsigned char guardByte = 0xFF;

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

void Memory::reserve(int64_t bytes) {
  size = bytes;
  void *address = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  base = address == MAP_FAILED ? nullptr : static_cast<char *>(address);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

void Memory::layOutInGaps(bool tokenMajor, bool hasGaps) {
  auto rank = static_cast<int64_t>(sizes.size());
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (tokenMajor && rank == 4)
    std::swap(order[1], order[2]);
  int64_t stride = 1;
  for (int64_t axis : llvm::reverse(order)) {
    strides[axis] = stride;
    stride *= sizes[axis] + (!hasGaps ? 0 : axis == rank - 1 ? 8 : 1);
  }
  reserve(stride * width);
}

/// The last `inner` axes are dense blocks; each ends at a page that cannot be touched.
void Memory::layOutInPages(int64_t inner) {
  auto rank = static_cast<int64_t>(sizes.size());
  inner = std::min(inner, rank);
  int64_t page = sysconf(_SC_PAGESIZE), outer = rank - inner;
  int64_t block = product(ArrayRef(sizes).take_back(inner)) * width;
  int64_t pages = llvm::alignTo(block, page), pitch = pages + page;
  int64_t stride = 1;
  for (int64_t axis = rank - 1; axis >= 0; --axis) {
    if (axis == outer - 1)
      stride = pitch / width;
    strides[axis] = stride;
    stride *= sizes[axis];
  }
  start = pages - block;
  int64_t blocks = product(ArrayRef(sizes).take_front(outer));
  reserve(blocks * pitch);
  for (int64_t i = 0; i < blocks; ++i)
    unmapped.push_back({i * pitch + pages, (i + 1) * pitch});
}

Memory::Memory(ArrayRef<int64_t> sizes, ElementKind kind, Layout layout)
    : sizes(sizes), strides(sizes.size(), 1), kind(kind), width(reference::byteWidth(kind)),
      numElements(product(sizes)) {
  if (numElements == 0)
    return;
  if (layout == Layout::PagePerHead || layout == Layout::PagePerRow)
    layOutInPages(layout == Layout::PagePerHead && sizes.size() == 4 ? 2 : 1);
  else
    layOutInGaps(layout == Layout::TokenMajor, layout != Layout::Dense && !sizes.empty());
  if (!base)
    return;
  poison();
  for (Range range : unmapped)
    mprotect(base + range.first, range.last - range.first, PROT_NONE);
}

Memory::Memory(ArrayRef<int64_t> sizes, ElementKind kind, ArrayRef<int64_t> strides)
    : sizes(sizes), strides(strides), kind(kind), width(reference::byteWidth(kind)),
      numElements(product(sizes)), isSparse(true) {
  int64_t last = 0;
  for (auto [count, stride] : llvm::zip_equal(sizes, strides))
    last += (count - 1) * stride;
  if (numElements != 0)
    reserve((last + 1) * width);
}

Memory::~Memory() {
  if (base)
    munmap(base, static_cast<size_t>(size));
}

Memory::Memory(Memory &&other) noexcept
    : sizes(std::move(other.sizes)), strides(std::move(other.strides)), kind(other.kind),
      width(other.width), numElements(other.numElements), start(other.start), size(other.size),
      base(std::exchange(other.base, nullptr)), isSparse(other.isSparse),
      unmapped(std::move(other.unmapped)) {}

//===----------------------------------------------------------------------===//
// Content
//===----------------------------------------------------------------------===//

int64_t Memory::offsetOf(int64_t element) const {
  int64_t offset = 0;
  for (int64_t axis = static_cast<int64_t>(sizes.size()) - 1; axis >= 0; --axis) {
    offset += element % sizes[axis] * strides[axis];
    element /= sizes[axis];
  }
  return start + offset * width;
}

void Memory::write(const HostTensor &values) {
  std::vector<char> dense = values.toBytes();
  for (int64_t i = 0; i < numElements; ++i)
    std::memcpy(base + offsetOf(i), dense.data() + i * width, width);
}

std::vector<char> Memory::bytes() const {
  std::vector<char> dense(numElements * width);
  for (int64_t i = 0; i < numElements; ++i)
    std::memcpy(dense.data() + i * width, base + offsetOf(i), width);
  return dense;
}

HostTensor Memory::read() const { return HostTensor::fromBytes(sizes, kind, bytes().data()); }

void Memory::poison() {
  if (isSparse) {
    for (int64_t i = 0; i < numElements; ++i)
      std::memset(base + offsetOf(i), guardByte, width);
    return;
  }
  int64_t from = 0;
  for (Range range : unmapped) {
    std::memset(base + from, guardByte, range.first - from);
    from = range.last;
  }
  if (base)
    std::memset(base + from, guardByte, size - from);
}

bool Memory::guardsIntact() const {
  if (isSparse || !base)
    return true;
  std::vector<bool> isGuard(size, true);
  auto exclude = [&](int64_t first, int64_t last) {
    std::fill(isGuard.begin() + first, isGuard.begin() + last, false);
  };
  for (Range range : unmapped)
    exclude(range.first, range.last);
  for (int64_t i = 0; i < numElements; ++i)
    exclude(offsetOf(i), offsetOf(i) + width);
  for (int64_t i = 0; i < size; ++i)
    if (isGuard[i] && static_cast<unsigned char>(base[i]) != guardByte)
      return false;
  return true;
}

attn_tensor Memory::tensor() const {
  attn_tensor result = {base ? base + start : nullptr,
                        static_cast<int32_t>(sizes.size()),
                        0,
                        {1, 1, 1, 1},
                        {1, 1, 1, 1}};
  result.dtype = kind == ElementKind::Index ? int32_t(ATTN_I64) : static_cast<int32_t>(kind);
  llvm::copy(sizes, result.sizes);
  llvm::copy(strides, result.strides);
  return result;
}
