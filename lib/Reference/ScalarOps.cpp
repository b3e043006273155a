//===- ScalarOps.cpp - what each scalar operation computes -------------------===//
#include "ScalarProgram.h"
#include "attn/IR/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static unsigned widthOf(Type type) {
  return type.isIndex() ? 64 : cast<IntegerType>(type).getWidth();
}

/// The one way an integer of `width` bits is kept: sign-extended, i1 as 0 or 1.
static int64_t canonical(int64_t value, unsigned width) {
  if (width == 1)
    return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(static_cast<uint64_t>(value), width);
}

static uint64_t unsignedOf(int64_t value, unsigned width) {
  return width >= 64 ? static_cast<uint64_t>(value)
                     : static_cast<uint64_t>(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

/// i1 true is -1 where an operation reads it as signed.
static int64_t signedOf(int64_t value, unsigned width) { return width == 1 ? -value : value; }

/// F64 means that nothing is rounded.
static ElementKind roundingOf(Type type, Precision precision) {
  if (precision == Precision::Exact)
    return ElementKind::F64;
  return elementKindOf(type).value_or(ElementKind::F64);
}

static bool isScalar(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() <= 64;
  std::optional<ElementKind> kind = elementKindOf(type);
  return kind && (isFloat(*kind) || *kind == ElementKind::Index);
}

//===----------------------------------------------------------------------===//
// Real functions
//===----------------------------------------------------------------------===//

using Real1 = double (*)(double);
using Real2 = double (*)(double, double);

static double propagateMax(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN()
                                        : std::fmax(a, b);
}
static double propagateMin(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN()
                                        : std::fmin(a, b);
}

static Real1 realFunction1(StringRef name) {
  static const llvm::StringMap<Real1> table = {
      {"arith.negf", [](double a) { return -a; }},
      {"math.absf", [](double a) { return std::fabs(a); }},
      {"math.acos", [](double a) { return std::acos(a); }},
      {"math.acosh", [](double a) { return std::acosh(a); }},
      {"math.asin", [](double a) { return std::asin(a); }},
      {"math.asinh", [](double a) { return std::asinh(a); }},
      {"math.atan", [](double a) { return std::atan(a); }},
      {"math.atanh", [](double a) { return std::atanh(a); }},
      {"math.cbrt", [](double a) { return std::cbrt(a); }},
      {"math.ceil", [](double a) { return std::ceil(a); }},
      {"math.cos", [](double a) { return std::cos(a); }},
      {"math.cosh", [](double a) { return std::cosh(a); }},
      {"math.erf", [](double a) { return std::erf(a); }},
      {"math.erfc", [](double a) { return std::erfc(a); }},
      {"math.exp", [](double a) { return std::exp(a); }},
      {"math.exp2", [](double a) { return std::exp2(a); }},
      {"math.expm1", [](double a) { return std::expm1(a); }},
      {"math.floor", [](double a) { return std::floor(a); }},
      {"math.log", [](double a) { return std::log(a); }},
      {"math.log10", [](double a) { return std::log10(a); }},
      {"math.log1p", [](double a) { return std::log1p(a); }},
      {"math.log2", [](double a) { return std::log2(a); }},
      {"math.round", [](double a) { return std::round(a); }},
      {"math.roundeven", [](double a) { return std::nearbyint(a); }},
      {"math.rsqrt", [](double a) { return 1.0 / std::sqrt(a); }},
      {"math.sin", [](double a) { return std::sin(a); }},
      {"math.sinh", [](double a) { return std::sinh(a); }},
      {"math.sqrt", [](double a) { return std::sqrt(a); }},
      {"math.tan", [](double a) { return std::tan(a); }},
      {"math.tanh", [](double a) { return std::tanh(a); }},
      {"math.trunc", [](double a) { return std::trunc(a); }},
  };
  return table.lookup(name);
}

static Real2 realFunction2(StringRef name) {
  static const llvm::StringMap<Real2> table = {
      {"arith.addf", [](double a, double b) { return a + b; }},
      {"arith.subf", [](double a, double b) { return a - b; }},
      {"arith.mulf", [](double a, double b) { return a * b; }},
      {"arith.divf", [](double a, double b) { return a / b; }},
      {"arith.remf", [](double a, double b) { return std::fmod(a, b); }},
      {"arith.maximumf", propagateMax},
      {"arith.minimumf", propagateMin},
      {"arith.maxnumf", [](double a, double b) { return std::fmax(a, b); }},
      {"arith.minnumf", [](double a, double b) { return std::fmin(a, b); }},
      {"math.atan2", [](double a, double b) { return std::atan2(a, b); }},
      {"math.copysign", [](double a, double b) { return std::copysign(a, b); }},
      {"math.powf", [](double a, double b) { return std::pow(a, b); }},
  };
  return table.lookup(name);
}

static ScalarRule realRule(Operation *op, Precision precision) {
  StringRef name = op->getName().getStringRef();
  ElementKind kind = roundingOf(op->getResult(0).getType(), precision);
  if (Real1 f = realFunction1(name))
    return [=](const Scalar *in, Fault &) { return Scalar::ofReal(roundTo(f(in[0].real), kind)); };
  if (Real2 f = realFunction2(name))
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofReal(roundTo(f(in[0].real, in[1].real), kind));
    };
  if (name == "math.fma")
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofReal(roundTo(std::fma(in[0].real, in[1].real, in[2].real), kind));
    };
  if (name == "math.fpowi")
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofReal(
          roundTo(std::pow(in[0].real, static_cast<double>(in[1].integer)), kind));
    };
  return {};
}

