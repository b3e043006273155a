//===- Clocks.h - what happened before what -------------------------------*- C++ -*-===//
//
// Vector clocks. An actor of a block is a warp or the copy engine's work for one barrier. Its clock
// advances whenever others may learn of what it did; an event of the past is an actor with a clock,
// and is known to whoever has a clock at least as late for that actor.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_CLOCKS_H
#define ATTN_TEST_PTXMACHINE_CLOCKS_H

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace ptx {

using Clocks = std::vector<uint32_t>;

inline void join(Clocks &into, const Clocks &other) {
  if (into.size() < other.size())
    into.resize(other.size(), 0);
  for (size_t i = 0; i < other.size(); ++i)
    into[i] = std::max(into[i], other[i]);
}

/// What is known of all blocks of a grid: of one's own, and of others by their numbers.
struct Knowledge {
  Clocks own;
  std::map<uint32_t, Clocks> others;

  void joinWith(const Knowledge &other) {
    join(own, other.own);
    for (const auto &[block, clocks] : other.others)
      join(others[block], clocks);
  }
  /// The same seen from outside of `block`.
  std::map<uint32_t, Clocks> seenFromOutside(uint32_t block) const {
    std::map<uint32_t, Clocks> all = others;
    join(all[block], own);
    return all;
  }
  void joinFromOutside(uint32_t block, const std::map<uint32_t, Clocks> &all) {
    for (const auto &[number, clocks] : all)
      join(number == block ? own : others[number], clocks);
  }
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_CLOCKS_H
