//===- Copies.cpp - cp.async
//-------------------------------------------------------------------===//
//
// What a copy writes is undefined until its lane waits for the copy's group: the latest that the
// devices allow. The source is read at once.
//
//===--------------------------------------------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"

using namespace ptx;

namespace {

/// from: destination, source, source's size if option[1]. option[0]: bytes.
Status copy(Warp &warp, const Instruction &in, uint32_t lanes) {
  uint32_t bytes = in.option[0];
  for (unsigned slot = 0; slot < (in.option[1] ? 3 : 2); ++slot)
    if (!warp.mustBeDefined(in, in.from[slot], lanes, "an address or a size"))
      return Status::Fail;
  for (uint32_t lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    PendingCopy pending = {lane, warp.commits[lane], 0, bytes, {}, true};
    uint32_t given = in.option[1] ? warp.values<uint32_t>(in.from[2])[lane] : bytes;
    uint64_t to = warp.address(in, 0, static_cast<int>(lane)),
             from = warp.values<uint64_t>(in.from[1])[lane] + in.option[2];
    bool isDefined = true;
    if (to % bytes || (given && from % bytes) || given > bytes)
      return warp.fail(in, "a copy of " + std::to_string(bytes) +
                               " bytes that is not aligned, or "
                               "reads more than it writes");
    for (uint32_t at = 0; at < given; at += 4)
      if (!readMemory(warp, in, Space::Global, lane, from + at, std::min(4u, given - at),
                      pending.data + at, isDefined, false))
        return Status::Fail;
    pending.isDefined = isDefined;
    pending.address = static_cast<uint32_t>(to);
    if (!warp.block.shared.depart(warp.accessor(in, lane), to, bytes))
      return warp.fail(in, warp.block.shared.problem);
    warp.copies.push_back(pending);
  }
  return Status::Next;
}

void decodeCopy(Decoder &d) {
  d.which({"ca", "cg"});
  d.has("shared::cta"), d.has("shared"), d.has("global");
  for (const char *hint : {"L2::64B", "L2::128B", "L2::256B"})
    d.has(hint);
  d.in.option[0] = static_cast<uint32_t>(d.number(2));
  if (d.in.option[0] != 4 && d.in.option[0] != 8 && d.in.option[0] != 16)
    return d.refuse("expected 4, 8 or 16 bytes");
  // Two addresses: the second one's offset goes into an option.
  d.address(1, 1, Space::Global);
  d.in.option[2] = static_cast<uint32_t>(d.in.offset);
  d.address(0, 0, Space::Shared);
  d.in.option[1] = d.numOperands() > 3;
  if (d.in.option[1])
    d.in.from[2] = d.source(3, 32);
  d.in.run = copy;
}

Status commit(Warp &warp, const Instruction &, uint32_t lanes) {
  for (int lane = 0; lane < WarpSize; ++lane)
    warp.commits[lane] += lanes >> lane & 1;
  return Status::Next;
}

/// Copies of all but the last option[0] groups arrive; of all, committed or not, with option[1].
Status wait(Warp &warp, const Instruction &in, uint32_t lanes) {
  size_t left = 0;
  for (const PendingCopy &pending : warp.copies) {
    bool isMeant = lanes >> pending.lane & 1,
         isOld = pending.group + in.option[0] < warp.commits[pending.lane];
    if (isMeant && (in.option[1] || isOld))
      warp.block.shared.arrive(warp.accessor(in, pending.lane), pending.address, pending.bytes,
                               pending.data, pending.isDefined);
    else
      warp.copies[left++] = pending;
  }
  warp.copies.resize(left);
  return Status::Next;
}

void decodeCommit(Decoder &d) { d.in.run = commit; }
void decodeWait(Decoder &d) {
  d.in.option[0] = static_cast<uint32_t>(d.number(0));
  d.in.run = wait;
}
void decodeWaitForAll(Decoder &d) {
  d.in.option[1] = 1;
  d.in.run = wait;
}

} // namespace

void ptx::addCopies(OpcodeTable &table) {
  table["cp.async"] = decodeCopy;
  table["cp.async.commit_group"] = decodeCommit;
  table["cp.async.wait_group"] = decodeWait;
  table["cp.async.wait_all"] = decodeWaitForAll;
}
