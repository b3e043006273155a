//===- Atomics.cpp - atom.add -------------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"

using namespace ptx;

namespace {

/// option[1] ordering, option[2] space.
template <typename T> Status addTo(Warp &warp, const Instruction &in, uint32_t lanes) {
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
    T now = old + b[lane];
    if (space != Space::Shared) {
      observe(warp, address, ordering);
      publish(warp, address, ordering, /*replaces=*/false);
    }
    if (!writeMemory(warp, in, space, lane, address, sizeof(T), &now, true, true))
      return Status::Fail;
    out[lane] = old;
  }
  warp.write(in.to, out, lanes, 0);
  return Status::GiveWay;
}

void decodeAdd(Decoder &d) {
  Space space = d.space();
  int ordering = d.which({"relaxed", "acquire", "release", "acq_rel"});
  for (const char *scope : {"gpu", "cta", "sys", "cluster"})
    d.has(scope);
  bool isSum = d.has("add");
  Type type = d.type();
  if (!isSum || type.bits < 32 || type.isReal())
    return d.refuse("this atomic is not modelled");
  d.in.to = d.destination(0, type.bits);
  d.address(1, 0, space);
  d.in.from[1] = d.source(2, type.bits);
  d.in.option[1] = ordering < 0 ? Relaxed : static_cast<uint32_t>(ordering) + Relaxed;
  d.in.option[2] = static_cast<uint32_t>(space);
  d.in.run = type.bits == 64 ? addTo<uint64_t> : addTo<uint32_t>;
}

} // namespace

void ptx::addAtomics(OpcodeTable &table) { table["atom"] = decodeAdd; }
