//===- TensorMap.h - a tensor map as our driver writes it -----------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_TENSORMAP_H
#define ATTN_TEST_PTXMACHINE_TENSORMAP_H

#include <cstdint>

namespace ptx {

/// The 128 bytes that cuTensorMapEncodeTiled fills. The first axis is the one without a stride.
struct TensorMap {
  static constexpr uint64_t Magic = 0x70616d20726f736e;
  static constexpr unsigned MostAxes = 5;
  uint64_t magic;
  uint64_t address;
  uint64_t size[MostAxes];
  uint64_t stride[MostAxes - 1]; ///< bytes
  uint16_t box[MostAxes];
  uint8_t rank;
  uint8_t elementBytes;
  /// Bytes of the rows that the boxes' 16-byte pieces are exchanged in: 32, 64, 128; 0 for none.
  uint8_t swizzle;
};
static_assert(sizeof(TensorMap) <= 128);

/// Where a 16-byte piece lies: its place in a row of `swizzle` bytes is changed by which of the
/// rows of 128 bytes it is in, counted from address 0.
inline uint64_t swizzled(uint64_t address, unsigned swizzle) {
  uint64_t mask = swizzle == 128 ? 7 : swizzle == 64 ? 3 : swizzle == 32 ? 1 : 0;
  return address ^ ((address >> 7 & mask) << 4);
}

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_TENSORMAP_H
