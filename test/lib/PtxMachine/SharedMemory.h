//===- SharedMemory.h - a block's shared memory, watched ------------------*- C++ -*-===//
//
// Every byte knows whether it is defined, every word who wrote it last and when each warp read it.
// A read or write that is not ordered behind the others' by barriers is a race, and so are two
// lanes of a warp that meet in a word without bar.warp.sync between them. Memory that a copy is on
// its way to is undefined until somebody waits for the copy.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_SHAREDMEMORY_H
#define ATTN_TEST_PTXMACHINE_SHAREDMEMORY_H

#include "Clocks.h"

#include <string>

namespace ptx {

/// Who touches memory: clocks of the own block alone matter here.
struct Accessor {
  uint32_t actor = 0, lane = 0;
  uint32_t clock = 0; ///< of the actor
  uint32_t epoch = 0; ///< bar.warp.syncs of its warp so far
  int line = 0;
  const Clocks *known = nullptr;
  /// wgmma and the copy engine see what ordinary instructions wrote behind a fence.proxy.async
  /// only.
  bool isAsyncProxy = false;
  bool isAtomic = false;
  /// What it reads may be of no use: a race makes it undefined, and it may be overwritten.
  bool mayBeUnused = false;
};

class SharedMemory {
public:
  enum State : uint8_t { Defined, Undefined, InFlight, Barrier };

  /// `garbage`: what is there before anybody writes depends on it.
  SharedMemory(uint64_t bytes, unsigned warps, uint64_t garbage);

  uint64_t size() const { return bytes.size(); }
  /// False with a problem. `isDefined` becomes false where a byte is not.
  bool read(const Accessor &who, uint64_t address, uint64_t count, void *to, bool &isDefined);
  bool write(const Accessor &who, uint64_t address, uint64_t count, const void *from,
             bool isDefined);
  /// A copy sets out: what was there is lost.
  bool depart(const Accessor &who, uint64_t address, uint64_t count);
  /// It has arrived.
  void arrive(const Accessor &who, uint64_t address, uint64_t count, const void *from,
              bool isDefined);
  /// Bytes of a transaction barrier belong to nobody else.
  bool makeBarrier(const Accessor &who, uint64_t address, uint64_t count);
  /// fence.proxy.async by a warp.
  void fenceProxy(uint32_t warp, const Clocks &known);

  /// Words of the last mistake.
  std::string problem;
  /// Where something undefined was last read, for messages.
  std::string lastUndefined;

private:
  struct Write {
    uint32_t clock = 0, epoch = 0;
    uint16_t actor = 0;
    uint8_t lane = 0;
    bool isAsyncProxy = false, isAtomic = false;
    int line = 0;
  };
  struct Read {
    uint32_t clock = 0;
    int line = 0;
  };
  static Write writeOf(const Accessor &who);
  bool isInside(uint64_t address, uint64_t count);
  bool followsWrite(const Accessor &who, uint64_t word);
  bool followsReads(const Accessor &who, uint64_t word);
  bool claim(const Accessor &who, uint64_t address, uint64_t count, State state);
  bool isFenced(const Accessor &who, const Write &write) const;
  bool race(uint64_t word, const char *what, uint32_t actor, int line);
  void noteUndefined(const Accessor &who, uint64_t address, uint8_t state);

  unsigned warps;
  std::vector<uint8_t> bytes, states;
  std::vector<Write> writes;
  std::vector<Read> reads;    ///< [word][warp]
  std::vector<Clocks> fenced; ///< what each warp knew at its last proxy fence
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_SHAREDMEMORY_H
