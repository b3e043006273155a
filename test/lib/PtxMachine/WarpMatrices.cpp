//===- WarpMatrices.cpp - ldmatrix, mma.sync -------------------------------------------------===//
//
// Of eight rows and 16 bytes a fragment: lane l has elements 2 (l % 4) and the next of row l / 4.
//
//===------------------------------------------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"
#include "Numbers.h"

using namespace ptx;

namespace {

//===----------------------------------------------------------------------===//
// ldmatrix: option[0] whether transposed
//===----------------------------------------------------------------------===//

struct Matrix {
  uint16_t rows[8][8];
  uint32_t undefinedRows = 0;
};

/// Lane 8 i + j gives the address of row j of matrix i.
bool readMatrix(Warp &warp, const Instruction &in, unsigned which, Matrix &matrix) {
  for (uint32_t row = 0; row < 8; ++row) {
    uint32_t lane = 8 * which + row;
    bool isDefined = true;
    if (!readMemory(warp, in, Space::Shared, lane, warp.address(in, 0, static_cast<int>(lane)), 16,
                    matrix.rows[row], isDefined, false))
      return false;
    matrix.undefinedRows |= static_cast<uint32_t>(!isDefined) << row;
  }
  return true;
}

Status loadMatrices(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  uint32_t used = in.numListed == 4 ? AllLanes : (1u << (8 * in.numListed)) - 1;
  if (lanes != AllLanes)
    return warp.fail(in, "expected all lanes of the warp");
  if (!warp.mustBeDefined(in, in.from[0], used, "an address"))
    return Status::Fail;
  // All are read before the first is written: the address may be among the destinations.
  Matrix matrices[4];
  for (unsigned m = 0; m < in.numListed; ++m)
    if (!readMatrix(warp, in, m, matrices[m]))
      return Status::Fail;
  for (unsigned m = 0; m < in.numListed; ++m) {
    uint32_t out[WarpSize], bad = 0;
    for (int lane = 0; lane < WarpSize; ++lane) {
      int i = lane / 4, j = 2 * (lane % 4);
      const Matrix &from = matrices[m];
      uint32_t low = in.option[0] ? from.rows[j][i] : from.rows[i][j],
               high = in.option[0] ? from.rows[j + 1][i] : from.rows[i][j + 1];
      out[lane] = low | high << 16;
      uint32_t rows = in.option[0] ? 3u << j : 1u << i;
      bad |= static_cast<uint32_t>((from.undefinedRows & rows) != 0) << lane;
    }
    warp.write(warp.listed(in, m), out, lanes, bad);
  }
  return Status::Next;
}

void decodeLoadMatrices(Decoder &d) {
  d.has("sync"), d.has("aligned");
  int count = d.which({"x1", "x2", "x4"});
  if (!d.has("m8n8") || count < 0 || d.type().bits != 16 || d.space() != Space::Shared)
    return d.refuse("expected .m8n8.x1, x2 or x4 of 16-bit elements in shared memory");
  d.in.option[0] = d.has("trans");
  d.listDestinations(d.operand(0), 32);
  d.address(1, 0, Space::Shared);
  if (d.listed.size() != 1u << count)
    return d.refuse("unexpected number of registers");
  d.in.run = loadMatrices;
}

//===----------------------------------------------------------------------===//
// mma.m16n8k16: option[0] whether of bf16. Listed are d (4), a (4), b (2), c (4)
//===----------------------------------------------------------------------===//

struct Product {
  float left[16][16], right[16][8], sums[16][8];
  uint32_t undefinedRows = 0, undefinedColumns = 0;
  /// Bit `column` of each row.
  uint8_t undefinedSums[16] = {};
};

float elementOf(const Instruction &in, uint32_t bits) {
  return in.option[0] ? fromBFloat(bits & 0xffff) : fromHalf(bits & 0xffff);
}

void gatherLeft(Warp &warp, const Instruction &in, Product &p) {
  for (unsigned r = 0; r < 4; ++r) {
    Register a = warp.listed(in, 4 + r);
    const uint32_t *words = warp.values<uint32_t>(a);
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      unsigned row = lane / 4 + 8 * (r % 2), column = 2 * (lane % 4) + 8 * (r / 2);
      p.left[row][column] = elementOf(in, words[lane]);
      p.left[row][column + 1] = elementOf(in, words[lane] >> 16);
      p.undefinedRows |= (warp.undefined(a) >> lane & 1) << row;
    }
  }
}

