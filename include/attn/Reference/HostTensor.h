//===- HostTensor.h - tensors the reference computes with --------------------===//
#ifndef ATTN_REFERENCE_HOSTTENSOR_H
#define ATTN_REFERENCE_HOSTTENSOR_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::attn::reference {

/// What an element is in memory. The first seven have the numbers of the kernels' C ABI
/// (ATTN_F32 = 0, ...); `Index` travels there as a rank-0 i64.
enum class ElementKind : int32_t {
  F32 = 0,
  BF16 = 1,
  F16 = 2,
  I64 = 3,
  I32 = 4,
  F64 = 5,
  I8 = 6,
  Index = 7
};

/// The kind that stores `type`, or nothing when no tensor of it can be held.
std::optional<ElementKind> elementKindOf(Type type);
/// "f32", "bf16", ...
StringRef spelling(ElementKind kind);
/// Bytes of one element; an index has eight.
int64_t byteWidth(ElementKind kind);
bool isFloat(ElementKind kind);
/// Half the distance between 1 and the next number above it: the largest relative error of
/// one rounding. Zero for integers.
double unitRoundoff(ElementKind kind);
/// The nearest value of `kind`, ties to even; overflow gives an infinity. Integers pass.
double roundTo(double value, ElementKind kind);

/// A dense row-major tensor. Every value is kept as a double, which holds each element kind
/// exactly (integers up to 2^53); the kind says what it is in memory and how it is rounded.
struct HostTensor {
  SmallVector<int64_t> sizes;
  ElementKind kind = ElementKind::F32;
  std::vector<double> values;

  HostTensor() = default;
  /// All zero. Sizes must not be negative.
  HostTensor(ArrayRef<int64_t> sizes, ElementKind kind);
  /// A rank-0 tensor.
  static HostTensor scalar(double value, ElementKind kind = ElementKind::Index);

  int64_t rank() const { return static_cast<int64_t>(sizes.size()); }
  int64_t size(int64_t axis) const { return sizes[axis]; }
  int64_t numElements() const { return static_cast<int64_t>(values.size()); }
  /// Position of an element in `values`; one index per axis.
  int64_t offsetOf(ArrayRef<int64_t> index) const;
  double at(ArrayRef<int64_t> index) const { return values[offsetOf(index)]; }
  double &at(ArrayRef<int64_t> index) { return values[offsetOf(index)]; }
  /// Rounds every value to the element kind.
  void round();

  /// The elements as dense row-major memory of the element kind, rounded to it.
  std::vector<char> toBytes() const;
  /// Reads dense row-major memory of `kind`; `bytes` must hold all elements.
  static HostTensor fromBytes(ArrayRef<int64_t> sizes, ElementKind kind, const void *bytes);
};

} // namespace mlir::attn::reference

#endif // ATTN_REFERENCE_HOSTTENSOR_H
