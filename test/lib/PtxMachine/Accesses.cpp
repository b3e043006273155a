//===- Accesses.cpp - ld, st, fences ------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"

using namespace ptx;

//===----------------------------------------------------------------------===//
// One lane
//===----------------------------------------------------------------------===//

bool ptx::mayTouchMemory(Warp &warp, const Instruction &in) {
  if (!warp.block.grid.launch.mayStartEarly || warp.hasWaitedForGrid)
    return true;
  warp.fail(in, "memory is touched before griddepcontrol.wait, by a launch that may start early");
  return false;
}

static bool mayTouch(Warp &warp, const Instruction &in, Space space) {
  return space == Space::Parameter || space == Space::Constant || mayTouchMemory(warp, in);
}

static bool isAligned(Warp &warp, const Instruction &in, uint64_t address, uint64_t bytes) {
  if (address % bytes == 0)
    return true;
  warp.fail(in,
            "address " + std::to_string(address) + " is no multiple of " + std::to_string(bytes));
  return false;
}

bool ptx::readMemory(Warp &warp, const Instruction &in, Space space, uint32_t lane,
                     uint64_t address, uint64_t bytes, void *to, bool &isDefined, bool isAtomic) {
  if (!isAligned(warp, in, address, bytes))
    return false;
  if (space == Space::Shared) {
    Accessor who = warp.accessor(in, lane);
    who.isAtomic = isAtomic;
    SharedMemory &shared = warp.block.shared;
    return shared.read(who, address, bytes, to, isDefined) ||
           (warp.fail(in, shared.problem), false);
  }
  GlobalMemory &memory = warp.block.grid.memory;
  return mayTouch(warp, in, space) &&
         (memory.read(warp.globalAccessor(in, isAtomic), address, bytes, to, isDefined) ||
          (warp.fail(in, memory.problem), false));
}

bool ptx::writeMemory(Warp &warp, const Instruction &in, Space space, uint32_t lane,
                      uint64_t address, uint64_t bytes, const void *from, bool isDefined,
                      bool isAtomic) {
  if (!isAligned(warp, in, address, bytes))
    return false;
  warp.block.grid.progress();
  if (space == Space::Shared) {
    Accessor who = warp.accessor(in, lane);
    who.isAtomic = isAtomic;
    SharedMemory &shared = warp.block.shared;
    return shared.write(who, address, bytes, from, isDefined) ||
           (warp.fail(in, shared.problem), false);
  }
  GlobalMemory &memory = warp.block.grid.memory;
  return mayTouch(warp, in, space) &&
         (memory.write(warp.globalAccessor(in, isAtomic), address, bytes, from) ||
          (warp.fail(in, memory.problem), false));
}

//===----------------------------------------------------------------------===//
// What blocks know of each other
//===----------------------------------------------------------------------===//

void ptx::fenceDevice(Warp &warp) {
  warp.knowledge.joinFromOutside(warp.block.number, warp.seenByAtomics);
  warp.seenByAtomics.clear();
  warp.fencedOutside = warp.knowledge.seenFromOutside(warp.block.number);
  ++warp.knowledge.own[warp.number];
}

void ptx::observe(Warp &warp, uint64_t address, Ordering ordering) {
  GlobalMemory::Published &published = warp.block.grid.memory.publishedAt(address);
  if (published.launch == warp.block.grid.number)
    for (const auto &[block, clocks] : published.known)
      join(warp.seenByAtomics[block], clocks);
  if (ordering == Acquire || ordering == AcquireRelease)
    fenceDevice(warp);
}

void ptx::publish(Warp &warp, uint64_t address, Ordering ordering, bool replaces) {
  if (ordering == Release || ordering == AcquireRelease)
    fenceDevice(warp);
  GlobalMemory::Published &published = warp.block.grid.memory.publishedAt(address);
  if (replaces || published.launch != warp.block.grid.number)
    published.known.clear();
  published.launch = warp.block.grid.number;
  for (const auto &[block, clocks] : warp.fencedOutside)
    join(published.known[block], clocks);
}

//===----------------------------------------------------------------------===//
// ld and st: option[0] bytes of an element, option[1] ordering, option[2] how registers hold it
//===----------------------------------------------------------------------===//

