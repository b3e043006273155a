//===- TransactionBarriers.cpp - mbarrier
//---------------------------------------------------------===//
#include "Decoder.h"
#include "Grid.h"

using namespace ptx;

namespace {

/// The barrier at a lane's address; null after a mistake.
TransactionBarrier *find(Warp &warp, const Instruction &in, int lane) {
  uint64_t address = warp.address(in, 0, lane);
  auto found = warp.block.barriers.find(static_cast<uint32_t>(address));
  if (found != warp.block.barriers.end() && found->first == address)
    return &found->second;
  warp.fail(in, "there is no mbarrier at shared address " + std::to_string(address));
  return nullptr;
}

Status initialize(Warp &warp, const Instruction &in, uint32_t lanes) {
  static constexpr uint32_t MostArrivals = (1u << 20) - 1;
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address") ||
      !warp.mustBeDefined(in, in.from[1], lanes, "a number of arrivals"))
    return Status::Fail;
  for (int lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    uint64_t address = warp.address(in, 0, lane);
    uint32_t count = warp.values<uint32_t>(in.from[1])[lane];
    if (address % 8 || !count || count > MostArrivals || warp.block.barriers.count(address))
      return warp.fail(in, "an mbarrier of " + std::to_string(count) + " arrivals at " +
                               std::to_string(address) + ", where one may be already");
    Accessor who = warp.accessor(in, static_cast<uint32_t>(lane));
    if (!warp.block.shared.makeBarrier(who, address, 8))
      return warp.fail(in, warp.block.shared.problem);
    TransactionBarrier &barrier = warp.block.barriers[static_cast<uint32_t>(address)];
    barrier.expected = barrier.pending = count;
    barrier.actor = warp.block.newActor();
    // Who uses the barrier must know that it was made.
    barrier.maker = warp.number, barrier.madeAt = warp.clock();
  }
  return Status::Next;
}

bool knowsOf(Warp &warp, const Instruction &in, const TransactionBarrier &barrier) {
  const Clocks &known = warp.knowledge.own;
  if (barrier.maker < known.size() && known[barrier.maker] >= barrier.madeAt)
    return true;
  warp.fail(in, "an mbarrier is used that may not have been made yet");
  return false;
}

/// The barrier of a lane's address that the warp may use, or null once the warp has failed.
TransactionBarrier *usable(Warp &warp, const Instruction &in, int lane) {
  TransactionBarrier *barrier = find(warp, in, lane);
  return barrier && knowsOf(warp, in, *barrier) ? barrier : nullptr;
}

/// option[0] number of arrivals, option[1] whether bytes are expected first (from[1]).
Status arrive(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address") ||
      (in.option[1] && !warp.mustBeDefined(in, in.from[1], lanes, "a number of bytes")))
    return Status::Fail;
  for (int lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    TransactionBarrier *barrier = usable(warp, in, lane);
    if (!barrier)
      return Status::Fail;
    if (in.option[1])
      barrier->bytes += warp.values<uint32_t>(in.from[1])[lane];
    if (barrier->pending < in.option[0])
      return warp.fail(in, "more arrivals than the mbarrier's phase expects");
    barrier->pending -= in.option[0];
    warp.publishTo(barrier->building);
    warp.block.grid.progress();
    warp.block.complete(*barrier);
  }
  return Status::Next;
}

/// Whether the phase of parity from[1] has ended.
Status test(Warp &warp, const Instruction &in, uint32_t lanes) {
  uint32_t ended = 0;
  if (!warp.mustBeDefined(in, in.from[0], lanes, "an address") ||
      !warp.mustBeDefined(in, in.from[1], lanes, "a parity"))
    return Status::Fail;
  for (int lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    TransactionBarrier *barrier = usable(warp, in, lane);
    if (!barrier)
      return Status::Fail;
    if ((barrier->phase & 1) == (warp.values<uint32_t>(in.from[1])[lane] & 1))
      continue;
    ended |= 1u << lane;
    warp.knowledge.joinWith(barrier->done);
  }
  warp.writePredicate(in.to, ended, lanes, 0);
  return ended == lanes ? Status::Next : Status::GiveWay;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

void decodeModifiers(Decoder &d) {
  for (const char *modifier :
       {"release", "acquire", "relaxed", "cta", "cluster", "shared", "shared::cta", "b64"})
    d.has(modifier);
}

void decodeInitialize(Decoder &d) {
  decodeModifiers(d);
  d.address(0, 0, Space::Shared);
  d.in.from[1] = d.source(1, 32);
  d.in.run = initialize;
}

/// `arrive _, [a]`, `arrive state, [a]`, `arrive.expect_tx _, [a], bytes`, `arrive _, [a], count`.
void decodeArrive(Decoder &d) {
  decodeModifiers(d);
  if (d.operand(0).kind != Operand::Discarded)
    return d.refuse("states of phases are not modelled; take parities");
  d.address(1, 0, Space::Shared);
  d.in.option[0] = 1;
  if (d.has("expect_tx")) {
    d.in.option[1] = 1;
    d.in.from[1] = d.source(2, 32);
  } else if (d.numOperands() > 2) {
    d.in.option[0] = static_cast<uint32_t>(d.number(2));
  }
  d.in.run = arrive;
}

void decodeTest(Decoder &d) {
  decodeModifiers(d);
  if (!d.has("parity"))
    return d.refuse("states of phases are not modelled; take parities");
  d.in.to = d.destination(0, 1);
  d.address(1, 0, Space::Shared);
  d.in.from[1] = d.source(2, 32);
  d.in.run = test;
}

} // namespace

void ptx::addTransactionBarriers(OpcodeTable &table) {
  table["mbarrier.init"] = decodeInitialize;
  table["mbarrier.arrive"] = decodeArrive;
  table["mbarrier.try_wait"] = decodeTest;
  table["mbarrier.test_wait"] = decodeTest;
}
