//===- Integers.cpp - integer arithmetic, bits -----------------------------------------===//
//
// Of 32 and 64 bits, and of 16 where the sign does not matter.
//
//===------------------------------------------------------------------------------------===//
#include "Elementwise.h"

#include <type_traits>

using namespace ptx;

namespace {

template <typename T> using Unsigned = std::make_unsigned_t<T>;
template <typename T> struct WiderOf;
template <> struct WiderOf<int32_t> {
  using type = int64_t;
};
template <> struct WiderOf<uint32_t> {
  using type = uint64_t;
};
template <> struct WiderOf<int64_t> {
  using type = __int128;
};
template <> struct WiderOf<uint64_t> {
  using type = unsigned __int128;
};
template <typename T> using Wider = typename WiderOf<T>::type;
template <typename T> inline constexpr int BitsOf = 8 * sizeof(T);

template <typename T> struct Add {
  static T of(T a, T b) { return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b)); }
};
template <typename T> struct Subtract {
  static T of(T a, T b) { return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b)); }
};
template <typename T> struct MultiplyLow {
  static T of(T a, T b) { return static_cast<T>(Unsigned<T>(a) * Unsigned<T>(b)); }
};
template <typename T> struct MultiplyHigh {
  static T of(T a, T b) { return static_cast<T>((Wider<T>(a) * b) >> BitsOf<T>); }
};
template <typename T> struct MultiplyWide {
  static Wider<T> of(T a, T b) { return Wider<T>(a) * b; }
};
template <typename T> struct MultiplyAddLow {
  static T of(T a, T b, T c) { return Add<T>::of(MultiplyLow<T>::of(a, b), c); }
};
template <typename T> struct MultiplyAddHigh {
  static T of(T a, T b, T c) { return Add<T>::of(MultiplyHigh<T>::of(a, b), c); }
};
template <typename T> struct MultiplyAddWide {
  static Wider<T> of(T a, T b, Wider<T> c) { return Add<Wider<T>>::of(Wider<T>(a) * b, c); }
};
/// Lanes that are off may hold anything, and the smallest number has no quotient by -1.
template <typename T> bool hasQuotient(T a, T b) {
  return b != 0 && !(std::is_signed_v<T> && b == T(-1) &&
                     Unsigned<T>(a) == Unsigned<T>(1) << (BitsOf<T> - 1));
}
template <typename T> struct Divide {
  static T of(T a, T b) { return hasQuotient(a, b) ? a / b : b ? a : T(-1); }
};
template <typename T> struct Remainder {
  static T of(T a, T b) { return hasQuotient(a, b) ? a % b : b ? 0 : a; }
};
template <typename T> struct Smaller {
  static T of(T a, T b) { return a < b ? a : b; }
};
template <typename T> struct Larger {
  static T of(T a, T b) { return a > b ? a : b; }
};
template <typename T> struct SmallerPositive {
  static T of(T a, T b) { return Larger<T>::of(Smaller<T>::of(a, b), 0); }
};
template <typename T> struct LargerPositive {
  static T of(T a, T b) { return Larger<T>::of(Larger<T>::of(a, b), 0); }
};
template <typename T> struct Negate {
  static T of(T a) { return static_cast<T>(0 - Unsigned<T>(a)); }
};
template <typename T> struct Absolute {
  static T of(T a) { return a < 0 ? Negate<T>::of(a) : a; }
};
template <typename T> struct And {
  static T of(T a, T b) { return a & b; }
};
template <typename T> struct Or {
  static T of(T a, T b) { return a | b; }
};
template <typename T> struct ExclusiveOr {
  static T of(T a, T b) { return a ^ b; }
};
template <typename T> struct Not {
  static T of(T a) { return ~a; }
};
template <typename T> struct Ones {
  static uint32_t of(T a) { return static_cast<uint32_t>(__builtin_popcountll(a)); }
};
template <typename T> struct LeadingZeros {
  static uint32_t of(T a) {
    return a ? static_cast<uint32_t>(__builtin_clzll(a)) + BitsOf<T> - 64 : BitsOf<T>;
  }
};