//===----------------------------------------------------------------------===//
// Integer functions
//===----------------------------------------------------------------------===//

namespace {
/// Operands of an integer operation, as signed and as unsigned numbers.
struct Integers {
  int64_t a, b;
  uint64_t ua, ub;
};
} // namespace

using IntegerFunction = int64_t (*)(Integers);

/// Sums and products wrap, so they are taken of unsigned numbers.
static IntegerFunction integerFunction(StringRef name) {
  static const llvm::StringMap<IntegerFunction> table = {
      {"arith.addi", [](Integers n) { return static_cast<int64_t>(n.ua + n.ub); }},
      {"arith.subi", [](Integers n) { return static_cast<int64_t>(n.ua - n.ub); }},
      {"arith.muli", [](Integers n) { return static_cast<int64_t>(n.ua * n.ub); }},
      {"arith.andi", [](Integers n) { return static_cast<int64_t>(n.ua & n.ub); }},
      {"arith.ori", [](Integers n) { return static_cast<int64_t>(n.ua | n.ub); }},
      {"arith.xori", [](Integers n) { return static_cast<int64_t>(n.ua ^ n.ub); }},
      {"arith.maxsi", [](Integers n) { return std::max(n.a, n.b); }},
      {"arith.minsi", [](Integers n) { return std::min(n.a, n.b); }},
      {"arith.maxui", [](Integers n) { return static_cast<int64_t>(std::max(n.ua, n.ub)); }},
      {"arith.minui", [](Integers n) { return static_cast<int64_t>(std::min(n.ua, n.ub)); }},
  };
  return table.lookup(name);
}

static IntegerFunction divisionFunction(StringRef name) {
  static const llvm::StringMap<IntegerFunction> table = {
      {"arith.divsi", [](Integers n) { return n.a / n.b; }},
      {"arith.remsi", [](Integers n) { return n.a % n.b; }},
      {"arith.ceildivsi", [](Integers n) { return llvm::divideCeilSigned(n.a, n.b); }},
      {"arith.floordivsi", [](Integers n) { return llvm::divideFloorSigned(n.a, n.b); }},
      {"arith.divui", [](Integers n) { return static_cast<int64_t>(n.ua / n.ub); }},
      {"arith.remui", [](Integers n) { return static_cast<int64_t>(n.ua % n.ub); }},
      {"arith.ceildivui",
       [](Integers n) { return static_cast<int64_t>(n.ua / n.ub + (n.ua % n.ub != 0)); }},
  };
  return table.lookup(name);
}

static IntegerFunction shiftFunction(StringRef name) {
  static const llvm::StringMap<IntegerFunction> table = {
      {"arith.shli", [](Integers n) { return static_cast<int64_t>(n.ua << n.ub); }},
      {"arith.shrsi", [](Integers n) { return n.a >> n.ub; }},
      {"arith.shrui", [](Integers n) { return static_cast<int64_t>(n.ua >> n.ub); }},
  };
  return table.lookup(name);
}

static Integers integersOf(const Scalar *in, unsigned width) {
  return {signedOf(in[0].integer, width), signedOf(in[1].integer, width),
          unsignedOf(in[0].integer, width), unsignedOf(in[1].integer, width)};
}

