//===- Atomics.cpp - atom, red -------------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"
#include "Numbers.h"

#include <type_traits>

using namespace ptx;

namespace {

enum Operation : uint32_t { Add, Smallest, Largest, And, Or, ExclusiveOr, Exchange, Increment,
                            Decrement, CompareAndSwap };

template <typename T> T updated(uint32_t operation, T old, T b, T c) {
  if constexpr (std::is_integral_v<T>) {
    switch (operation) {
    case Add:
      return static_cast<T>(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(b));
    case And:
      return old & b;
    case Or:
      return old | b;
    case ExclusiveOr:
      return old ^ b;
    case Increment:
      return old >= b ? 0 : old + 1;
    case Decrement:
      return old == 0 || old > b ? b : old - 1;
    case CompareAndSwap:
      return old == b ? c : old;
    }
  }
  return operation == Add        ? old + b
         : operation == Smallest ? std::min(old, b)
         : operation == Largest  ? std::max(old, b)
                                 : b;
}

/// option[0] operation, option[1] ordering, option[2] space, listed: the result's register if any.
template <typename T> Status update(Warp &warp, const Instruction &in, uint32_t lanes) {
  auto space = static_cast<Space>(in.option[2]);
  auto ordering = static_cast<Ordering>(in.option[1]);
  const T *b = warp.values<T>(in.from[1]), *c = warp.values<T>(in.from[2]);
  T out[WarpSize] = {};
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address") ||
      !warp.mustBeDefined(in, in.from[1], lanes, "what is stored"))
    return Status::Fail;
  // Lanes come in any order.
  bool backwards = warp.block.grid.random(2) == 1;
  for (uint32_t n = 0; n < WarpSize; ++n) {
    uint32_t lane = backwards ? WarpSize - 1 - n : n;
    if (!(lanes >> lane & 1))
      continue;
    uint64_t address = warp.address(in, 0, static_cast<int>(lane));
    bool isDefined = true;
    T old;
    if (!readMemory(warp, in, space, lane, address, sizeof(T), &old, isDefined, true))
      return Status::Fail;
    if (!isDefined)
      return warp.fail(in, "an atomic on memory that nobody wrote");
    T now = updated<T>(in.option[0], old, b[lane], c[lane]);
    if (space != Space::Shared) {
      observe(warp, address, ordering);
      publish(warp, address, ordering, /*replaces=*/false);
    }
    if (!writeMemory(warp, in, space, lane, address, sizeof(T), &now, true, true))
      return Status::Fail;
    out[lane] = old;
  }
  if (in.numListed)
    warp.write(warp.listed(in, 0), out, lanes, 0);
  return Status::GiveWay;
}

Handler handlerOf(Type type) {
  bool wide = type.bits == 64;
  if (type.isReal())
    return wide ? update<double> : update<float>;
  if (type.isSigned())
    return wide ? update<int64_t> : update<int32_t>;
  return wide ? update<uint64_t> : update<uint32_t>;
}

template <bool HasResult> void decodeUpdate(Decoder &d) {
  Space space = d.space();
  int which = d.which({"add", "min", "max", "and", "or", "xor", "exch", "inc", "dec", "cas"});
  int ordering = d.which({"relaxed", "acquire", "release", "acq_rel"});
  for (const char *scope : {"gpu", "cta", "sys", "cluster"})
    d.has(scope);
  Type type = d.type();
  if (which < 0 || type.bits < 32)
    return d.refuse("this atomic is not modelled");
  size_t at = HasResult ? 1 : 0;
  if (HasResult && d.operand(0).kind != Operand::Discarded)
    d.listed.push_back(d.destination(0, type.bits));
  d.address(at, 0, space);
  d.in.from[1] = d.source(at + 1, type.bits);
  d.in.from[2] = d.source(which == CompareAndSwap ? at + 2 : at + 1, type.bits);
  d.in.option[0] = static_cast<uint32_t>(which);
  d.in.option[1] = ordering < 0 ? Relaxed : static_cast<uint32_t>(ordering) + Relaxed;
  d.in.option[2] = static_cast<uint32_t>(space);
  d.in.run = handlerOf(type);
}

} // namespace

void ptx::addAtomics(OpcodeTable &table) {
  table["atom"] = decodeUpdate<true>;
  table["red"] = decodeUpdate<false>;
}
