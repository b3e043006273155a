//===- Comparisons.cpp - setp, selp ------------------------------------------------------===//
#include "Elementwise.h"
#include "Numbers.h"

using namespace ptx;

namespace {

/// What a comparison says of two numbers that are less, equal, greater, or not in any order.
enum Relation : uint32_t { Less = 1, Equal = 2, Greater = 4, Unordered = 8 };
enum Combination : uint32_t { None, And, Or, ExclusiveOr };

/// setp p|q, a, b, c: option[0] the relations that hold, option[1] how c joins, option[2] whether c
/// is negated.
template <typename T, bool Flushes>
Status compare(Warp &warp, const Instruction &in, uint32_t lanes) {
  const T *a = warp.values<T>(in.from[0]), *b = warp.values<T>(in.from[1]);
  uint32_t holds = 0;
  for (int i = 0; i < WarpSize; ++i) {
    T x = a[i], y = b[i];
    if constexpr (Flushes)
      x = flush(x), y = flush(y);
    uint32_t relation = x < y ? Less : x == y ? Equal : x > y ? Greater : Unordered;
    holds |= static_cast<uint32_t>((in.option[0] & relation) != 0) << i;
  }
  uint32_t bad = warp.undefined(in.from[0]) | warp.undefined(in.from[1]), inverse = ~holds;
  if (in.option[1] != None) {
    uint32_t c = warp.predicate(in.from[2]) ^ (in.option[2] ? AllLanes : 0);
    auto joined = [&](uint32_t p) {
      return in.option[1] == And ? p & c : in.option[1] == Or ? p | c : p ^ c;
    };
    holds = joined(holds), inverse = joined(inverse);
    bad |= warp.undefined(in.from[2]);
  }
  warp.writePredicate(in.to, holds, lanes, bad);
  if (in.numListed)
    warp.writePredicate(warp.listed(in, 0), inverse, lanes, bad);
  return Status::Next;
}

uint32_t relationsOf(Decoder &d, bool isReal) {
  static constexpr std::pair<const char *, uint32_t> known[] = {
      {"eq", Equal},
      {"ne", Less | Greater},
      {"lt", Less},
      {"le", Less | Equal},
      {"gt", Greater},
      {"ge", Greater | Equal},
      {"lo", Less},
      {"ls", Less | Equal},
      {"hi", Greater},
      {"hs", Greater | Equal},
      {"equ", Equal | Unordered},
      {"neu", Less | Greater | Unordered},
      {"ltu", Less | Unordered},
      {"leu", Less | Equal | Unordered},
      {"gtu", Greater | Unordered},
      {"geu", Greater | Equal | Unordered},
      {"num", Less | Equal | Greater},
      {"nan", Unordered}};
  for (auto [name, relations] : known)
    if (d.has(name))
      return relations;
  d.refuse("unknown comparison");
  return 0;
}

Handler handlerOf(Type type, bool flushes) {
  bool wide = type.bits == 64;
  if (type.isReal())
    return wide ? compare<double, false> : flushes ? compare<float, true> : compare<float, false>;
  if (type.isSigned())
    return wide ? compare<int64_t, false> : compare<int32_t, false>;
  return wide ? compare<uint64_t, false> : compare<uint32_t, false>;
}

void decodeSetPredicate(Decoder &d) {
  Type type = d.type();
  bool isNarrow = type.bits == 16 && type.kind <= Type::Unsigned;
  if (type.bits < 32 && !isNarrow)
    return d.refuse("comparisons of this size are not modelled");
  d.in.option[0] = relationsOf(d, type.isReal());
  d.in.option[1] = static_cast<uint32_t>(d.which({"and", "or", "xor"}) + 1);
  size_t sources = d.in.option[1] ? 3 : 2, first = d.numOperands() - sources;
  if (first != 1 && first != 2)
    return d.refuse("unexpected number of operands");
  d.in.to = d.destination(0, 1);
  if (first == 2)
    d.listed.push_back(d.destination(1, 1));
  d.in.from[0] = d.source(first, type.bits), d.in.from[1] = d.source(first + 1, type.bits);
  if (sources == 3) {
    d.in.from[2] = d.source(first + 2, 1);
    d.in.option[2] = d.operand(first + 2).negated;
  }
  d.in.run = handlerOf(type, d.has("ftz"));
}

/// What is not chosen may be undefined.
template <typename T> Status select(Warp &warp, const Instruction &in, uint32_t lanes) {
  const T *a = warp.values<T>(in.from[0]), *b = warp.values<T>(in.from[1]);
  uint32_t p = warp.predicate(in.from[2]);
  T out[WarpSize];
  for (int i = 0; i < WarpSize; ++i)
    out[i] = p >> i & 1 ? a[i] : b[i];
  warp.write(in.to, out, lanes,
             (p & warp.undefined(in.from[0])) | (~p & warp.undefined(in.from[1])) |
                 warp.undefined(in.from[2]));
  return Status::Next;
}

void decodeSelect(Decoder &d) {
  Type type = d.type();
  d.in.to = d.destination(0, type.bits);
  d.in.from[0] = d.source(1, type.bits), d.in.from[1] = d.source(2, type.bits);
  d.in.from[2] = d.source(3, 1);
  d.in.run = type.bits == 64 ? select<uint64_t> : select<uint32_t>;
}

} // namespace

void ptx::addComparisons(OpcodeTable &table) {
  table["setp"] = decodeSetPredicate;
  table["selp"] = decodeSelect;
}
