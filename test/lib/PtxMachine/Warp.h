//===- Warp.h - 32 lanes and their registers ------------------------------*- C++ -*-===//
//
// Lanes that are at the same instruction form a fragment and go on together, the one that is
// furthest behind first; so they meet again where branches join. A lane's register is undefined
// until it is written with something defined. Undefined values may be computed with and thrown
// away; what may not depend on them are branches, addresses, and what leaves the chip.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_WARP_H
#define ATTN_TEST_PTXMACHINE_WARP_H

#include "GlobalMemory.h"
#include "Instruction.h"
#include "SharedMemory.h"

#include <cstring>

namespace ptx {

class Block;

/// A copy by cp.async that has not been waited for.
struct PendingCopy {
  uint32_t lane, group; ///< group: commits of the lane before this one
  uint32_t address, bytes;
  uint8_t data[16];
  bool isDefined;
};

/// A product of a warpgroup that has not been waited for.
struct PendingProduct {
  const Instruction *in;
  uint32_t group;
  uint64_t left, right; ///< descriptors of tiles in shared memory
  bool adds;
  std::vector<uint32_t> leftRegisters; ///< as they were: [register][lane]
  uint32_t leftUndefined[4];           ///< their lanes
  uint32_t started;                    ///< the warp's instruction count
};

class Warp {
public:
  Warp(Block &block, unsigned number, const Kernel &kernel);

  Block &block;
  const unsigned number;
  const Kernel &kernel;

  //===--- registers ---===//
  template <typename T> T *values(Register r) { return reinterpret_cast<T *>(&file[r.at]); }
  uint32_t undefined(Register r) const { return undefinedLanes[r.number]; }
  uint32_t predicate(Register r) const { return file[r.at]; }
  /// Writes the lanes of a register; `undefinedNow` says which of them are not defined.
  template <typename T>
  void write(Register r, const T *from, uint32_t lanes, uint32_t undefinedNow) {
    T *to = values<T>(r);
    if (lanes == AllLanes) {
      std::memcpy(to, from, WarpSize * sizeof(T));
    } else {
      for (int i = 0; i < WarpSize; ++i)
        to[i] = lanes >> i & 1 ? from[i] : to[i];
    }
    mark(r, lanes, undefinedNow);
  }
  void writePredicate(Register r, uint32_t bits, uint32_t lanes, uint32_t undefinedNow) {
    file[r.at] = (file[r.at] & ~lanes) | (bits & lanes);
    mark(r, lanes, undefinedNow);
  }
  void mark(Register r, uint32_t lanes, uint32_t undefinedNow) {
    uint32_t &state = undefinedLanes[r.number];
    state = (state & ~lanes) | (undefinedNow & lanes);
    written[r.number] = now;
  }
  Register listed(const Instruction &in, unsigned i) const {
    return kernel.listed[in.firstListed + i];
  }
  /// False, with a message, where lanes of an operand are undefined. `what` names its use.
  bool mustBeDefined(const Instruction &in, Register r, uint32_t lanes, const char *what);
  /// 64-bit addresses of an operand; see Decoder::address.
  uint64_t address(const Instruction &in, unsigned slot, int lane) {
    uint64_t base = in.option[3] >> slot & 1 ? values<uint32_t>(in.from[slot])[lane]
                                             : values<uint64_t>(in.from[slot])[lane];
    return base + static_cast<uint64_t>(in.offset);
  }

  //===--- messages and memory ---===//
  Status fail(const Instruction &in, std::string text);
  Accessor accessor(const Instruction &in, uint32_t lane) const;
  GlobalAccessor globalAccessor(const Instruction &in, bool isAtomic) const;

  //===--- meeting, and what happened before ---===//
  uint32_t living() const { return livingLanes; }
  bool haveMet(uint32_t lanes) const { return lanes == livingLanes; }
  uint32_t clock() const { return knowledge.own[number]; }
  /// Others learn of all so far through `into`.
  void publishTo(Knowledge &into) {
    into.joinWith(knowledge);
    ++knowledge.own[number];
  }
  Knowledge knowledge;
  uint32_t epoch = 1;                       ///< of bar.warp.sync
  std::map<uint32_t, Clocks> fencedOutside; ///< at the last fence of the device's scope
  std::map<uint32_t, Clocks> seenByAtomics; ///< becomes known at the next fence
  bool hasWaitedForGrid = false;

  //===--- running ---===//
  /// Runs up to `quantum` instructions; false after a mistake.
  bool run(unsigned quantum);
  bool isDone() const { return fragments.empty(); }
  bool isBlocked() const;
  /// Behind Status::Block.
  void release();
  /// Lines where lanes are, for messages.
  std::string where() const;

  //===--- what is on its way ---===//
  std::vector<PendingCopy> copies;
  uint32_t commits[WarpSize] = {}; ///< groups of copies
  std::vector<PendingProduct> products;
  uint32_t productGroups = 0, productsStarted = 0;
  /// Instructions so far, and how many it were at the last wgmma.fence.
  uint32_t now = 1, fencedAt = 0;
  std::vector<uint32_t> undefinedLanes; ///< of each register
  /// The same of accumulators of products on their way, which show as undefined until the wait.
  std::vector<uint32_t> hiddenUndefined;
  std::vector<bool> isHidden;
  void hide(Register r) {
    if (!isHidden[r.number])
      hiddenUndefined[r.number] = undefinedLanes[r.number];
    isHidden[r.number] = true;
    undefinedLanes[r.number] = AllLanes;
  }
  void show(Register r) {
    if (isHidden[r.number])
      undefinedLanes[r.number] = hiddenUndefined[r.number];
    isHidden[r.number] = false;
  }
  std::vector<uint32_t> written; ///< `now` at each register's last write

private:
  struct Fragment {
    enum State { Ready, Meeting, Blocked } state = Ready;
    uint32_t lanes = 0, at = 0;
    bool gaveWay = false;
  };
  void fillConstants();
  uint64_t valueOf(const Constant &constant, int lane) const;
  /// The fragment to run next, merged with those at its place, or -1.
  int choose();
  int chooseTorn();
  void merge();
  bool checkMeetings();
  /// Runs one fragment until another one's turn comes; false after a mistake.
  bool runFragment(size_t which, unsigned &quantum);
  bool step(size_t which, bool &goesOn);
  void branch(size_t which, const Instruction &in, uint32_t taken);
  void leave(size_t which, uint32_t lanes);
  uint32_t nextOther(size_t which) const;

  std::vector<uint32_t> file;
  std::vector<Fragment> fragments;
  uint32_t livingLanes = AllLanes;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_WARP_H
