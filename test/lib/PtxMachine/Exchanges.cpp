//===- Exchanges.cpp - shfl, vote, redux ----------------------------------------------===//
//
// All living lanes of the warp take part; masks that name fewer are refused when they run.
//
//===------------------------------------------------------------------------------------------===//
#include "Decoder.h"
#include "Grid.h"

using namespace ptx;

namespace {

/// Whether the lanes are here that operand `slot` names; else what to do.
Status gather(Warp &warp, const Instruction &in, unsigned slot, uint32_t lanes) {
  uint32_t members = warp.values<uint32_t>(in.from[slot])[__builtin_ctz(lanes)];
  if (!warp.mustBeDefined(in, in.from[slot], lanes, "a mask of lanes"))
    return Status::Fail;
  if ((members & warp.living()) != warp.living())
    return warp.fail(in, "exchanges between some of the living lanes are not modelled");
  return warp.haveMet(lanes) ? Status::Next : Status::Meet;
}

//===----------------------------------------------------------------------===//
// shfl
//===----------------------------------------------------------------------===//

enum Mode : uint32_t { Butterfly, Indexed };

/// The lane that a lane reads, and whether that is one of its segment.
int sourceLane(uint32_t mode, int lane, uint32_t b, uint32_t c, bool &isInside) {
  int by = static_cast<int>(b & 31), clamp = static_cast<int>(c & 31),
      segment = static_cast<int>(c >> 8 & 31);
  int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
  int from = mode == Butterfly ? lane ^ by : first | (by & ~segment);
  isInside = from <= last;
  return isInside ? from : lane;
}

Status shuffle(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (Status status = gather(warp, in, 3, lanes); status != Status::Next)
    return status;
  if (!warp.mustBeDefined(in, in.from[1], lanes, "a lane's number"))
    return Status::Fail;
  const uint32_t *a = warp.values<uint32_t>(in.from[0]), *b = warp.values<uint32_t>(in.from[1]),
                 *c = warp.values<uint32_t>(in.from[2]);
  uint32_t out[WarpSize] = {}, inside = 0, bad = 0;
  for (int i = 0; i < WarpSize; ++i) {
    bool isInside;
    int from = sourceLane(in.option[0], i, b[i], c[i], isInside);
    out[i] = a[from];
    inside |= static_cast<uint32_t>(isInside) << i;
    bad |= ((warp.undefined(in.from[0]) | ~lanes) >> from & 1) << i;
  }
  warp.write(in.to, out, lanes, bad);
  if (in.numListed)
    warp.writePredicate(warp.listed(in, 0), inside, lanes, 0);
  return Status::Next;
}

void decodeShuffle(Decoder &d) {
  int mode = d.which({"bfly", "idx"});
  d.has("sync");
  d.type();
  size_t at = d.numOperands() == 6 ? 2 : 1;
  if (mode < 0 || d.numOperands() < 5)
    return d.refuse("expected a mode and a mask");
  d.in.option[0] = static_cast<uint32_t>(mode);
  d.in.to = d.destination(0, 32);
  if (at == 2)
    d.listed.push_back(d.destination(1, 1));
  for (unsigned i = 0; i < 4; ++i)
    d.in.from[i] = d.source(at + i, 32);
  d.in.run = shuffle;
}

//===----------------------------------------------------------------------===//
// redux and vote
//===----------------------------------------------------------------------===//

enum Reduction : uint32_t { Add, Smallest, Largest };

template <typename T> Status reduce(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (Status status = gather(warp, in, 1, lanes); status != Status::Next)
    return status;
  const T *a = warp.values<T>(in.from[0]);
  T all = a[__builtin_ctz(lanes)];
  for (uint32_t left = lanes & (lanes - 1); left; left &= left - 1) {
    T b = a[__builtin_ctz(left)];
    switch (in.option[0]) {
    case Add:
      all = static_cast<T>(static_cast<uint32_t>(all) + static_cast<uint32_t>(b));
      break;
    case Smallest:
      all = std::min(all, b);
      break;
    case Largest:
      all = std::max(all, b);
      break;
    }
  }
  T out[WarpSize];
  std::fill_n(out, WarpSize, all);
  warp.write(in.to, out, lanes, warp.undefined(in.from[0]) & lanes ? AllLanes : 0);
  return Status::Next;
}

void decodeReduce(Decoder &d) {
  d.has("sync");
  int which = d.which({"add", "min", "max"});
  Type type = d.type();
  if (which < 0 || type.bits != 32)
    return d.refuse("this reduction is not modelled");
  d.in.option[0] = static_cast<uint32_t>(which);
  d.in.to = d.destination(0, 32);
  d.in.from[0] = d.source(1, 32), d.in.from[1] = d.source(2, 32);
  d.in.run = type.isSigned() ? reduce<int32_t> : reduce<uint32_t>;
}

/// vote.ballot.
Status vote(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (Status status = gather(warp, in, 1, lanes); status != Status::Next)
    return status;
  uint32_t out[WarpSize];
  std::fill_n(out, WarpSize, (warp.predicate(in.from[0]) ^ (in.option[0] ? AllLanes : 0)) & lanes);
  warp.write(in.to, out, lanes, warp.undefined(in.from[0]) & lanes ? AllLanes : 0);
  return Status::Next;
}

void decodeVote(Decoder &d) {
  d.has("sync");
  if (!d.has("ballot"))
    return d.refuse("this vote is not modelled");
  d.type();
  d.in.option[0] = d.operand(1).negated;
  d.in.to = d.destination(0, 32);
  d.in.from[0] = d.source(1, 1), d.in.from[1] = d.source(2, 32);
  d.in.run = vote;
}

//===----------------------------------------------------------------------===//
// bar.warp.sync
//===----------------------------------------------------------------------===//

Status meetInWarp(Warp &warp, const Instruction &in, uint32_t lanes) {
  Status status = gather(warp, in, 0, lanes);
  warp.epoch += status == Status::Next;
  return status;
}

void decodeMeetInWarp(Decoder &d) {
  d.in.from[0] = d.source(0, 32);
  d.in.run = meetInWarp;
}

} // namespace

void ptx::addExchanges(OpcodeTable &table) {
  table["shfl"] = decodeShuffle;
  table["redux"] = decodeReduce;
  table["vote"] = decodeVote;
  table["bar.warp.sync"] = decodeMeetInWarp;
}
