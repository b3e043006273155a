//===- Grid.h - a launch --------------------------------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_GRID_H
#define ATTN_TEST_PTXMACHINE_GRID_H

#include "Block.h"

namespace ptx {

/// What a driver is told.
struct Launch {
  const Kernel *kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1};
  unsigned threads = 0;
  uint64_t dynamicShared = 0;
  void *const *parameters = nullptr;
  /// Whether the kernel may begin before the launch in front of it has ended, so that it must wait
  /// (griddepcontrol.wait) before it touches memory.
  bool mayStartEarly = false;
};

/// How the machine goes about it.
struct Settings {
  unsigned processors = 4;
  /// Orders blocks, warps, lanes of atomics and arrivals of copies; 0 is the plain order.
  uint64_t seed = 0;
  /// Now and then lanes that are together go on apart, as they may between meeting points.
  bool tearsWarps = false;
  /// Left operands of products in shared memory have rows that nobody needs. Reading what another
  /// warp may be writing there gives something undefined, and branches may depend on that: they see
  /// another value in each launch, on which what comes out must not depend.
  bool hasUnusedRows = false;
};

class Grid {
public:
  Grid(GlobalMemory &memory, const Launch &launch, const Settings &settings, uint32_t number);

  /// Empty, or what went wrong.
  std::string run();

  GlobalMemory &memory;
  const Launch launch;
  const Settings settings;
  const uint32_t number; ///< of the launch
  std::vector<uint8_t> parameters;
  uint8_t *parameterBase() { return parameters.data() + parameterShift; }

  /// The first mistake.
  std::string problem;
  bool fail(std::string text);
  /// Something happened that another warp may wait for.
  void progress() { idleRounds = 0; }
  /// 0 … n - 1; 0 with seed 0.
  uint32_t random(uint32_t n);

private:
  bool check();
  void copyParameters();
  bool fillSlots();
  bool runRound();
  std::string stuck() const;

  std::vector<uint32_t> order; ///< of blocks, the next at the end
  std::vector<std::unique_ptr<Block>> running;
  uint32_t idleRounds = 0;
  uint64_t state;
  size_t parameterShift = 0;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_GRID_H
