//===- Numbers.h - 16-bit numbers, subnormals -----------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_NUMBERS_H
#define ATTN_TEST_PTXMACHINE_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace ptx {

template <typename To, typename From> To bitsAs(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

inline float fromBFloat(uint32_t bits) { return bitsAs<float>(bits << 16); }
/// To the nearest, ties to even.
inline uint32_t toBFloat(float value) {
  auto bits = bitsAs<uint32_t>(value);
  return std::isnan(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline float fromHalf(uint32_t bits) {
  return static_cast<float>(bitsAs<_Float16>(static_cast<uint16_t>(bits)));
}
inline uint32_t toHalf(float value) {
  return std::isnan(value) ? 0x7fff : bitsAs<uint16_t>(static_cast<_Float16>(value));
}

/// Subnormal numbers become zeros of their sign.
inline float flush(float value) {
  auto bits = bitsAs<uint32_t>(value);
  return bits & 0x7f800000 ? value : bitsAs<float>(bits & 0x80000000);
}

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_NUMBERS_H
