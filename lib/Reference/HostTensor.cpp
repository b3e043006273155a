//===- HostTensor.cpp - tensors the reference computes with ------------------===//
#include "attn/Reference/HostTensor.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Element kinds
//===----------------------------------------------------------------------===//

std::optional<ElementKind> reference::elementKindOf(Type type) {
  if (type.isF32())
    return ElementKind::F32;
  if (type.isBF16())
    return ElementKind::BF16;
  if (type.isF16())
    return ElementKind::F16;
  if (type.isF64())
    return ElementKind::F64;
  if (type.isIndex())
    return ElementKind::Index;
  if (type.isInteger(64))
    return ElementKind::I64;
  if (type.isInteger(32))
    return ElementKind::I32;
  if (type.isInteger(8))
    return ElementKind::I8;
  return std::nullopt;
}

StringRef reference::spelling(ElementKind kind) {
  static const char *const names[] = {"f32", "bf16", "f16", "i64", "i32", "f64", "i8", "index"};
  return names[static_cast<int32_t>(kind)];
}

int64_t reference::byteWidth(ElementKind kind) {
  static const int64_t widths[] = {4, 2, 2, 8, 4, 8, 1, 8};
  return widths[static_cast<int32_t>(kind)];
}

namespace {
/// A binary floating-point format: stored mantissa bits and exponent of the smallest normal.
struct Format {
  int mantissa;
  int minExponent;
  double largest;
};
} // namespace

static const Format *formatOf(ElementKind kind) {
  static const Format f32 = {23, -126, 0x1.fffffep127};
  static const Format bf16 = {7, -126, 0x1.fep127};
  static const Format f16 = {10, -14, 65504.0};
  static const Format f64 = {52, -1022, std::numeric_limits<double>::max()};
  switch (kind) {
  case ElementKind::F32:
    return &f32;
  case ElementKind::BF16:
    return &bf16;
  case ElementKind::F16:
    return &f16;
  case ElementKind::F64:
    return &f64;
  default:
    return nullptr;
  }
}

bool reference::isFloat(ElementKind kind) { return formatOf(kind) != nullptr; }

double reference::unitRoundoff(ElementKind kind) {
  const Format *format = formatOf(kind);
  return format ? std::ldexp(1.0, -format->mantissa - 1) : 0.0;
}