static ScalarRule integerRule(Operation *op) {
  StringRef name = op->getName().getStringRef();
  unsigned width = widthOf(op->getResult(0).getType());
  if (IntegerFunction f = integerFunction(name))
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofInteger(canonical(f(integersOf(in, width)), width));
    };
  if (IntegerFunction f = divisionFunction(name))
    return [=](const Scalar *in, Fault &fault) {
      Integers n = integersOf(in, width);
      if (n.b == 0 || (n.b == -1 && n.a == std::numeric_limits<int64_t>::min())) {
        fault.message = "integer division by zero or overflow";
        return Scalar();
      }
      return Scalar::ofInteger(canonical(f(n), width));
    };
  if (IntegerFunction f = shiftFunction(name))
    return [=](const Scalar *in, Fault &fault) {
      Integers n = integersOf(in, width);
      if (n.ub >= width)
        fault.message = "shift by the integer's width or more";
      return fault.message.empty() ? Scalar::ofInteger(canonical(f(n), width)) : Scalar();
    };
  return {};
}

//===----------------------------------------------------------------------===//
// Comparison and choice
//===----------------------------------------------------------------------===//

static bool compareReals(arith::CmpFPredicate predicate, double a, double b) {
  // Bits of the predicate: 1 equal, 2 greater, 4 less, 8 unordered.
  unsigned relation = std::isnan(a) || std::isnan(b) ? 8 : a == b ? 1 : a > b ? 2 : 4;
  return (static_cast<unsigned>(predicate) & relation) != 0;
}

static bool compareIntegers(arith::CmpIPredicate predicate, const Integers &n) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return n.ua == n.ub;
  case arith::CmpIPredicate::ne:
    return n.ua != n.ub;
  case arith::CmpIPredicate::slt:
    return n.a < n.b;
  case arith::CmpIPredicate::sle:
    return n.a <= n.b;
  case arith::CmpIPredicate::sgt:
    return n.a > n.b;
  case arith::CmpIPredicate::sge:
    return n.a >= n.b;
  case arith::CmpIPredicate::ult:
    return n.ua < n.ub;
  case arith::CmpIPredicate::ule:
    return n.ua <= n.ub;
  case arith::CmpIPredicate::ugt:
    return n.ua > n.ub;
  case arith::CmpIPredicate::uge:
    return n.ua >= n.ub;
  }
  return false;
}

static ScalarRule choiceRule(Operation *op) {
  if (auto cmp = dyn_cast<arith::CmpFOp>(op)) {
    arith::CmpFPredicate predicate = cmp.getPredicate();
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofInteger(compareReals(predicate, in[0].real, in[1].real));
    };
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    arith::CmpIPredicate predicate = cmp.getPredicate();
    unsigned width = widthOf(cmp.getLhs().getType());
    return [=](const Scalar *in, Fault &) {
      return Scalar::ofInteger(compareIntegers(predicate, integersOf(in, width)));
    };
  }
  if (isa<arith::SelectOp>(op))
    return [](const Scalar *in, Fault &) { return in[0].integer ? in[1] : in[2]; };
  return {};
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static ScalarRule toReal(Operation *op, Precision precision) {
  unsigned width = widthOf(op->getOperand(0).getType());
  ElementKind kind = roundingOf(op->getResult(0).getType(), precision);
  bool isSigned = isa<arith::SIToFPOp>(op);
  return [=](const Scalar *in, Fault &) {
    double value = isSigned ? static_cast<double>(signedOf(in[0].integer, width))
                            : static_cast<double>(unsignedOf(in[0].integer, width));
    return Scalar::ofReal(roundTo(value, kind));
  };
}

static ScalarRule toInteger(Operation *op) {
  unsigned width = widthOf(op->getResult(0).getType());
  bool isSigned = isa<arith::FPToSIOp>(op);
  double low = isSigned ? -std::ldexp(1.0, static_cast<int>(width) - 1) : 0.0;
  double high = std::ldexp(1.0, static_cast<int>(width) - (isSigned ? 1 : 0));
  return [=](const Scalar *in, Fault &fault) {
    double whole = std::trunc(in[0].real);
    if (!(whole >= low && whole < high)) {
      fault.message = "conversion of a real number that the integer type cannot hold";
      return Scalar();
    }
    int64_t value = whole >= 0x1p63 ? static_cast<int64_t>(static_cast<uint64_t>(whole))
                                    : static_cast<int64_t>(whole);
    return Scalar::ofInteger(canonical(value, width));
  };
}

static ScalarRule betweenIntegers(Operation *op) {
  unsigned from = widthOf(op->getOperand(0).getType());
  unsigned to = widthOf(op->getResult(0).getType());
  bool isSigned = isa<arith::ExtSIOp, arith::IndexCastOp>(op);
  return [=](const Scalar *in, Fault &) {
    int64_t value = isSigned ? signedOf(in[0].integer, from)
                             : static_cast<int64_t>(unsignedOf(in[0].integer, from));
    return Scalar::ofInteger(canonical(value, to));
  };
}

