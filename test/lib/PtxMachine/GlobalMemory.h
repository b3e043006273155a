//===- GlobalMemory.h - what the device has allocated, watched ------------*- C++ -*-===//
//
// Device memory is memory of the host, and its addresses are the host's. Every byte knows whether
// it is defined; what kernels write also knows who wrote it, so that one block's reading of what
// another wrote is a race where no atomic and no fences order it. Launches follow each other.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_GLOBALMEMORY_H
#define ATTN_TEST_PTXMACHINE_GLOBALMEMORY_H

#include "Clocks.h"

#include <string>

namespace ptx {

struct GlobalAccessor {
  uint32_t launch = 0, block = 0, warp = 0, clock = 0;
  int line = 0;
  const Knowledge *known = nullptr;
  /// Atomics and relaxed accesses do not race with each other.
  bool isAtomic = false;
};

class GlobalMemory {
public:
  /// Memory of these addresses exists from now on. What is `undefined` is so until it is written.
  void add(uint64_t address, uint64_t bytes, bool isUndefined, bool isReadOnly = false);
  /// False when there is none that begins here.
  bool remove(uint64_t address);
  /// Written from outside of kernels; false outside of what exists.
  bool define(uint64_t address, uint64_t bytes);
  /// Read from outside of kernels.
  bool isDefined(uint64_t address, uint64_t bytes);

  bool read(const GlobalAccessor &who, uint64_t address, uint64_t count, void *to, bool &isDefined);
  bool write(const GlobalAccessor &who, uint64_t address, uint64_t count, const void *from);

  /// What has been published at an address by atomics, of the launch that did.
  struct Published {
    uint32_t launch = 0;
    std::map<uint32_t, Clocks> known;
  };
  Published &publishedAt(uint64_t address) { return published[address]; }

  std::string problem, lastUndefined;

private:
  struct Write {
    uint32_t launch = 0, block = 0, clock = 0;
    uint16_t warp = 0;
    bool isAtomic = false;
    int line = 0;
  };
  struct Allocation {
    uint64_t address, bytes;
    bool isReadOnly;
    std::vector<bool> undefined;
    std::vector<Write> writes; ///< of words; empty before the first
  };
  Allocation *find(uint64_t address, uint64_t count);
  bool follows(const GlobalAccessor &who, const Allocation &in, uint64_t word, bool isWriting);

  std::map<uint64_t, std::unique_ptr<Allocation>> allocations;
  Allocation *last = nullptr;
  std::map<uint64_t, Published> published;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_GLOBALMEMORY_H
