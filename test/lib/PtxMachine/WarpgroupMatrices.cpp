//===- WarpgroupMatrices.cpp - wgmma
//----------------------------------------------------------------===//
//
// A product sets out when its instruction runs and is worked out when its warp waits for it: the
// latest that the devices allow. Until then its accumulators are undefined, its operands in
// registers must not change, and its tiles in shared memory count as read when the wait is over.
// Each warp works out its 16 rows of 64.
//
//===-------------------------------------------------------------------------------------------------===//
#include "Decoder.h"
#include "Grid.h"
#include "Numbers.h"
#include "TensorMap.h"

using namespace ptx;

namespace {

constexpr unsigned Depth = 16, WarpRows = 16, MostColumns = 256;

/// option[0] columns; option[1] whether of bf16; option[2] whether the left operand is in
/// registers; option[3] bit 0: the left operand is transposed, bit 1: the right one.
/// from: left descriptor, right descriptor, whether it adds. Listed: accumulators, left registers.
unsigned columns(const Instruction &in) { return in.option[0]; }
unsigned accumulators(const Instruction &in) { return in.option[0] / 2; }

//===----------------------------------------------------------------------===//
// Tiles in shared memory
//===----------------------------------------------------------------------===//

/// A matrix descriptor, in bytes.
struct Descriptor {
  uint64_t start, leading, stride;
  unsigned swizzle;

  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4),
        stride((bits >> 32 & 0x3fff) << 4) {
    static constexpr unsigned swizzles[] = {0, 128, 64, 32};
    swizzle = swizzles[bits >> 62];
  }
  /// Where eight elements begin: of row (or column) `outer`, from depth `depth` on, if rows hold
  /// the depth; else of depth `depth`, from row `outer` on.
  uint64_t piece(unsigned outer, unsigned depth, bool isTransposed) const {
    uint64_t row = swizzle ? swizzle : 16, at;
    if (!isTransposed)
      at = outer / 8 * stride + outer % 8 * row + (swizzle ? depth * 2 : depth / 8 * leading);
    else
      at = outer * 2 / row * leading + outer * 2 % row + depth / 8 * stride + depth % 8 * row;
    return swizzled(start + at, swizzle);
  }
};

/// [outer][depth] of an operand, and which of the outer ones are undefined somewhere.
struct Tile {
  float of[MostColumns][Depth];
  bool isUndefined[MostColumns] = {};
};

float elementOf(const Instruction &in, uint16_t bits) {
  return in.option[1] ? fromBFloat(bits) : fromHalf(bits);
}

/// Reads `count` rows from `first` on.
bool readTile(Warp &warp, const Instruction &in, const Descriptor &from, unsigned first,
              unsigned count, bool isTransposed, bool mayBeUnused, Tile &tile) {
  Accessor who = warp.accessor(in, 0);
  who.isAsyncProxy = true;
  who.mayBeUnused = mayBeUnused;
  SharedMemory &shared = warp.block.shared;
  unsigned outerStep = isTransposed ? 8 : 1, depthStep = isTransposed ? 1 : 8;
  for (unsigned outer = 0; outer < count; outer += outerStep)
    for (unsigned depth = 0; depth < Depth; depth += depthStep) {
      uint16_t data[8];
      bool isDefined = true;
      if (!shared.read(who, from.piece(first + outer, depth, isTransposed), sizeof(data), data,
                       isDefined)) {
        warp.fail(in, shared.problem);
        return false;
      }
      for (unsigned i = 0; i < 8; ++i) {
        unsigned o = outer + (isTransposed ? i : 0), d = depth + (isTransposed ? 0 : i);
        tile.of[o][d] = elementOf(in, data[i]);
        tile.isUndefined[o] |= !isDefined;
      }
    }
  return true;
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// Lane l of register r has columns 2 (l % 4) and the next of row l / 4; registers go down first.
void unpackLeft(const Instruction &in, const PendingProduct &product, Tile &tile) {
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      unsigned row = lane / 4 + 8 * (r % 2), depth = 2 * (lane % 4) + 8 * (r / 2);
      uint32_t word = product.leftRegisters[r * WarpSize + lane];
      tile.of[row][depth] = elementOf(in, static_cast<uint16_t>(word));
      tile.of[row][depth + 1] = elementOf(in, static_cast<uint16_t>(word >> 16));
      tile.isUndefined[row] |= product.leftUndefined[r] >> lane & 1;
    }
}

bool readLeft(Warp &warp, const PendingProduct &product, Tile &tile) {
  const Instruction &in = *product.in;
  if (in.option[2])
    return unpackLeft(in, product, tile), true;
  return readTile(warp, in, Descriptor(product.left), warp.number % 4 * WarpRows, WarpRows,
                  in.option[3] & 1, warp.block.grid.settings.hasUnusedRows, tile);
}

