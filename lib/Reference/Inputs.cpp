//===- Inputs.cpp - random arguments that make sense for a function ----------===//
#include "attn/Reference/Inputs.h"
#include "InputRoles.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

namespace {
/// SplitMix64 (Steele, Lea and Flood 2014). No call of the C library takes part, so that a seed
/// means the same numbers everywhere.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(bound));
  }
  /// Mean 0, variance 1: the sum of twelve uniform numbers of 16 bits, less its mean.
  double normal() {
    int64_t sum = 0;
    for (int draw = 0; draw < 3; ++draw)
      for (uint64_t bits = next(), part = 0; part < 4; ++part, bits >>= 16)
        sum += static_cast<int64_t>(bits & 0xffff);
    return static_cast<double>(sum) / 65536.0 - 6.0 + 12.0 * 0x1p-17;
  }

private:
  uint64_t state;
};
} // namespace

//===----------------------------------------------------------------------===//
// Filling
//===----------------------------------------------------------------------===//

static void fillNormal(HostTensor &tensor, Random &random, double deviation, double mean = 0) {
  for (double &value : tensor.values)
    value = roundTo(mean + deviation * random.normal(), tensor.kind);
}

/// Ids that never fall; about four documents, of at least four tokens on average.
static void fillDocuments(HostTensor &ids, Random &random) {
  int64_t length = std::max<int64_t>(4, ids.size(1) / 4);
  for (int64_t b = 0; b < ids.size(0); ++b)
    for (int64_t k = 0, id = 0; k < ids.size(1); ++k)
      ids.at({b, k}) = static_cast<double>(id += k > 0 && random.below(length) == 0);
}

/// Three quarters visible; one row in sixteen sees nothing.
static void fillMask(HostTensor &mask, Random &random) {
  int64_t keys = mask.sizes.back();
  for (int64_t i = 0; i < mask.numElements(); i += keys) {
    bool empty = random.below(16) == 0;
    for (int64_t k = 0; k < keys; ++k)
      mask.values[i + k] = !empty && random.below(4) != 0;
  }
}

static void fillLse(HostTensor &lse, Random &random) {
  for (double &value : lse.values)
    value = random.below(16) == 0 ? -std::numeric_limits<double>::infinity()
                                  : roundTo(random.normal(), lse.kind);
}

static void fillGates(HostTensor &gates, Random &random) {
  for (double &value : gates.values)
    value = roundTo(random.uniform(), gates.kind);
}

/// Numbers of a tensor of integers whose meaning is unknown: small enough to index anything.
static void fillBits(HostTensor &tensor, Random &random) {
  for (double &value : tensor.values)
    value = static_cast<double>(random.below(2));
}

static double inverseRoot(int64_t count) {
  return 1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(count, 1)));
}

static void fill(HostTensor &tensor, const InputUse &use, int64_t keyLength, Random &random) {
  switch (use.role) {
  case Role::ExpandWeight:
    return fillNormal(tensor, random,
                      inverseRoot(tensor.size(cast<ExpandOp>(use.user).getTransposed() ? 2 : 1)));
  case Role::ConvolutionWeight:
    return fillNormal(tensor, random, inverseRoot(tensor.size(1)));
  case Role::ProjectWeight:
    return fillNormal(tensor, random, inverseRoot(tensor.size(0) * tensor.size(1)));
  case Role::PartWeight:
  case Role::Coefficients:
    return fillNormal(tensor, random, inverseRoot(tensor.size(1)));
  case Role::Gain:
    return fillNormal(tensor, random, 0.125,
                      1.0 - cast<NormOp>(use.user).getNorm().getReal("gain_offset"));
  case Role::Gate:
    return fillGates(tensor, random);
  case Role::Lse:
    return fillLse(tensor, random);
  case Role::PrefixLengths:
    for (double &value : tensor.values)
      value = static_cast<double>(random.below(keyLength + 1));
    return;
  case Role::Documents:
    return fillDocuments(tensor, random);
  case Role::DenseMask:
  case Role::BlockMask:
    return fillMask(tensor, random);
  default:
    return isFloat(tensor.kind) ? fillNormal(tensor, random, 1.0) : fillBits(tensor, random);
  }
}

static std::optional<ElementKind> fillableKind(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return elementKindOf(tensor ? tensor.getElementType() : type);
}

FailureOr<SmallVector<HostTensor>> reference::makeInputs(func::FuncOp function,
                                                         const InputSizes &sizes, uint64_t seed) {
  FailureOr<SmallVector<SmallVector<int64_t>>> allSizes = inputSizes(function, sizes);
  if (failed(allSizes))
    return failure();
  Sequences sequences(function, sizes);
  SmallVector<HostTensor> inputs;
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    InputUse use = findUse(argument);
    std::optional<ElementKind> kind = fillableKind(argument.getType());
    if (!kind)
      return emitError(argument.getLoc())
             << "argument " << index << " of type " << argument.getType()
             << " cannot be filled; expected a ranked tensor or a scalar of f16, bf16, f32, f64, "
             << "i8, i32, i64 or index";
    HostTensor &tensor = inputs.emplace_back((*allSizes)[index], *kind);
    // Each argument has its own stream: adding one leaves the others as they were.
    Random random(seed * 0x9e3779b97f4a7c15 + index);
    if (use.role == Role::Position)
      tensor.values[0] = static_cast<double>(positionFor(argument, sequences, sizes));
    else
      fill(tensor, use, sizes.keyLength, random);
  }
  return inputs;
}