void gatherRight(Warp &warp, const Instruction &in, Product &p) {
  for (unsigned r = 0; r < 2; ++r) {
    Register b = warp.listed(in, 8 + r);
    const uint32_t *words = warp.values<uint32_t>(b);
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      unsigned column = lane / 4, row = 2 * (lane % 4) + 8 * r;
      p.right[row][column] = elementOf(in, words[lane]);
      p.right[row + 1][column] = elementOf(in, words[lane] >> 16);
      p.undefinedColumns |= (warp.undefined(b) >> lane & 1) << column;
    }
  }
}

void gatherSums(Warp &warp, const Instruction &in, Product &p) {
  for (unsigned r = 0; r < 4; ++r) {
    Register c = warp.listed(in, 10 + r);
    const float *values = warp.values<float>(c);
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      unsigned row = lane / 4 + 8 * (r / 2), column = 2 * (lane % 4) + r % 2;
      p.sums[row][column] = values[lane];
      p.undefinedSums[row] |= (warp.undefined(c) >> lane & 1) << column;
    }
  }
}

void multiplyAdd(Product &p) {
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k)
      for (int j = 0; j < 8; ++j)
        p.sums[i][j] += p.left[i][k] * p.right[k][j];
}

void scatterSums(Warp &warp, const Instruction &in, const Product &p) {
  for (unsigned r = 0; r < 4; ++r) {
    float out[WarpSize];
    uint32_t bad = 0;
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      unsigned row = lane / 4 + 8 * (r / 2), column = 2 * (lane % 4) + r % 2;
      out[lane] = p.sums[row][column];
      bool isUndefined = (p.undefinedSums[row] >> column & 1) || (p.undefinedRows >> row & 1) ||
                         (p.undefinedColumns >> column & 1);
      bad |= static_cast<uint32_t>(isUndefined) << lane;
    }
    warp.write(warp.listed(in, r), out, AllLanes, bad);
  }
}

Status multiply(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  if (lanes != AllLanes)
    return warp.fail(in, "expected all lanes of the warp");
  Product p;
  gatherLeft(warp, in, p);
  gatherRight(warp, in, p);
  gatherSums(warp, in, p);
  multiplyAdd(p);
  scatterSums(warp, in, p);
  return Status::Next;
}

void decodeMultiply(Decoder &d) {
  d.has("sync"), d.has("aligned");
  if (!d.has("m16n8k16") || !d.has("row") || !d.has("col"))
    return d.refuse("expected .m16n8k16.row.col");
  Type sum = d.type(0), left = d.type(1), right = d.type(2), old = d.type(3);
  if (!(sum == Type{Type::Real, 32}) || !(old == sum) || left.bits != 16 || !left.isReal() ||
      left.isPair || !(left == right))
    return d.refuse("expected sums of f32 and elements of bf16 or f16");
  d.in.option[0] = left.kind == Type::BFloat;
  d.listDestinations(d.operand(0), 32);
  for (size_t i = 1; i < 4; ++i)
    d.listSources(d.operand(i), 32);
  if (d.listed.size() != 14)
    return d.refuse("unexpected number of registers");
  d.in.run = multiply;
}

} // namespace

void ptx::addWarpMatrices(OpcodeTable &table) {
  table["ldmatrix"] = decodeLoadMatrices;
  table["mma"] = decodeMultiply;
}