/// Adds the product to a warp's accumulators, [row][column].
void multiplyAdd(const Tile &left, const Tile &right, unsigned columns,
                 float (*sums)[MostColumns]) {
  static thread_local float turned[Depth][MostColumns];
  for (unsigned j = 0; j < columns; ++j)
    for (unsigned k = 0; k < Depth; ++k)
      turned[k][j] = right.of[j][k];
  for (unsigned i = 0; i < WarpRows; ++i)
    for (unsigned k = 0; k < Depth; ++k)
      for (unsigned j = 0; j < columns; ++j)
        sums[i][j] += left.of[i][k] * turned[k][j];
}

struct Place {
  unsigned row, column;
};
Place placeOf(unsigned r, unsigned lane) {
  return {lane / 4 + 8 * (r / 2 % 2), 8 * (r / 4) + 2 * (lane % 4) + r % 2};
}

bool checkUnchanged(Warp &warp, const PendingProduct &product) {
  const Instruction &in = *product.in;
  for (unsigned i = 0; i < in.numListed; ++i) {
    Register r = warp.listed(in, i);
    if (warp.written[r.number] > product.started) {
      warp.fail(in, "register " + warp.kernel.registerNames[r.number] +
                        " is written before the product is waited for");
      return false;
    }
  }
  return true;
}

