//===- Reals.cpp - arithmetic of float32 and float64 ------------------------------------===//
//
// Rounded to the nearest. What the devices only approximate (ex2, lg2, rcp, …) is as precise here
// as the host's library.
//
//===-------------------------------------------------------------------------------------===//
#include "Elementwise.h"
#include "Numbers.h"

using namespace ptx;

namespace {

template <typename T> struct Add {
  static T of(T a, T b) { return a + b; }
};
template <typename T> struct Subtract {
  static T of(T a, T b) { return a - b; }
};
template <typename T> struct Multiply {
  static T of(T a, T b) { return a * b; }
};
template <typename T> struct Divide {
  static T of(T a, T b) { return a / b; }
};
template <typename T> struct MultiplyAdd {
  static T of(T a, T b, T c) { return std::fma(a, b, c); }
};
/// A number beats NaN.
template <typename T> struct Smaller {
  static T of(T a, T b) { return a < b || b != b ? a : b; }
};
template <typename T> struct Larger {
  static T of(T a, T b) { return a > b || b != b ? a : b; }
};
/// NaN beats a number.
template <typename T> struct SmallerOrNaN {
  static T of(T a, T b) { return a < b || a != a ? a : b; }
};
template <typename T> struct LargerOrNaN {
  static T of(T a, T b) { return a > b || a != a ? a : b; }
};
template <typename T> struct Negate {
  static T of(T a) { return -a; }
};
template <typename T> struct Absolute {
  static T of(T a) { return std::fabs(a); }
};
template <typename T> struct Reciprocal {
  static T of(T a) { return T(1) / a; }
};
template <typename T> struct Root {
  static T of(T a) { return std::sqrt(a); }
};
template <typename T> struct ReciprocalRoot {
  static T of(T a) { return T(1) / std::sqrt(a); }
};
template <typename T> struct PowerOfTwo {
  static T of(T a) { return std::exp2(a); }
};
template <typename T> struct LogarithmToTwo {
  static T of(T a) { return std::log2(a); }
};
template <typename T> struct HyperbolicTangent {
  static T of(T a) { return std::tanh(a); }
};
template <typename T> struct Sine {
  static T of(T a) { return std::sin(a); }
};
template <typename T> struct Cosine {
  static T of(T a) { return std::cos(a); }
};

/// The same on numbers without subnormals.
template <typename Operation> struct Flushed {
  static float of(float a) { return flush(Operation::of(flush(a))); }
  static float of(float a, float b) { return flush(Operation::of(flush(a), flush(b))); }
  static float of(float a, float b, float c) {
    return flush(Operation::of(flush(a), flush(b), flush(c)));
  }
};

template <template <typename> typename Operation> Handler unaryOf(bool isWide, bool flushes) {
  return isWide    ? unary<double, double, Operation<double>>
         : flushes ? unary<float, float, Flushed<Operation<float>>>
                   : unary<float, float, Operation<float>>;
}
template <template <typename> typename Operation> Handler binaryOf(bool isWide, bool flushes) {
  return isWide    ? binary<double, double, Operation<double>>
         : flushes ? binary<float, float, Flushed<Operation<float>>>
                   : binary<float, float, Operation<float>>;
}
template <template <typename> typename Operation> Handler ternaryOf(bool isWide, bool flushes) {
  return isWide    ? ternary<double, double, double, Operation<double>>
         : flushes ? ternary<float, float, float, Flushed<Operation<float>>>
                   : ternary<float, float, float, Operation<float>>;
}

/// The type's bits; modifiers of rounding and precision are understood.
unsigned decodeType(Decoder &d) {
  Type type = d.type();
  for (const char *modifier : {"rn", "approx", "full"})
    d.has(modifier);
  if (type.kind != Type::Real || type.bits < 32)
    d.refuse("reals of this type are not modelled");
  return type.bits;
}

template <template <typename> typename Operation> void decodeUnary(Decoder &d) {
  unsigned bits = decodeType(d);
  decodeOperands(d, bits, 1);
  d.in.run = unaryOf<Operation>(bits == 64, d.has("ftz"));
}
template <template <typename> typename Operation> void decodeBinary(Decoder &d) {
  unsigned bits = decodeType(d);
  decodeOperands(d, bits, 2);
  d.in.run = binaryOf<Operation>(bits == 64, d.has("ftz"));
}
void decodeMultiplyAdd(Decoder &d) {
  unsigned bits = decodeType(d);
  decodeOperands(d, bits, 3);
  d.in.run = ternaryOf<MultiplyAdd>(bits == 64, d.has("ftz"));
}
template <template <typename> typename Operation, template <typename> typename OrNaN>
void decodeExtreme(Decoder &d) {
  unsigned bits = decodeType(d);
  decodeOperands(d, bits, 2);
  bool flushes = d.has("ftz");
  d.in.run = d.has("NaN") ? binaryOf<OrNaN>(bits == 64, flushes)
                          : binaryOf<Operation>(bits == 64, flushes);
}

} // namespace

void ptx::addReals(OpcodeTable &table) {
  table["add"] = decodeBinary<Add>;
  table["sub"] = decodeBinary<Subtract>;
  table["mul"] = decodeBinary<Multiply>;
  table["div"] = decodeBinary<Divide>;
  table["fma"] = decodeMultiplyAdd;
  table["min"] = decodeExtreme<Smaller, SmallerOrNaN>;
  table["max"] = decodeExtreme<Larger, LargerOrNaN>;
  table["neg"] = decodeUnary<Negate>;
  table["abs"] = decodeUnary<Absolute>;
  table["rcp"] = decodeUnary<Reciprocal>;
  table["sqrt"] = decodeUnary<Root>;
  table["rsqrt"] = decodeUnary<ReciprocalRoot>;
  table["ex2"] = decodeUnary<PowerOfTwo>;
  table["lg2"] = decodeUnary<LogarithmToTwo>;
  table["tanh"] = decodeUnary<HyperbolicTangent>;
  table["sin"] = decodeUnary<Sine>;
  table["cos"] = decodeUnary<Cosine>;
}
