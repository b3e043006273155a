//===- SharedMemory.cpp - a block's shared memory, watched ----------------------------===//
#include "SharedMemory.h"

#include <cstring>

using namespace ptx;

static constexpr uint64_t WordBytes = 4;

SharedMemory::SharedMemory(uint64_t size, unsigned warps, uint64_t garbage)
    : warps(warps), bytes(size, 0xff), states(size, Undefined), writes(size / WordBytes + 1),
      reads((size / WordBytes + 1) * warps), fenced(warps) {
  // 0 leaves NaN everywhere.
  for (size_t i = 0; garbage && i + 8 <= bytes.size(); i += 8) {
    garbage = garbage * 6364136223846793005 + 1442695040888963407;
    std::memcpy(&bytes[i], &garbage, 8);
  }
}

SharedMemory::Write SharedMemory::writeOf(const Accessor &who) {
  Write write;
  write.clock = who.clock, write.epoch = who.epoch;
  write.actor = static_cast<uint16_t>(who.actor), write.lane = static_cast<uint8_t>(who.lane);
  write.isAsyncProxy = who.isAsyncProxy, write.isAtomic = who.isAtomic;
  write.line = who.line;
  return write;
}

bool SharedMemory::isInside(uint64_t address, uint64_t count) {
  static constexpr uint64_t Reserved = 1024;
  if (address >= Reserved && address + count <= bytes.size())
    return true;
  problem = "shared address " + std::to_string(address) + " is outside of the " +
            std::to_string(bytes.size() - Reserved) + " bytes of the block, which begin at " +
            std::to_string(Reserved);
  return false;
}

bool SharedMemory::race(uint64_t word, const char *what, uint32_t actor, int line) {
  problem = "race in shared memory at " + std::to_string(word * WordBytes) + ": " + what +
            " line " + std::to_string(line) + " (" +
            (actor < warps ? "warp " + std::to_string(actor) : "a bulk copy") + ")";
  return false;
}

bool SharedMemory::isFenced(const Accessor &who, const Write &write) const {
  auto knew = [&](uint32_t warp) {
    return warp < warps && write.actor < fenced[warp].size() &&
           fenced[warp][write.actor] >= write.clock;
  };
  return !who.isAsyncProxy || write.isAsyncProxy || !write.clock || knew(write.actor) ||
         knew(who.actor);
}

bool SharedMemory::followsWrite(const Accessor &who, uint64_t word) {
  const Write &write = writes[word];
  if (!write.clock || (write.isAtomic && who.isAtomic))
    return true;
  if (write.actor >= who.known->size() || write.clock > (*who.known)[write.actor])
    return race(word, "not ordered behind the write of", write.actor, write.line);
  if (write.actor == who.actor && write.lane != who.lane && write.epoch == who.epoch &&
      !who.isAsyncProxy && !write.isAsyncProxy)
    return race(word, "no bar.warp.sync behind the write of another lane,", write.actor,
                write.line);
  if (!isFenced(who, write))
    return race(word, "no fence.proxy.async behind the write of", write.actor, write.line);
  return true;
}

bool SharedMemory::followsReads(const Accessor &who, uint64_t word) {
  const Read *row = &reads[word * warps];
  for (unsigned warp = 0; warp < warps; ++warp)
    if (row[warp].clock > (warp < who.known->size() ? (*who.known)[warp] : 0))
      return race(word, "not ordered behind the read of", warp, row[warp].line);
  return true;
}

void SharedMemory::noteUndefined(const Accessor &who, uint64_t address, uint8_t state) {
  lastUndefined = "line " + std::to_string(who.line) + " read shared memory at " +
                  std::to_string(address) +
                  (state == InFlight ? " before the copy of" : ", which nobody wrote; last was") +
                  " line " + std::to_string(writes[address / WordBytes].line);
}

bool SharedMemory::read(const Accessor &who, uint64_t address, uint64_t count, void *to,
                        bool &isDefined) {
  if (!isInside(address, count))
    return false;
  std::memcpy(to, &bytes[address], count);
  uint8_t worst = Defined;
  for (uint64_t i = address; i < address + count; ++i)
    worst = std::max(worst, states[i]);
  if (worst == Barrier) {
    problem = "a barrier lies at shared address " + std::to_string(address);
    return false;
  }
  if (worst != Defined)
    isDefined = false, noteUndefined(who, address, worst);
  for (uint64_t word = address / WordBytes; word <= (address + count - 1) / WordBytes; ++word) {
    if (worst != InFlight && !followsWrite(who, word)) {
      if (!who.mayBeUnused)
        return false;
      isDefined = false;
      lastUndefined = "line " + std::to_string(who.line) + ": " + problem;
    }
    if (!who.isAtomic && !who.mayBeUnused)
      reads[word * warps + who.actor] = {who.clock, who.line};
  }
  return true;
}

/// Checks a write of a range and becomes its last writer.
bool SharedMemory::claim(const Accessor &who, uint64_t address, uint64_t count, State state) {
  if (!isInside(address, count))
    return false;
  for (uint64_t i = address; i < address + count; ++i) {
    if (states[i] == Barrier) {
      problem = "a barrier lies at shared address " + std::to_string(i);
      return false;
    }
    states[i] = state;
  }
  // Neighbours may write the rest of a word, so parts of words have no last writer.
  bool isWhole = address % WordBytes == 0 && count % WordBytes == 0;
  for (uint64_t word = address / WordBytes; isWhole && word < (address + count) / WordBytes;
       ++word) {
    if (!followsWrite(who, word) || !followsReads(who, word))
      return false;
    writes[word] = writeOf(who);
  }
  return true;
}

bool SharedMemory::write(const Accessor &who, uint64_t address, uint64_t count, const void *from,
                         bool isDefined) {
  if (!claim(who, address, count, isDefined ? Defined : Undefined))
    return false;
  std::memcpy(&bytes[address], from, count);
  return true;
}

bool SharedMemory::depart(const Accessor &who, uint64_t address, uint64_t count) {
  if (!isInside(address, count))
    return false;
  for (uint64_t i = address; i < address + count; ++i)
    if (states[i] == InFlight) {
      problem = "two copies are on their way to shared address " + std::to_string(i) +
                ", the first of line " + std::to_string(writes[i / WordBytes].line);
      return false;
    }
  if (!claim(who, address, count, InFlight))
    return false;
  std::memset(&bytes[address], 0xff, count);
  return true;
}

void SharedMemory::arrive(const Accessor &who, uint64_t address, uint64_t count, const void *from,
                          bool isDefined) {
  std::memcpy(&bytes[address], from, count);
  std::memset(&states[address], isDefined ? Defined : Undefined, count);
  for (uint64_t word = address / WordBytes; word < (address + count) / WordBytes; ++word)
    writes[word] = writeOf(who);
}

bool SharedMemory::makeBarrier(const Accessor &who, uint64_t address, uint64_t count) {
  return claim(who, address, count, Barrier);
}

void SharedMemory::fenceProxy(uint32_t warp, const Clocks &known) { fenced[warp] = known; }
