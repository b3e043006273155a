//===- Elementwise.h - instructions that each lane does alone --------------*- C++ -*-===//
//
// A handler is a template over an operation on values of one type; loops over lanes are plain, so
// that the compiler makes vectors of them.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_ELEMENTWISE_H
#define ATTN_TEST_PTXMACHINE_ELEMENTWISE_H

#include "Decoder.h"
#include "Warp.h"

namespace ptx {

/// One source of type From, one result of type To.
template <typename To, typename From, typename Operation>
Status unary(Warp &warp, const Instruction &in, uint32_t lanes) {
  const From *a = warp.values<From>(in.from[0]);
  To out[WarpSize];
  for (int i = 0; i < WarpSize; ++i)
    out[i] = Operation::of(a[i]);
  warp.write(in.to, out, lanes, warp.undefined(in.from[0]));
  return Status::Next;
}

template <typename To, typename From, typename Operation>
Status binary(Warp &warp, const Instruction &in, uint32_t lanes) {
  const From *a = warp.values<From>(in.from[0]), *b = warp.values<From>(in.from[1]);
  To out[WarpSize];
  for (int i = 0; i < WarpSize; ++i)
    out[i] = Operation::of(a[i], b[i]);
  warp.write(in.to, out, lanes, warp.undefined(in.from[0]) | warp.undefined(in.from[1]));
  return Status::Next;
}

/// The third source may have another type: mad.wide adds to what it multiplies.
template <typename To, typename From, typename Third, typename Operation>
Status ternary(Warp &warp, const Instruction &in, uint32_t lanes) {
  const From *a = warp.values<From>(in.from[0]), *b = warp.values<From>(in.from[1]);
  const Third *c = warp.values<Third>(in.from[2]);
  To out[WarpSize];
  for (int i = 0; i < WarpSize; ++i)
    out[i] = Operation::of(a[i], b[i], c[i]);
  warp.write(in.to, out, lanes,
             warp.undefined(in.from[0]) | warp.undefined(in.from[1]) | warp.undefined(in.from[2]));
  return Status::Next;
}

/// Operands of an instruction `name.type d, a, b, …`, all of `bits` bits.
inline void decodeOperands(Decoder &d, unsigned bits, unsigned numSources) {
  if (d.numOperands() != numSources + 1)
    return d.refuse("expected " + std::to_string(numSources + 1) + " operands");
  d.in.to = d.destination(0, bits);
  for (unsigned i = 0; i < numSources; ++i)
    d.in.from[i] = d.source(i + 1, bits);
}

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_ELEMENTWISE_H