/// The amount of a shift has 32 bits whatever it shifts.
template <typename T, bool IsLeft> Status shift(Warp &warp, const Instruction &in, uint32_t lanes) {
  const T *a = warp.values<T>(in.from[0]);
  const uint32_t *by = warp.values<uint32_t>(in.from[1]);
  T out[WarpSize];
  for (int i = 0; i < WarpSize; ++i) {
    uint32_t most = BitsOf<T> - 1, n = by[i] > most ? most : by[i];
    T whole = by[i] > most && (IsLeft || !std::is_signed_v<T>) ? T(0) : a[i];
    out[i] = IsLeft ? static_cast<T>(Unsigned<T>(whole) << n) : static_cast<T>(whole >> n);
  }
  warp.write(in.to, out, lanes, warp.undefined(in.from[0]) | warp.undefined(in.from[1]));
  return Status::Next;
}

/// bfe: `length` bits from `position` on, the highest as sign.
template <typename T> Status extract(Warp &warp, const Instruction &in, uint32_t lanes) {
  const T *a = warp.values<T>(in.from[0]);
  const uint32_t *position = warp.values<uint32_t>(in.from[1]),
                 *length = warp.values<uint32_t>(in.from[2]);
  T out[WarpSize];
  for (int i = 0; i < WarpSize; ++i) {
    uint32_t p = position[i] & 0xff, n = length[i] & 0xff;
    T rest = p < BitsOf<T> ? a[i] >> p : std::is_signed_v<T> && a[i] < 0 ? T(-1) : T(0);
    uint32_t away = n < BitsOf<T> ? BitsOf<T> - n : 0;
    out[i] = n ? static_cast<T>(static_cast<T>(Unsigned<T>(rest) << away) >> away) : T(0);
  }
  warp.write(in.to, out, lanes,
             warp.undefined(in.from[0]) | warp.undefined(in.from[1]) | warp.undefined(in.from[2]));
  return Status::Next;
}

/// lop3: bit 4 a + 2 b + c of the table.
Status lookUpBits(Warp &warp, const Instruction &in, uint32_t lanes) {
  const uint32_t *a = warp.values<uint32_t>(in.from[0]), *b = warp.values<uint32_t>(in.from[1]),
                 *c = warp.values<uint32_t>(in.from[2]);
  uint32_t out[WarpSize] = {};
  for (uint32_t term = 0; term < 8; ++term)
    for (int i = 0; in.option[0] >> term & 1 && i < WarpSize; ++i)
      out[i] |= (term & 4 ? a[i] : ~a[i]) & (term & 2 ? b[i] : ~b[i]) & (term & 1 ? c[i] : ~c[i]);
  warp.write(in.to, out, lanes,
             warp.undefined(in.from[0]) | warp.undefined(in.from[1]) | warp.undefined(in.from[2]));
  return Status::Next;
}

/// prmt: each byte of the result is one of the eight of a and b, or its sign.
struct PermuteBytes {
  static uint32_t of(uint32_t a, uint32_t b, uint32_t selector) {
    uint64_t both = static_cast<uint64_t>(b) << 32 | a;
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
      uint32_t which = selector >> (4 * i) & 15;
      uint32_t byte = both >> (8 * (which & 7)) & 0xff;
      out |= (which & 8 ? (byte & 0x80 ? 0xffu : 0u) : byte) << (8 * i);
    }
    return out;
  }
};

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// A handler for each of the four types.
template <template <typename> typename Operation> Handler handlerOf(Type type) {
  bool wide = type.bits == 64;
  if (type.isSigned())
    return wide ? binary<int64_t, int64_t, Operation<int64_t>>
                : binary<int32_t, int32_t, Operation<int32_t>>;
  return wide ? binary<uint64_t, uint64_t, Operation<uint64_t>>
              : binary<uint32_t, uint32_t, Operation<uint32_t>>;
}

template <template <typename> typename Operation> Handler unaryHandlerOf(Type type) {
  return type.bits == 64 ? unary<int64_t, int64_t, Operation<int64_t>>
                         : unary<int32_t, int32_t, Operation<int32_t>>;
}

bool isPlain(Decoder &d, Type type) {
  if (type.kind <= Type::Signed && type.bits >= 32)
    return true;
  d.refuse("integers of this size are not modelled");
  return false;
}

/// A 16-bit number stands in 32 bits with zeros above.
template <typename Operation> struct Narrow {
  static uint32_t of(uint32_t a, uint32_t b) { return Operation::of(a, b) & 0xffff; }
};

template <typename Operation> void decodeNarrow(Decoder &d) {
  decodeOperands(d, 16, 2);
  d.in.run = binary<uint32_t, uint32_t, Narrow<Operation>>;
}

