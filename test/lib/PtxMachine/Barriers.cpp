//===- Barriers.cpp - bar.sync, bar.arrive, bar.red.or
//----------------------------------------------===//
#include "Decoder.h"
#include "Grid.h"

using namespace ptx;

namespace {

enum Action : uint32_t { Sync, Arrive, ReduceOr };

/// option[0] action, option[1] whether a number of threads is given (from[1]), option[2] whether
/// the predicate of a reduction (from[2]) is negated. from[0] is the barrier's number.
Status meet(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  if (!warp.mustBeDefined(in, in.from[0], lanes, "a barrier's number") ||
      (in.option[1] && !warp.mustBeDefined(in, in.from[1], lanes, "a number of threads")))
    return Status::Fail;
  int lane = __builtin_ctz(lanes);
  uint32_t number = warp.values<uint32_t>(in.from[0])[lane],
           threads = in.option[1] ? warp.values<uint32_t>(in.from[1])[lane] : 0;
  if (number >= Block::NumNamedBarriers || threads % WarpSize)
    return warp.fail(in, "there is no barrier " + std::to_string(number) + " of " +
                             std::to_string(threads) + " threads");
  NamedBarrier &barrier = warp.block.named[number];
  if (barrier.arrived && (barrier.ofAll == (threads != 0) || barrier.expected != threads))
    return warp.fail(in, "barrier " + std::to_string(number) +
                             " is used with different numbers of threads");
  for (const NamedBarrier::Waiter &waiter : barrier.waiters)
    if (waiter.warp == &warp)
      return warp.fail(in, "a warp waits twice for barrier " + std::to_string(number));
  barrier.ofAll = !threads;
  barrier.expected = threads;
  barrier.arrived += WarpSize;
  warp.publishTo(barrier.known);
  ++warp.epoch;
  if (in.option[0] == ReduceOr) {
    uint32_t p = (warp.predicate(in.from[2]) ^ (in.option[2] ? AllLanes : 0)) & lanes;
    barrier.any |= p != 0;
    barrier.isUndefined |= (warp.undefined(in.from[2]) & lanes) != 0;
  }
  if (in.option[0] == Arrive) {
    warp.block.complete(barrier);
    return Status::Next;
  }
  barrier.waiters.push_back({&warp, &in});
  // Whoever comes last is let go with the others, before it has stopped.
  return warp.block.complete(barrier) ? Status::Next : Status::Block;
}

void giveResult(const NamedBarrier &barrier, const NamedBarrier::Waiter &waiter) {
  if (waiter.in->option[0] == ReduceOr)
    waiter.warp->writePredicate(waiter.in->to, barrier.any ? AllLanes : 0, AllLanes,
                                barrier.isUndefined ? AllLanes : 0);
}

template <Action What> void decodeBarrier(Decoder &d) {
  constexpr bool IsReduction = What == ReduceOr;
  d.has("cta"), d.has("aligned");
  if (IsReduction)
    d.type();
  size_t at = IsReduction ? 1 : 0, end = d.numOperands() - (IsReduction ? 1 : 0);
  d.in.option[0] = What;
  if (IsReduction) {
    d.in.to = d.destination(0, 1);
    d.in.from[2] = d.source(end, 1);
    d.in.option[2] = d.operand(end).negated;
  }
  d.in.from[0] = d.source(at, 32);
  if ((d.in.option[1] = end > at + 1))
    d.in.from[1] = d.source(at + 1, 32);
  d.in.run = meet;
}

} // namespace

bool Block::complete(NamedBarrier &barrier) {
  unsigned alive = 0;
  for (const auto &warp : warps)
    alive += warp->isDone() ? 0 : WarpSize;
  if (!barrier.arrived || barrier.arrived < (barrier.ofAll ? alive : barrier.expected))
    return false;
  for (const NamedBarrier::Waiter &waiter : barrier.waiters) {
    waiter.warp->knowledge.joinWith(barrier.known);
    giveResult(barrier, waiter);
    waiter.warp->release();
  }
  barrier = {};
  grid.progress();
  return true;
}

void ptx::addBarriers(OpcodeTable &table) {
  table["bar.sync"] = table["barrier.sync"] = decodeBarrier<Sync>;
  table["bar.arrive"] = table["barrier.arrive"] = decodeBarrier<Arrive>;
  table["bar.red.or"] = table["barrier.red.or"] = decodeBarrier<ReduceOr>;
}
