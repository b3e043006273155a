//===- Conversions.cpp - cvt, cvta -------------------------------------------------------===//
#include "Elementwise.h"
#include "Numbers.h"

#include <limits>
#include <type_traits>

using namespace ptx;

namespace {

//===----------------------------------------------------------------------===//
// Integers of any size: what is above in the register comes from sign or zeros
//===----------------------------------------------------------------------===//

template <typename To, typename From, typename Register> struct Resize {
  static auto of(Register a) {
    using Out = std::conditional_t<sizeof(To) == 8, uint64_t, uint32_t>;
    auto value = static_cast<To>(static_cast<From>(a));
    // A 16-bit register has zeros above.
    return sizeof(To) < 4 ? static_cast<Out>(static_cast<std::make_unsigned_t<To>>(value))
                          : static_cast<Out>(value);
  }
};

template <typename To, typename From> Handler resize() {
  using In = std::conditional_t<sizeof(From) == 8, uint64_t, uint32_t>;
  using Out = std::conditional_t<sizeof(To) == 8, uint64_t, uint32_t>;
  return unary<Out, In, Resize<To, From, In>>;
}

template <typename To> Handler resizeFrom(Type from) {
  switch (from.bits) {
  case 8:
    return from.isSigned() ? resize<To, int8_t>() : resize<To, uint8_t>();
  case 16:
    return from.isSigned() ? resize<To, int16_t>() : resize<To, uint16_t>();
  case 32:
    return from.isSigned() ? resize<To, int32_t>() : resize<To, uint32_t>();
  default:
    return from.isSigned() ? resize<To, int64_t>() : resize<To, uint64_t>();
  }
}

Handler resizeTo(Type to, Type from) {
  switch (to.bits) {
  case 8:
    return to.isSigned() ? resizeFrom<int8_t>(from) : resizeFrom<uint8_t>(from);
  case 16:
    return to.isSigned() ? resizeFrom<int16_t>(from) : resizeFrom<uint16_t>(from);
  case 32:
    return resizeFrom<int32_t>(from);
  default:
    return resizeFrom<int64_t>(from);
  }
}

//===----------------------------------------------------------------------===//
// With reals
//===----------------------------------------------------------------------===//

template <typename To, typename From> struct ToReal {
  static To of(From a) { return static_cast<To>(a); }
};

enum Rounding { ToNearest, ToZero, Down, Up };

template <int How> double rounded(double a) {
  return How == ToNearest ? std::nearbyint(a)
         : How == ToZero  ? std::trunc(a)
         : How == Down    ? std::floor(a)
                          : std::ceil(a);
}

/// The nearest that the integer can say; 0 for NaN.
template <typename To, typename From, int How> struct ToInteger {
  static To of(From a) {
    double value = rounded<How>(a);
    constexpr double smallest = static_cast<double>(std::numeric_limits<To>::min());
    // The largest may have been rounded up, beyond the integers.
    constexpr double largest = static_cast<double>(std::numeric_limits<To>::max());
    if (value != value)
      return 0;
    return value <= smallest  ? std::numeric_limits<To>::min()
           : value >= largest ? std::numeric_limits<To>::max()
                              : static_cast<To>(value);
  }
};

template <int How> struct RoundReal {
  static float of(float a) { return static_cast<float>(rounded<How>(a)); }
};

template <typename To> Handler realFrom(Type from) {
  bool wide = from.bits == 64;
  if (from.isSigned())
    return wide ? unary<To, int64_t, ToReal<To, int64_t>> : unary<To, int32_t, ToReal<To, int32_t>>;
  return wide ? unary<To, uint64_t, ToReal<To, uint64_t>>
              : unary<To, uint32_t, ToReal<To, uint32_t>>;
}

template <typename From, int How> Handler integerFrom(Type to) {
  bool wide = to.bits == 64;
  if (to.isSigned())
    return wide ? unary<int64_t, From, ToInteger<int64_t, From, How>>
                : unary<int32_t, From, ToInteger<int32_t, From, How>>;
  return wide ? unary<uint64_t, From, ToInteger<uint64_t, From, How>>
              : unary<uint32_t, From, ToInteger<uint32_t, From, How>>;
}

template <int How> Handler integerFromReal(Type to, Type from) {
  return from.bits == 64 ? integerFrom<double, How>(to) : integerFrom<float, How>(to);
}

struct Half {
  static uint32_t of(float a) { return toHalf(a); }
  static float of(uint32_t a) { return fromHalf(a); }
};
struct BFloat {
  static uint32_t of(float a) { return toBFloat(a); }
  static float of(uint32_t a) { return fromBFloat(a & 0xffff); }
};
/// The first operand becomes the upper half.
template <typename Element> struct Pair {
  static uint32_t of(float a, float b) { return Element::of(a) << 16 | Element::of(b); }
};

Handler realToReal(Type to, Type from) {
  if (to.bits == 16 && from.bits == 32)
    return to.kind == Type::BFloat ? unary<uint32_t, float, BFloat> : unary<uint32_t, float, Half>;
  if (to.bits == 32 && from.bits == 16)
    return from.kind == Type::BFloat ? unary<float, uint32_t, BFloat>
                                     : unary<float, uint32_t, Half>;
  if (to.bits == 64 && from.bits == 32)
    return unary<double, float, ToReal<double, float>>;
  if (to.bits == 32 && from.bits == 64)
    return unary<float, double, ToReal<float, double>>;
  return nullptr;
}

Handler roundInPlace(int how) {
  switch (how) {
  case ToNearest:
    return unary<float, float, RoundReal<ToNearest>>;
  case ToZero:
    return unary<float, float, RoundReal<ToZero>>;
  case Down:
    return unary<float, float, RoundReal<Down>>;
  default:
    return unary<float, float, RoundReal<Up>>;
  }
}

Handler handlerOf(Type to, Type from, int how) {
  if (to == from && to.isReal() && to.bits == 32)
    return how < 0 ? unary<float, float, ToReal<float, float>> : roundInPlace(how);
  if (to.isReal() && from.isReal())
    return realToReal(to, from);
  if (to.isReal() && from.bits >= 32 && to.bits >= 32)
    return to.bits == 64 ? realFrom<double>(from) : realFrom<float>(from);
  if (!from.isReal() && !to.isReal())
    return resizeTo(to, from);
  if (to.bits < 32 || from.bits < 32)
    return nullptr;
  switch (how) {
  case ToNearest:
    return integerFromReal<ToNearest>(to, from);
  case ToZero:
    return integerFromReal<ToZero>(to, from);
  case Down:
    return integerFromReal<Down>(to, from);
  case Up:
    return integerFromReal<Up>(to, from);
  }
  return nullptr;
}

void decodeConvert(Decoder &d) {
  Type to = d.type(0), from = d.type(1);
  int how = d.which({"rni", "rzi", "rmi", "rpi"});
  d.has("rn");
  // Subnormals come out as they are: nothing of ours tells the difference.
  d.has("ftz");
  if (to.isPair) {
    d.in.to = d.destination(0, 32);
    d.in.from[0] = d.source(1, 32), d.in.from[1] = d.source(2, 32);
    d.in.run = to.kind == Type::BFloat ? binary<uint32_t, float, Pair<BFloat>>
                                       : binary<uint32_t, float, Pair<Half>>;
    return;
  }
  auto held = [](Type type) { return std::max<unsigned>(type.bits, 16); };
  // An 8-bit number, and any that is cut, may stand in a wider register.
  unsigned in = d.bitsOf(d.operand(1)), out = d.bitsOf(d.operand(0));
  bool isResize = !to.isReal() && !from.isReal();
  d.in.from[0] = d.source(1, from.bits == 8 && in ? in : held(from));
  d.in.to = d.destination(0, to.bits == 8 && out ? out : held(to));
  if (isResize && (in == 64) != (from.bits == 64) && in)
    return d.refuse("expected a register of the type's size");
  if (!(d.in.run = handlerOf(to, from, how)))
    d.refuse("this conversion is not modelled");
}

void decodeConvertAddress(Decoder &d) {
  // Generic addresses of global memory and parameters are the addresses; shared memory is not
  // addressed generically.
  d.has("to");
  Space space = d.space();
  d.type();
  if (space == Space::Shared)
    d.refuse("generic addresses of shared memory are not modelled");
  decodeOperands(d, 64, 1);
  d.in.run = unary<uint64_t, uint64_t, ToReal<uint64_t, uint64_t>>;
}

} // namespace

void ptx::addConversions(OpcodeTable &table) {
  table["cvt"] = decodeConvert;
  table["cvta"] = decodeConvertAddress;
}