template <template <typename> typename Operation> void decodeBinary(Decoder &d) {
  Type type = d.type();
  using Word = Operation<uint32_t>;
  bool isSignFree = std::is_same_v<Word, Add<uint32_t>> || std::is_same_v<Word, Subtract<uint32_t>>;
  if (type.bits == 16 && type.kind <= (isSignFree ? Type::Signed : Type::Unsigned))
    return decodeNarrow<Word>(d);
  if (!isPlain(d, type))
    return;
  decodeOperands(d, type.bits, 2);
  d.in.run = handlerOf<Operation>(type);
}

template <template <typename> typename Operation> void decodeUnary(Decoder &d) {
  Type type = d.type();
  if (!isPlain(d, type))
    return;
  decodeOperands(d, type.bits, 1);
  d.in.run = unaryHandlerOf<Operation>(type);
}

template <template <typename> typename Operation, template <typename> typename Positive>
void decodeExtreme(Decoder &d) {
  if (!d.has("relu"))
    return decodeBinary<Operation>(d);
  Type type = d.type();
  if (!(type == Type{Type::Signed, 32}))
    d.refuse("only .s32 has .relu");
  decodeOperands(d, 32, 2);
  d.in.run = binary<int32_t, int32_t, Positive<int32_t>>;
}

void decodeMultiply(Decoder &d) {
  Type type = d.type();
  int part = d.which({"lo", "hi", "wide"});
  if (type.bits == 16 && part == 0)
    return decodeNarrow<MultiplyLow<uint32_t>>(d);
  if (type == Type{Type::Unsigned, 16} && part == 2) {
    d.in.to = d.destination(0, 32);
    d.in.from[0] = d.source(1, 16), d.in.from[1] = d.source(2, 16);
    d.in.run = binary<uint32_t, uint32_t, MultiplyLow<uint32_t>>;
    return;
  }
  if (!isPlain(d, type))
    return;
  if (part < 0 || (part == 2 && type.bits == 64))
    return d.refuse("expected .lo, .hi or .wide");
  if (part < 2) {
    decodeOperands(d, type.bits, 2);
    d.in.run = part ? handlerOf<MultiplyHigh>(type) : handlerOf<MultiplyLow>(type);
    return;
  }
  d.in.to = d.destination(0, 64);
  d.in.from[0] = d.source(1, 32), d.in.from[1] = d.source(2, 32);
  d.in.run = type.isSigned() ? binary<int64_t, int32_t, MultiplyWide<int32_t>>
                             : binary<uint64_t, uint32_t, MultiplyWide<uint32_t>>;
}

template <template <typename> typename Operation> Handler ternaryHandlerOf(Type type) {
  bool wide = type.bits == 64;
  if (type.isSigned())
    return wide ? ternary<int64_t, int64_t, int64_t, Operation<int64_t>>
                : ternary<int32_t, int32_t, int32_t, Operation<int32_t>>;
  return wide ? ternary<uint64_t, uint64_t, uint64_t, Operation<uint64_t>>
              : ternary<uint32_t, uint32_t, uint32_t, Operation<uint32_t>>;
}

void decodeMultiplyAdd(Decoder &d) {
  Type type = d.type();
  int part = d.which({"lo", "hi", "wide"});
  if (!isPlain(d, type))
    return;
  if (part < 0 || (part == 2 && type.bits == 64))
    return d.refuse("expected .lo, .hi or .wide");
  if (part < 2) {
    decodeOperands(d, type.bits, 3);
    d.in.run =
        part ? ternaryHandlerOf<MultiplyAddHigh>(type) : ternaryHandlerOf<MultiplyAddLow>(type);
    return;
  }
  d.in.to = d.destination(0, 64);
  d.in.from[0] = d.source(1, 32), d.in.from[1] = d.source(2, 32);
  d.in.from[2] = d.source(3, 64);
  d.in.run = type.isSigned() ? ternary<int64_t, int32_t, int64_t, MultiplyAddWide<int32_t>>
                             : ternary<uint64_t, uint32_t, uint64_t, MultiplyAddWide<uint32_t>>;
}

template <bool IsLeft> void decodeShift(Decoder &d) {
  Type type = d.type();
  if (!isPlain(d, type))
    return;
  d.in.to = d.destination(0, type.bits);
  d.in.from[0] = d.source(1, type.bits), d.in.from[1] = d.source(2, 32);
  bool wide = type.bits == 64;
  if (type.isSigned())
    d.in.run = wide ? shift<int64_t, IsLeft> : shift<int32_t, IsLeft>;
  else
    d.in.run = wide ? shift<uint64_t, IsLeft> : shift<uint32_t, IsLeft>;
}