/// A narrowing to bf16 or f16 is part of the definition, so the exact evaluation rounds there
/// too; float32 is only the type that stands for the reals.
static ScalarRule betweenReals(Operation *op, Precision precision) {
  Type type = op->getResult(0).getType();
  bool narrows = isa<arith::TruncFOp>(op) && (type.isBF16() || type.isF16());
  ElementKind kind = roundingOf(type, narrows ? Precision::Plain : precision);
  return [=](const Scalar *in, Fault &) { return Scalar::ofReal(roundTo(in[0].real, kind)); };
}

static ScalarRule conversionRule(Operation *op, Precision precision) {
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op))
    return toReal(op, precision);
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op))
    return toInteger(op);
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::IndexCastOp,
          arith::IndexCastUIOp>(op))
    return betweenIntegers(op);
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return betweenReals(op, precision);
  return {};
}

//===----------------------------------------------------------------------===//
// Constants and tables
//===----------------------------------------------------------------------===//

static ScalarRule constantRule(arith::ConstantOp op) {
  Scalar value;
  if (auto real = dyn_cast<FloatAttr>(op.getValue()))
    value = Scalar::ofReal(real.getValueAsDouble());
  else if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    value =
        Scalar::ofInteger(canonical(integer.getValue().getSExtValue(), widthOf(integer.getType())));
  else
    return {};
  return [=](const Scalar *, Fault &) { return value; };
}

static std::string outside(StringRef what, int64_t index, int64_t size) {
  return ("index " + Twine(index) + " is outside of " + what + " of size " + Twine(size)).str();
}

static ScalarRule lookupRule(LookupOp op, Precision precision) {
  std::vector<double> table(op.getTable().begin(), op.getTable().end());
  for (double &entry : table)
    entry = roundTo(entry, roundingOf(op.getResult().getType(), precision));
  return [table](const Scalar *in, Fault &fault) {
    int64_t index = in[0].integer, size = static_cast<int64_t>(table.size());
    if (index < 0 || index >= size) {
      fault.message = outside("a table", index, size);
      return Scalar();
    }
    return Scalar::ofReal(table[index]);
  };
}

static ScalarRule extractRule(tensor::ExtractOp op, const ScalarScope &scope) {
  const HostTensor *tensor = scope.tensor(op.getTensor());
  if (!tensor)
    return {};
  return [tensor](const Scalar *in, Fault &fault) {
    int64_t offset = 0;
    for (int64_t axis = 0; axis < tensor->rank(); ++axis) {
      int64_t index = in[axis + 1].integer, size = tensor->size(axis);
      if (index < 0 || index >= size) {
        fault.message = outside("a tensor's axis " + std::to_string(axis), index, size);
        return Scalar();
      }
      offset = offset * size + index;
    }
    double value = tensor->values[offset];
    return isFloat(tensor->kind) ? Scalar::ofReal(value)
                                 : Scalar::ofInteger(static_cast<int64_t>(value));
  };
}

static ScalarRule dimRule(tensor::DimOp op, const ScalarScope &scope) {
  const HostTensor *tensor = scope.tensor(op.getSource());
  if (!tensor)
    return {};
  return [tensor](const Scalar *in, Fault &fault) {
    int64_t axis = in[1].integer;
    if (axis < 0 || axis >= tensor->rank()) {
      fault.message = outside("a shape", axis, tensor->rank());
      return Scalar();
    }
    return Scalar::ofInteger(tensor->size(axis));
  };
}

ScalarRule reference::makeScalarRule(Operation *op, const ScalarScope &scope, Precision precision) {
  // One register file of eight operands is enough for everything below.
  if (op->getNumOperands() > 8 || !isScalar(op->getResult(0).getType()))
    return {};
  if (auto extract = dyn_cast<tensor::ExtractOp>(op))
    return extractRule(extract, scope);
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return dimRule(dim, scope);
  if (!llvm::all_of(op->getOperandTypes(), isScalar))
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return constantRule(constant);
  if (auto lookup = dyn_cast<LookupOp>(op))
    return lookupRule(lookup, precision);
  if (ScalarRule rule = choiceRule(op))
    return rule;
  if (ScalarRule rule = conversionRule(op, precision))
    return rule;
  if (isa<FloatType>(op->getResult(0).getType()))
    return realRule(op, precision);
  return integerRule(op);
}