/// Rounds a finite `value` to the grid of `format`, ties to even. Going through float instead
/// would round twice and get some ties wrong.
static double roundToFormat(double value, const Format &format) {
  double magnitude = std::fabs(value);
  if (magnitude < std::ldexp(1.0, format.minExponent)) {
    // Adding this pushes the bits below the smallest subnormal out of the double.
    double pusher = std::ldexp(1.5, format.minExponent - format.mantissa + 52);
    return std::copysign((magnitude + pusher) - pusher, value);
  }
  uint64_t bits;
  std::memcpy(&bits, &magnitude, sizeof bits);
  int dropped = 52 - format.mantissa;
  bits += (uint64_t(1) << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
  bits &= ~((uint64_t(1) << dropped) - 1);
  std::memcpy(&magnitude, &bits, sizeof bits);
  if (magnitude > format.largest)
    magnitude = std::numeric_limits<double>::infinity();
  return std::copysign(magnitude, value);
}

double reference::roundTo(double value, ElementKind kind) {
  if (kind == ElementKind::F32)
    return static_cast<float>(value);
  const Format *format = formatOf(kind);
  if (!format || kind == ElementKind::F64 || !std::isfinite(value))
    return value;
  return roundToFormat(value, *format);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static int64_t countElements(ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) {
    assert(size >= 0 && "negative size");
    count *= size;
  }
  return count;
}

HostTensor::HostTensor(ArrayRef<int64_t> sizes, ElementKind kind)
    : sizes(sizes), kind(kind), values(countElements(sizes), 0.0) {}

HostTensor HostTensor::scalar(double value, ElementKind kind) {
  HostTensor result({}, kind);
  result.values[0] = value;
  return result;
}

int64_t HostTensor::offsetOf(ArrayRef<int64_t> index) const {
  assert(index.size() == sizes.size() && "one index per axis");
  int64_t offset = 0;
  for (auto [i, size] : llvm::zip_equal(index, sizes)) {
    assert(i >= 0 && i < size && "index outside of the tensor");
    offset = offset * size + i;
  }
  return offset;
}

void HostTensor::round() {
  for (double &value : values)
    value = roundTo(value, kind);
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

/// Bit pattern of the IEEE half nearest to `value`.
static uint16_t encodeHalf(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(roundTo(value, ElementKind::F16));
  if (std::isnan(magnitude))
    return sign | 0x7e00;
  if (std::isinf(magnitude))
    return sign | 0x7c00;
  if (magnitude < 0x1p-14)
    return sign | static_cast<uint16_t>(magnitude * 0x1p24);
  int exponent = std::ilogb(magnitude);
  auto mantissa = static_cast<uint16_t>((std::ldexp(magnitude, -exponent) - 1.0) * 1024.0);
  return sign | static_cast<uint16_t>((exponent + 15) << 10) | mantissa;
}

static double decodeHalf(uint16_t bits) {
  int exponent = (bits >> 10) & 0x1f;
  double mantissa = bits & 0x3ff;
  double magnitude =
      std::ldexp(exponent ? 1024.0 + mantissa : mantissa, (exponent ? exponent : 1) - 25);
  if (exponent == 0x1f)
    magnitude = mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                              : std::numeric_limits<double>::infinity();
  return bits & 0x8000 ? -magnitude : magnitude;
}

/// bf16 is the upper half of a float32; rounding has emptied the lower half.
static uint16_t encodeBrain(double value) {
  auto single = static_cast<float>(roundTo(value, ElementKind::BF16));
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

static double decodeBrain(uint16_t half) {
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float single;
  std::memcpy(&single, &bits, sizeof bits);
  return single;
}

template <typename T> static void put(char *to, T value) { std::memcpy(to, &value, sizeof value); }

template <typename T> static T get(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

static void encode(double value, ElementKind kind, char *to) {
  switch (kind) {
  case ElementKind::F32:
    return put(to, static_cast<float>(value));
  case ElementKind::BF16:
    return put(to, encodeBrain(value));
  case ElementKind::F16:
    return put(to, encodeHalf(value));
  case ElementKind::F64:
    return put(to, value);
  case ElementKind::I8:
    return put(to, static_cast<int8_t>(value));
  case ElementKind::I32:
    return put(to, static_cast<int32_t>(value));
  case ElementKind::I64:
  case ElementKind::Index:
    return put(to, static_cast<int64_t>(value));
  }
}

static double decode(ElementKind kind, const char *from) {
  switch (kind) {
  case ElementKind::F32:
    return get<float>(from);
  case ElementKind::BF16:
    return decodeBrain(get<uint16_t>(from));
  case ElementKind::F16:
    return decodeHalf(get<uint16_t>(from));
  case ElementKind::F64:
    return get<double>(from);
  case ElementKind::I8:
    return get<int8_t>(from);
  case ElementKind::I32:
    return get<int32_t>(from);
  case ElementKind::I64:
  case ElementKind::Index:
    return static_cast<double>(get<int64_t>(from));
  }
  return 0.0;
}

std::vector<char> HostTensor::toBytes() const {
  int64_t width = byteWidth(kind);
  std::vector<char> bytes(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    encode(values[i], kind, bytes.data() + i * width);
  return bytes;
}

HostTensor HostTensor::fromBytes(ArrayRef<int64_t> sizes, ElementKind kind, const void *bytes) {
  HostTensor result(sizes, kind);
  const char *from = static_cast<const char *>(bytes);
  int64_t width = byteWidth(kind);
  for (size_t i = 0; i < result.values.size(); ++i)
    result.values[i] = decode(kind, from + i * width);
  return result;
}
