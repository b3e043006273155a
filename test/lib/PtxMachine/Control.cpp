//===- Control.cpp - branches, ends, and what changes nothing ------------------------------===//
#include "Decoder.h"
#include "Grid.h"

using namespace ptx;

namespace {

void decodeBranch(Decoder &d) {
  d.has("uni");
  d.operand(0);
  d.isJump = true;
}

Status exitLanes(Warp &, const Instruction &, uint32_t) { return Status::Exit; }
Status nothing(Warp &, const Instruction &, uint32_t) { return Status::Next; }
Status trap(Warp &warp, const Instruction &in, uint32_t) {
  return warp.fail(in, "the kernel traps");
}

void decodeExit(Decoder &d) {
  d.has("uni");
  d.in.run = exitLanes;
}
void decodeTrap(Decoder &d) { d.in.run = trap; }
/// Whole warps give registers away or ask for more; who asks for too many waits forever.
Status changeRegisters(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  uint32_t count = in.option[0];
  if (count % 8 || count < 24 || count > 256)
    return warp.fail(in, "expected a multiple of 8 from 24 to 256, found " + std::to_string(count));
  return Status::Next;
}

void decodeChangeRegisters(Decoder &d) {
  d.which({"inc", "dec"});
  d.has("sync"), d.has("aligned");
  d.type();
  d.in.option[0] = static_cast<uint32_t>(d.number(0));
  d.in.run = changeRegisters;
}

Status waitForGrid(Warp &warp, const Instruction &, uint32_t) {
  warp.hasWaitedForGrid = true;
  return Status::Next;
}

void decodeGridControl(Decoder &d) {
  d.in.run = d.which({"wait", "launch_dependents"}) == 0 ? waitForGrid : nothing;
}

/// prefetch.tensormap, prefetch.global.L2: hints.
void decodePrefetch(Decoder &d) {
  d.space();
  d.which({"tensormap", "L1", "L2"});
  d.in.run = nothing;
}

} // namespace

void ptx::addControl(OpcodeTable &table) {
  table["bra"] = decodeBranch;
  table["ret"] = table["exit"] = decodeExit;
  table["trap"] = decodeTrap;
  table["setmaxnreg"] = decodeChangeRegisters;
  table["griddepcontrol"] = decodeGridControl;
  table["prefetch"] = decodePrefetch;
}