bool workOut(Warp &warp, const PendingProduct &product) {
  static thread_local Tile left, right;
  static thread_local float sums[WarpRows][MostColumns];
  const Instruction &in = *product.in;
  std::fill_n(left.isUndefined, MostColumns, false);
  std::fill_n(right.isUndefined, MostColumns, false);
  if (!readLeft(warp, product, left) || !readTile(warp, in, Descriptor(product.right), 0,
                                                  columns(in), in.option[3] & 2, false, right))
    return false;
  for (unsigned r = 0; r < accumulators(in); ++r)
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      Place place = placeOf(r, lane);
      sums[place.row][place.column] =
          product.adds ? warp.values<float>(warp.listed(in, r))[lane] : 0;
    }
  multiplyAdd(left, right, columns(in), sums);
  for (unsigned r = 0; r < accumulators(in); ++r) {
    Register sum = warp.listed(in, r);
    uint32_t &bad = warp.hiddenUndefined[sum.number];
    for (unsigned lane = 0; lane < WarpSize; ++lane) {
      Place place = placeOf(r, lane);
      warp.values<float>(sum)[lane] = sums[place.row][place.column];
      uint32_t old = product.adds ? bad & 1u << lane : 0;
      bool isUndefined = left.isUndefined[place.row] || right.isUndefined[place.column] || old;
      bad = (bad & ~(1u << lane)) | static_cast<uint32_t>(isUndefined) << lane;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Setting out and waiting
//===----------------------------------------------------------------------===//

/// All lanes must say the same.
bool uniform(Warp &warp, const Instruction &in, Register r, uint64_t &value) {
  const uint64_t *values = warp.values<uint64_t>(r);
  if (!warp.mustBeDefined(in, r, AllLanes, "a descriptor"))
    return false;
  value = values[0];
  for (int i = 1; i < WarpSize; ++i)
    if (values[i] != value) {
      warp.fail(in, "lanes give different descriptors");
      return false;
    }
  return true;
}

bool isKnownLayout(Warp &warp, const Instruction &in, const PendingProduct &product) {
  bool left = in.option[2] || !(in.option[3] & 1) || Descriptor(product.left).swizzle,
       right = !(in.option[3] & 2) || Descriptor(product.right).swizzle;
  if (!left || !right)
    warp.fail(in, "transposed tiles without a swizzle are not modelled");
  return left && right;
}

bool isFenced(Warp &warp, const Instruction &in) {
  for (unsigned i = 0; i < in.numListed; ++i) {
    Register r = warp.listed(in, i);
    if (warp.written[r.number] > warp.fencedAt) {
      warp.fail(in, "no wgmma.fence behind the last write of register " +
                        warp.kernel.registerNames[r.number]);
      return false;
    }
  }
  return true;
}

void takeLeftRegisters(Warp &warp, const Instruction &in, PendingProduct &product) {
  for (unsigned i = accumulators(in); i < in.numListed; ++i) {
    Register r = warp.listed(in, i);
    const uint32_t *values = warp.values<uint32_t>(r);
    product.leftRegisters.insert(product.leftRegisters.end(), values, values + WarpSize);
    product.leftUndefined[i - accumulators(in)] = warp.undefined(r);
  }
}

Status start(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  PendingProduct product = {};
  product.in = &in;
  product.group = warp.productGroups;
  product.started = warp.now;
  if (lanes != AllLanes || warp.number / 4 * 4 + 4 > warp.block.warps.size())
    return warp.fail(in, "expected whole warpgroups");
  if (!warp.mustBeDefined(in, in.from[2], lanes, "whether a product adds") || !isFenced(warp, in) ||
      !uniform(warp, in, in.from[1], product.right) ||
      (!in.option[2] && !uniform(warp, in, in.from[0], product.left)) ||
      !isKnownLayout(warp, in, product))
    return Status::Fail;
  uint32_t adds = warp.predicate(in.from[2]);
  if (adds && adds != AllLanes)
    return warp.fail(in, "lanes disagree whether the product adds");
  product.adds = adds;
  takeLeftRegisters(warp, in, product);
  // The operands must be there by now.
  Tile tile;
  if (!readLeft(warp, product, tile) ||
      !readTile(warp, in, Descriptor(product.right), 0, columns(in), in.option[3] & 2, false, tile))
    return Status::Fail;
  for (unsigned i = 0; i < accumulators(in); ++i)
    warp.hide(warp.listed(in, i));
  warp.products.push_back(std::move(product));
  ++warp.productsStarted;
  return Status::Next;
}

Status commit(Warp &warp, const Instruction &, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  ++warp.productGroups;
  return Status::Next;
}

/// All but the last option[0] groups are over.
Status wait(Warp &warp, const Instruction &in, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  size_t over = 0;
  while (over < warp.products.size() &&
         warp.products[over].group + in.option[0] < warp.productGroups)
    ++over;
  for (size_t i = 0; i < over; ++i)
    if (!checkUnchanged(warp, warp.products[i]) || !workOut(warp, warp.products[i]))
      return Status::Fail;
  std::vector<PendingProduct> done(warp.products.begin(),
                                   warp.products.begin() + static_cast<long>(over));
  warp.products.erase(warp.products.begin(), warp.products.begin() + static_cast<long>(over));
  for (const PendingProduct &product : done)
    for (unsigned i = 0; i < accumulators(*product.in); ++i)
      warp.show(warp.listed(*product.in, i));
  // Those of products that go on stay hidden.
  for (const PendingProduct &product : warp.products)
    for (unsigned i = 0; i < accumulators(*product.in); ++i)
      warp.hide(warp.listed(*product.in, i));
  return Status::Next;
}

Status fence(Warp &warp, const Instruction &, uint32_t lanes) {
  if (!warp.haveMet(lanes))
    return Status::Meet;
  warp.fencedAt = warp.now;
  return Status::Next;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

void decodeAligned(Decoder &d) { d.has("sync"), d.has("aligned"); }

/// The n of `.m64n128k16`, or 0.
unsigned decodeShape(Decoder &d) {
  for (unsigned n = 8; n <= MostColumns; n += 8)
    if (d.has("m64n" + std::to_string(n) + "k16"))
      return n;
  d.refuse("expected a shape .m64n*k16");
  return 0;
}

void decodeElements(Decoder &d) {
  Type sum = d.type(0), left = d.type(1), right = d.type(2);
  if (!(sum == Type{Type::Real, 32}) || left.bits != 16 || !left.isReal() || left.isPair ||
      !(left == right))
    d.refuse("expected sums of f32 and elements of bf16 or f16");
  d.in.option[1] = left.kind == Type::BFloat;
}

/// `d, a, b, adds, scale-a, scale-b, transposed-a, transposed-b`; without transposed-a where a is
/// in registers.
void decodeStart(Decoder &d) {
  decodeAligned(d);
  d.in.option[0] = decodeShape(d);
  decodeElements(d);
  bool inRegisters = d.operand(1).kind == Operand::Vector;
  d.in.option[2] = inRegisters;
  if (d.numOperands() != (inRegisters ? 7u : 8u))
    return d.refuse("unexpected number of operands");
  d.listDestinations(d.operand(0), 32);
  if (d.listed.size() != accumulators(d.in))
    return d.refuse("unexpected number of accumulators");
  if (inRegisters)
    d.listSources(d.operand(1), 32);
  else
    d.in.from[0] = d.source(1, 64);
  if (inRegisters && d.listed.size() != accumulators(d.in) + 4)
    return d.refuse("expected four registers of the left operand");
  d.in.from[1] = d.source(2, 64);
  d.in.from[2] = d.source(3, 1);
  if (d.number(4) != 1 || d.number(5) != 1)
    return d.refuse("other signs than 1 are not modelled");
  uint64_t left = inRegisters ? 0 : d.number(6), right = d.number(inRegisters ? 6 : 7);
  d.in.option[3] = static_cast<uint32_t>(left | right << 1);
  d.in.run = start;
}

void decodeCommit(Decoder &d) {
  decodeAligned(d);
  d.in.run = commit;
}
void decodeWait(Decoder &d) {
  decodeAligned(d);
  d.in.option[0] = static_cast<uint32_t>(d.number(0));
  d.in.run = wait;
}
void decodeFence(Decoder &d) {
  decodeAligned(d);
  d.in.run = fence;
}

} // namespace

void ptx::addWarpgroupMatrices(OpcodeTable &table) {
  table["wgmma.mma_async"] = decodeStart;
  table["wgmma.commit_group"] = decodeCommit;
  table["wgmma.wait_group"] = decodeWait;
  table["wgmma.fence"] = decodeFence;
}