void decodeExtract(Decoder &d) {
  Type type = d.type();
  if (!isPlain(d, type))
    return;
  d.in.to = d.destination(0, type.bits);
  d.in.from[0] = d.source(1, type.bits);
  d.in.from[1] = d.source(2, 32), d.in.from[2] = d.source(3, 32);
  bool wide = type.bits == 64;
  if (type.isSigned())
    d.in.run = wide ? extract<int64_t> : extract<int32_t>;
  else
    d.in.run = wide ? extract<uint64_t> : extract<uint32_t>;
}

/// popc, clz: a count of 32 bits.
template <template <typename> typename Operation> void decodeCount(Decoder &d) {
  Type type = d.type();
  if (!isPlain(d, type))
    return;
  d.in.to = d.destination(0, 32);
  d.in.from[0] = d.source(1, type.bits);
  d.in.run = type.bits == 64 ? unary<uint32_t, uint64_t, Operation<uint64_t>>
                             : unary<uint32_t, uint32_t, Operation<uint32_t>>;
}

void decodeLookUpBits(Decoder &d) {
  d.type();
  d.in.to = d.destination(0, 32);
  for (unsigned i = 0; i < 3; ++i)
    d.in.from[i] = d.source(i + 1, 32);
  d.in.option[0] = static_cast<uint32_t>(d.number(4));
  d.in.run = lookUpBits;
}

void decodePermute(Decoder &d) {
  d.type();
  decodeOperands(d, 32, 3);
  d.in.run = ternary<uint32_t, uint32_t, uint32_t, PermuteBytes>;
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

enum { AndBits, OrBits, ExclusiveOrBits };

/// Where one operand decides alone, the other may be undefined.
template <int Which> Status combine(Warp &warp, const Instruction &in, uint32_t lanes) {
  uint32_t a = warp.predicate(in.from[0]), b = warp.predicate(in.from[1]);
  uint32_t noA = warp.undefined(in.from[0]), noB = warp.undefined(in.from[1]), bad = noA | noB;
  if (Which == AndBits)
    bad &= ~((~a & ~noA) | (~b & ~noB));
  if (Which == OrBits)
    bad &= ~((a & ~noA) | (b & ~noB));
  warp.writePredicate(in.to,
                      Which == AndBits  ? a & b
                      : Which == OrBits ? a | b
                                        : a ^ b,
                      lanes, bad);
  return Status::Next;
}

Status invert(Warp &warp, const Instruction &in, uint32_t lanes) {
  warp.writePredicate(in.to, ~warp.predicate(in.from[0]), lanes, warp.undefined(in.from[0]));
  return Status::Next;
}

template <int Which, template <typename> typename Operation> void decodeLogic(Decoder &d) {
  Type type = d.type();
  if (type.kind != Type::Predicate)
    return decodeBinary<Operation>(d);
  decodeOperands(d, 1, 2);
  d.in.run = combine<Which>;
}

void decodeNot(Decoder &d) {
  if (d.type().kind != Type::Predicate)
    return decodeUnary<Not>(d);
  decodeOperands(d, 1, 1);
  d.in.run = invert;
}

} // namespace

//===----------------------------------------------------------------------===//
// add, mul and their like are also of reals
//===----------------------------------------------------------------------===//

void ptx::addIntegers(OpcodeTable &table) {
  table["add"] = decodeBinary<Add>;
  table["sub"] = decodeBinary<Subtract>;
  table["mul"] = decodeMultiply;
  table["mad"] = decodeMultiplyAdd;
  table["div"] = decodeBinary<Divide>;
  table["rem"] = decodeBinary<Remainder>;
  table["min"] = decodeExtreme<Smaller, SmallerPositive>;
  table["max"] = decodeExtreme<Larger, LargerPositive>;
  table["neg"] = decodeUnary<Negate>;
  table["abs"] = decodeUnary<Absolute>;
  table["and"] = decodeLogic<AndBits, And>;
  table["or"] = decodeLogic<OrBits, Or>;
  table["xor"] = decodeLogic<ExclusiveOrBits, ExclusiveOr>;
  table["not"] = decodeNot;
  table["shl"] = decodeShift<true>;
  table["shr"] = decodeShift<false>;
  table["bfe"] = decodeExtract;
  table["popc"] = decodeCount<Ones>;
  table["clz"] = decodeCount<LeadingZeros>;
  table["lop3"] = decodeLookUpBits;
  table["prmt"] = decodePermute;
}
