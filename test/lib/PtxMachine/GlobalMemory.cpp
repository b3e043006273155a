//===- GlobalMemory.cpp - what the device has allocated, watched ----------------------===//
#include "GlobalMemory.h"

#include <cstdio>
#include <cstring>

using namespace ptx;

static constexpr uint64_t WordBytes = 4;

static std::string hex(uint64_t n) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(n));
  return text;
}

void GlobalMemory::add(uint64_t address, uint64_t bytes, bool isUndefined, bool isReadOnly) {
  last = nullptr;
  allocations[address] = std::make_unique<Allocation>(
      Allocation{address, bytes, isReadOnly, std::vector<bool>(isUndefined ? bytes : 0, true), {}});
}

bool GlobalMemory::remove(uint64_t address) {
  last = nullptr;
  return allocations.erase(address) != 0;
}

GlobalMemory::Allocation *GlobalMemory::find(uint64_t address, uint64_t count) {
  if (!last || address - last->address >= last->bytes) {
    auto after = allocations.upper_bound(address);
    last = after == allocations.begin() ? nullptr : std::prev(after)->second.get();
  }
  if (last && address - last->address < last->bytes &&
      count <= last->bytes - (address - last->address))
    return last;
  problem = "no memory at " + hex(address) + " for " + std::to_string(count) + " bytes";
  if (last)
    problem += "; what begins at " + hex(last->address) + " has " + std::to_string(last->bytes);
  return nullptr;
}

bool GlobalMemory::define(uint64_t address, uint64_t bytes) {
  Allocation *in = find(address, bytes);
  if (!in)
    return false;
  for (uint64_t i = address - in->address; i < address - in->address + bytes; ++i)
    if (i < in->undefined.size())
      in->undefined[i] = false;
  return true;
}

bool GlobalMemory::isDefined(uint64_t address, uint64_t bytes) {
  Allocation *in = find(address, bytes);
  for (uint64_t i = 0; in && i < bytes && !in->undefined.empty(); ++i)
    if (in->undefined[address - in->address + i])
      return false;
  return in != nullptr;
}

/// A plain write behind other blocks' atomics passes: kernels reset their counters so when all
/// blocks have counted themselves out, and an atomic whose result was used is over.
bool GlobalMemory::follows(const GlobalAccessor &who, const Allocation &in, uint64_t word,
                           bool isWriting) {
  const Write &write = in.writes[word];
  if (write.launch != who.launch || (write.isAtomic && (who.isAtomic || isWriting)))
    return true;
  const Clocks *clocks = &who.known->own;
  if (write.block != who.block) {
    auto found = who.known->others.find(write.block);
    clocks = found == who.known->others.end() ? nullptr : &found->second;
  }
  if (clocks && write.warp < clocks->size() && write.clock <= (*clocks)[write.warp])
    return true;
  problem = "race in global memory at " + hex(in.address + word * WordBytes) +
            ": not ordered behind the write of line " + std::to_string(write.line) + " (block " +
            std::to_string(write.block) + ", warp " + std::to_string(write.warp) + ")";
  return false;
}

bool GlobalMemory::read(const GlobalAccessor &who, uint64_t address, uint64_t count, void *to,
                        bool &isDefined) {
  Allocation *in = find(address, count);
  if (!in)
    return false;
  uint64_t at = address - in->address;
  std::memcpy(to, reinterpret_cast<const void *>(address), count);
  for (uint64_t i = at; !in->undefined.empty() && i < at + count; ++i)
    if (in->undefined[i]) {
      isDefined = false;
      lastUndefined = "line " + std::to_string(who.line) + " read device memory at " +
                      hex(address) + ", which nobody wrote";
    }
  for (uint64_t word = at / WordBytes; !in->writes.empty() && word <= (at + count - 1) / WordBytes;
       ++word)
    if (!follows(who, *in, word, /*isWriting=*/false))
      return false;
  return true;
}

bool GlobalMemory::write(const GlobalAccessor &who, uint64_t address, uint64_t count,
                         const void *from) {
  Allocation *in = find(address, count);
  if (!in)
    return false;
  if (in->isReadOnly) {
    problem = "memory at " + hex(address) + " cannot be written";
    return false;
  }
  uint64_t at = address - in->address;
  std::memcpy(reinterpret_cast<void *>(address), from, count);
  if (in->writes.empty())
    in->writes.resize(in->bytes / WordBytes + 1);
  define(address, count);
  // Neighbours may write the rest of a word, so parts of words have no last writer.
  if (at % WordBytes || count % WordBytes)
    return true;
  for (uint64_t word = at / WordBytes; word < (at + count) / WordBytes; ++word) {
    if (!follows(who, *in, word, /*isWriting=*/true))
      return false;
    Write &write = in->writes[word];
    write.launch = who.launch, write.block = who.block, write.clock = who.clock;
    write.warp = static_cast<uint16_t>(who.warp);
    write.isAtomic = who.isAtomic;
    write.line = who.line;
  }
  return true;
}
