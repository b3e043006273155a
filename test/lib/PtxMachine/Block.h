//===- Block.h - warps, their memory and their meeting points -------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_BLOCK_H
#define ATTN_TEST_PTXMACHINE_BLOCK_H

#include "Warp.h"

namespace ptx {

class Grid;

/// bar.sync and its relatives.
struct NamedBarrier {
  unsigned arrived = 0, expected = 0; ///< threads
  bool ofAll = false;                 ///< expected: all that are alive
  Knowledge known;
  struct Waiter {
    Warp *warp;
    const Instruction *in;
  };
  std::vector<Waiter> waiters;
  bool any = false; ///< of predicates, by bar.red.or
  bool isUndefined = false;
};

/// An mbarrier: arrivals and bytes that its phase waits for.
struct TransactionBarrier {
  uint32_t expected = 0, pending = 0, actor = 0;
  int64_t bytes = 0;
  uint32_t phase = 0;
  uint32_t maker = 0, madeAt = 0; ///< warp and clock of its mbarrier.init
  Knowledge building, done;
};

/// Boxes of a tensor on their way into shared memory.
struct BulkCopy {
  uint32_t barrier = 0;
  struct Piece {
    uint32_t address;
    std::vector<uint8_t> data;
    bool isDefined;
  };
  std::vector<Piece> pieces;
  uint32_t bytes = 0;
  int line = 0;
};

class Block {
public:
  Block(Grid &grid, const Kernel &kernel, uint32_t number, unsigned threads, uint64_t sharedBytes);

  Grid &grid;
  const Kernel &kernel;
  const uint32_t number;
  const unsigned threads;
  SharedMemory shared;
  std::vector<std::unique_ptr<Warp>> warps;

  /// Some instructions of each warp; false after a mistake.
  bool runRound();
  bool isDone() const;
  /// Checks at the end: what must come in fours did.
  bool finish();

  static constexpr unsigned NumNamedBarriers = 16;
  NamedBarrier named[NumNamedBarriers];
  /// Lets the waiters go on once all are there; also when a warp ends.
  bool complete(NamedBarrier &barrier);

  std::map<uint32_t, TransactionBarrier> barriers; ///< by address
  uint32_t newActor() { return nextActor++; }
  /// Ends the phase when nothing is missing.
  void complete(TransactionBarrier &barrier);

  std::vector<BulkCopy> bulkCopies;
  /// One copy of those on their way arrives; false after a mistake.
  bool deliver();

  std::string where() const;

private:
  uint32_t nextActor;
  uint32_t deliveries = 0; ///< the clock of all bulk copies
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_BLOCK_H
