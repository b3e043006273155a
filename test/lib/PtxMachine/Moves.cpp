//===- Moves.cpp - mov ---------------------------------------------------------------------===//
#include "Elementwise.h"

using namespace ptx;

namespace {

template <typename T> Status move(Warp &warp, const Instruction &in, uint32_t lanes) {
  warp.write(in.to, warp.values<T>(in.from[0]), lanes, warp.undefined(in.from[0]));
  return Status::Next;
}

Status movePredicate(Warp &warp, const Instruction &in, uint32_t lanes) {
  warp.writePredicate(in.to, warp.predicate(in.from[0]), lanes, warp.undefined(in.from[0]));
  return Status::Next;
}

/// mov.b64 d, {a, b}, mov.b32 d, {a, b}: parts of option[0] bits, the first the lowest.
template <typename Whole> Status join(Warp &warp, const Instruction &in, uint32_t lanes) {
  Whole out[WarpSize] = {};
  uint32_t bad = 0;
  for (unsigned part = 0; part < in.numListed; ++part) {
    Register r = warp.listed(in, part);
    const uint32_t *a = warp.values<uint32_t>(r);
    for (int i = 0; i < WarpSize; ++i)
      out[i] |= static_cast<Whole>(a[i] & in.option[1]) << (part * in.option[0]);
    bad |= warp.undefined(r);
  }
  warp.write(in.to, out, lanes, bad);
  return Status::Next;
}

template <typename Whole> Status split(Warp &warp, const Instruction &in, uint32_t lanes) {
  const Whole *a = warp.values<Whole>(in.from[0]);
  Whole whole[WarpSize];
  uint32_t bad = warp.undefined(in.from[0]);
  std::memcpy(whole, a, sizeof(whole));
  for (unsigned part = 0; part < in.numListed; ++part) {
    uint32_t out[WarpSize];
    for (int i = 0; i < WarpSize; ++i)
      out[i] = static_cast<uint32_t>(whole[i] >> (part * in.option[0])) & in.option[1];
    warp.write(warp.listed(in, part), out, lanes, bad);
  }
  return Status::Next;
}

/// Bits of a part, and what they leave of a word.
unsigned decodeParts(Decoder &d, unsigned bits, size_t count) {
  unsigned part = count ? bits / static_cast<unsigned>(count) : 0;
  if (part != 16 && part != 32)
    d.refuse("expected parts of 16 or 32 bits");
  d.in.option[0] = part;
  d.in.option[1] = part == 16 ? 0xffff : 0xffffffff;
  return part;
}

void decodeMove(Decoder &d) {
  Type type = d.type();
  unsigned bits = type.bits * (type.isPair ? 2 : 1);
  const Operand &to = d.operand(0), &from = d.operand(1);
  if (type.kind == Type::Predicate) {
    decodeOperands(d, 1, 1);
    d.in.run = movePredicate;
  } else if (from.kind == Operand::Vector) {
    d.listSources(from, decodeParts(d, bits, from.parts.size()));
    d.in.to = d.destination(to, bits);
    d.in.run = bits == 64 ? join<uint64_t> : join<uint32_t>;
  } else if (to.kind == Operand::Vector) {
    d.listDestinations(to, decodeParts(d, bits, to.parts.size()));
    d.in.from[0] = d.source(from, bits);
    d.in.run = bits == 64 ? split<uint64_t> : split<uint32_t>;
  } else {
    decodeOperands(d, bits, 1);
    d.in.run = bits == 64 ? move<uint64_t> : move<uint32_t>;
  }
}

} // namespace

void ptx::addMoves(OpcodeTable &table) { table["mov"] = decodeMove; }