namespace {

enum Holding : uint32_t { Wide = 1, SignExtended = 2 };
constexpr unsigned MostElements = 8;

Space spaceOf(const Instruction &in) { return static_cast<Space>(in.option[2] >> 8); }

/// Elements of all lanes: a vector's registers, 64 bits each.
struct Elements {
  uint64_t of[MostElements][WarpSize] = {};
  uint32_t undefined[MostElements] = {};
};

void writeRegisters(Warp &warp, const Instruction &in, const Elements &elements, uint32_t lanes) {
  unsigned bits = 8 * in.option[0];
  for (unsigned v = 0; v < in.numListed; ++v) {
    uint64_t wide[WarpSize];
    uint32_t narrow[WarpSize];
    for (int i = 0; i < WarpSize; ++i) {
      wide[i] = elements.of[v][i];
      if (in.option[2] & SignExtended)
        wide[i] =
            static_cast<uint64_t>(static_cast<int64_t>(wide[i] << (64 - bits)) >> (64 - bits));
      narrow[i] = static_cast<uint32_t>(wide[i]);
    }
    if (in.option[2] & Wide)
      warp.write(warp.listed(in, v), wide, lanes, elements.undefined[v]);
    else
      warp.write(warp.listed(in, v), narrow, lanes, elements.undefined[v]);
  }
}

Status load(Warp &warp, const Instruction &in, uint32_t lanes) {
  Elements elements;
  uint64_t bytes = in.option[0], all = bytes * in.numListed;
  auto ordering = static_cast<Ordering>(in.option[1]);
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address"))
    return Status::Fail;
  for (uint32_t lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    uint8_t data[64];
    bool isDefined = true;
    uint64_t address = warp.address(in, 0, static_cast<int>(lane));
    if (!readMemory(warp, in, spaceOf(in), lane, address, all, data, isDefined, ordering != Weak))
      return Status::Fail;
    for (unsigned v = 0; v < in.numListed; ++v) {
      std::memcpy(&elements.of[v][lane], data + v * bytes, bytes);
      elements.undefined[v] |= static_cast<uint32_t>(!isDefined) << lane;
    }
    if (ordering != Weak && spaceOf(in) != Space::Shared)
      observe(warp, address, ordering);
  }
  writeRegisters(warp, in, elements, lanes);
  return ordering == Weak ? Status::Next : Status::GiveWay;
}

/// What leaves the chip must be defined; shared memory may hold anything until it is used.
Status store(Warp &warp, const Instruction &in, uint32_t lanes) {
  uint64_t bytes = in.option[0];
  auto ordering = static_cast<Ordering>(in.option[1]);
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address"))
    return Status::Fail;
  uint32_t undefined = 0;
  for (unsigned v = 0; v < in.numListed; ++v) {
    undefined |= warp.undefined(warp.listed(in, v));
    if (spaceOf(in) != Space::Shared &&
        !warp.mustBeDefined(in, warp.listed(in, v), lanes, "what is stored"))
      return Status::Fail;
  }
  for (uint32_t lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    uint8_t data[64];
    for (unsigned v = 0; v < in.numListed; ++v) {
      Register r = warp.listed(in, v);
      uint64_t value =
          in.option[2] & Wide ? warp.values<uint64_t>(r)[lane] : warp.values<uint32_t>(r)[lane];
      std::memcpy(data + v * bytes, &value, bytes);
    }
    uint64_t address = warp.address(in, 0, static_cast<int>(lane));
    if (ordering != Weak && spaceOf(in) != Space::Shared)
      publish(warp, address, ordering, /*replaces=*/true);
    if (!writeMemory(warp, in, spaceOf(in), lane, address, bytes * in.numListed, data,
                     !(undefined >> lane & 1), ordering != Weak))
      return Status::Fail;
  }
  return Status::Next;
}

/// Scopes and hints of caches.
Ordering decodeOrdering(Decoder &d) {
  for (const char *hint : {"nc", "weak", "gpu", "cta", "sys", "cluster", "L1::no_allocate",
                           "L1::evict_first", "L1::evict_last", "L2::64B", "L2::128B", "L2::256B"})
    d.has(hint);
  int which = d.which({"relaxed", "acquire", "release", "volatile"});
  return which < 0 ? Weak : which == 1 ? Acquire : which == 2 ? Release : Relaxed;
}

template <bool IsLoad> void decodeAccess(Decoder &d) {
  Space space = d.space();
  unsigned count = d.vector();
  d.in.option[1] = decodeOrdering(d);
  Type type = d.type();
  const Operand &registers = d.operand(IsLoad ? 0 : 1);
  d.address(IsLoad ? 1 : 0, 0, space);
  const Operand &first = registers.kind == Operand::Vector && !registers.parts.empty()
                             ? registers.parts[0]
                             : registers;
  // A register may be wider than what it holds of memory.
  unsigned bits = std::max(d.bitsOf(first), std::max<unsigned>(type.bits, 16));
  if (IsLoad)
    d.listDestinations(registers, bits);
  else
    d.listSources(registers, bits);
  if (d.listed.size() != count || count > MostElements || type.kind == Type::Predicate)
    return d.refuse("expected " + std::to_string(count) + " registers");
  d.in.option[0] = type.bits / 8;
  d.in.option[2] = static_cast<uint32_t>(space) << 8 | (bits == 64 ? Wide : 0) |
                   (type.isSigned() ? SignExtended : 0);
  d.in.run = IsLoad ? load : store;
}

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

Status fence(Warp &warp, const Instruction &, uint32_t) {
  fenceDevice(warp);
  return Status::Next;
}
Status fenceProxy(Warp &warp, const Instruction &, uint32_t) {
  warp.block.shared.fenceProxy(warp.number, warp.knowledge.own);
  return Status::Next;
}
Status fenceNothing(Warp &, const Instruction &, uint32_t) { return Status::Next; }

void decodeFence(Decoder &d) {
  d.has("acq_rel"), d.has("sc");
  int scope = d.which({"gpu", "sys", "cluster", "cta"});
  d.in.run = scope == 3 ? fenceNothing : fence;
}

void decodeFenceProxy(Decoder &d) {
  if (!d.has("async") && !d.has("async::generic"))
    d.refuse("other proxies are not modelled");
  d.space();
  d.in.run = fenceProxy;
}

void decodeFenceOfBarriers(Decoder &d) {
  d.has("release"), d.has("cluster");
  d.in.run = fenceNothing;
}

} // namespace

void ptx::addAccesses(OpcodeTable &table) {
  table["ld"] = decodeAccess<true>;
  table["st"] = decodeAccess<false>;
  table["fence"] = decodeFence;
  table["fence.proxy"] = decodeFenceProxy;
  table["fence.mbarrier_init"] = decodeFenceOfBarriers;
}
