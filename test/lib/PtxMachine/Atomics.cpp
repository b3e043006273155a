//===- Atomics.cpp - atom and red: add, min, max -------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"
#include <algorithm>

using namespace ptx;

namespace {

enum Operation : uint32_t { Add, Min, Max };
constexpr uint32_t KeepsOld = 4;

template <typename T> T apply(uint32_t operation, T x, T y) {
  return operation == Add   ? static_cast<T>(x + y)
         : operation == Min ? std::min(x, y)
                            : std::max(x, y);
}

/// option[0] operation and KeepsOld, option[1] ordering, option[2] space.
template <typename T> Status change(Warp &warp, const Instruction &in, uint32_t lanes) {
  auto space = static_cast<Space>(in.option[2]);
  auto ordering = static_cast<Ordering>(in.option[1]);
  const T *b = warp.values<T>(in.from[1]);
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
    T now = apply(in.option[0] & 3, old, b[lane]);
    if (space != Space::Shared) {
      observe(warp, address, ordering);
      publish(warp, address, ordering, /*replaces=*/false);
    }
    if (!writeMemory(warp, in, space, lane, address, sizeof(T), &now, true, true))
      return Status::Fail;
    out[lane] = old;
  }
  if (in.option[0] & KeepsOld)
    warp.write(in.to, out, lanes, 0);
  return Status::GiveWay;
}

void decodeAtomic(Decoder &d, bool keepsOld) {
  Space space = d.space();
  int ordering = d.which({"relaxed", "acquire", "release", "acq_rel"});
  for (const char *scope : {"gpu", "cta", "sys", "cluster"})
    d.has(scope);
  int operation = d.which({"add", "min", "max"});
  Type type = d.type();
  if (operation < 0 || type.bits < 32 || type.isReal())
    return d.refuse("this atomic is not modelled");
  unsigned first = keepsOld ? 1 : 0;
  if (keepsOld)
    d.in.to = d.destination(0, type.bits);
  d.address(first, 0, space);
  d.in.from[1] = d.source(first + 1, type.bits);
  d.in.option[0] = static_cast<uint32_t>(operation) | (keepsOld ? KeepsOld : 0);
  d.in.option[1] = ordering < 0 ? Relaxed : static_cast<uint32_t>(ordering) + Relaxed;
  d.in.option[2] = static_cast<uint32_t>(space);
  if (type.bits == 64)
    d.in.run = type.isSigned() ? change<int64_t> : change<uint64_t>;
  else
    d.in.run = type.isSigned() ? change<int32_t> : change<uint32_t>;
}

void decodeAtom(Decoder &d) { decodeAtomic(d, true); }
void decodeRed(Decoder &d) { decodeAtomic(d, false); }

} // namespace

void ptx::addAtomics(OpcodeTable &table) { table["atom"] = decodeAtom, table["red"] = decodeRed; }
