//===- BulkCopies.cpp - cp.async.bulk.tensor
//------------------------------------------------------===//
//
// A box of a tensor comes into shared memory and its bytes count for an mbarrier. It arrives when
// the block says so, copies that set out later maybe earlier; until then the memory is undefined.
//
//===-----------------------------------------------------------------------------------------------===//
#include "Accesses.h"
#include "Decoder.h"
#include "TensorMap.h"

using namespace ptx;

namespace {

/// What a box needs to know: where its first element is, and what of it is outside of the tensor.
struct Box {
  const TensorMap *map;
  int64_t first[TensorMap::MostAxes];
  uint64_t rowBytes() const { return static_cast<uint64_t>(map->box[0]) * map->elementBytes; }
  uint64_t rows() const {
    uint64_t n = 1;
    for (unsigned axis = 1; axis < map->rank; ++axis)
      n *= map->box[axis];
    return n;
  }
};

/// Address of a row of a box; false when it lies outside, and is zeros.
bool findRow(const Box &box, uint64_t row, uint64_t &address) {
  address = box.map->address;
  for (unsigned axis = 1; axis < box.map->rank; ++axis) {
    int64_t at = box.first[axis] + static_cast<int64_t>(row % box.map->box[axis]);
    row /= box.map->box[axis];
    if (at < 0 || static_cast<uint64_t>(at) >= box.map->size[axis])
      return false;
    address += static_cast<uint64_t>(at) * box.map->stride[axis - 1];
  }
  return true;
}

/// One row of a box, with zeros for what is outside.
bool readRow(Warp &warp, const Instruction &in, const Box &box, uint64_t row,
             std::vector<uint8_t> &data, bool &isDefined) {
  data.assign(box.rowBytes(), 0);
  uint64_t address;
  if (!findRow(box, row, address))
    return true;
  int64_t begin = std::max<int64_t>(box.first[0], 0),
          end = std::min<int64_t>(box.first[0] + box.map->box[0],
                                  static_cast<int64_t>(box.map->size[0]));
  unsigned width = box.map->elementBytes;
  if (begin >= end)
    return true;
  // Element for element, as tensors need not begin at words.
  GlobalMemory &memory = warp.block.grid.memory;
  if (!memory.read(warp.globalAccessor(in, false), address + static_cast<uint64_t>(begin) * width,
                   static_cast<uint64_t>(end - begin) * width,
                   &data[static_cast<uint64_t>(begin - box.first[0]) * width], isDefined)) {
    warp.fail(in, memory.problem);
    return false;
  }
  return true;
}

/// Sets out: reads the box, and takes its places in shared memory, 16 bytes each.
bool sendBox(Warp &warp, const Instruction &in, uint32_t lane, const Box &box, uint64_t to,
             BulkCopy &copy) {
  static constexpr uint64_t PieceBytes = 16;
  Accessor who = warp.accessor(in, lane);
  who.isAsyncProxy = true;
  std::vector<uint8_t> row;
  for (uint64_t r = 0; r < box.rows(); ++r) {
    bool isDefined = true;
    if (!readRow(warp, in, box, r, row, isDefined))
      return false;
    for (uint64_t at = 0; at < row.size(); at += PieceBytes) {
      uint64_t place = swizzled(to + r * row.size() + at, box.map->swizzle);
      if (!warp.block.shared.depart(who, place, PieceBytes)) {
        warp.fail(in, warp.block.shared.problem);
        return false;
      }
      copy.pieces.push_back({static_cast<uint32_t>(place), {}, isDefined});
      copy.pieces.back().data.assign(row.begin() + static_cast<long>(at),
                                     row.begin() + static_cast<long>(at + PieceBytes));
    }
    copy.bytes += static_cast<uint32_t>(row.size());
  }
  return true;
}

const TensorMap *findMap(Warp &warp, const Instruction &in, int lane) {
  auto address = warp.values<uint64_t>(in.from[1])[lane];
  const auto *map = reinterpret_cast<const TensorMap *>(address);
  uint8_t bytes[sizeof(TensorMap)];
  bool isDefined = true;
  GlobalMemory &memory = warp.block.grid.memory;
  if (address % 64 == 0 &&
      memory.read(warp.globalAccessor(in, false), address, sizeof(TensorMap), bytes, isDefined) &&
      map->magic == TensorMap::Magic && map->rank == in.numListed)
    return map;
  warp.fail(in, "there is no tensor map of " + std::to_string(in.numListed) +
                    " axes at the address given");
  return nullptr;
}

/// from: destination, map, mbarrier; listed: coordinates. Each lane that comes here sends a box.
Status copyBox(Warp &warp, const Instruction &in, uint32_t lanes) {
  static constexpr uint64_t Alignment = 128;
  if (!mayTouchMemory(warp, in))
    return Status::Fail;
  for (unsigned slot = 0; slot < 3; ++slot)
    if (!warp.mustBeDefined(in, in.from[slot], lanes, "an address"))
      return Status::Fail;
  for (unsigned i = 0; i < in.numListed; ++i)
    if (!warp.mustBeDefined(in, warp.listed(in, i), lanes, "a coordinate"))
      return Status::Fail;
  for (int lane = 0; lane < WarpSize; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    Box box = {findMap(warp, in, lane), {}};
    auto to = warp.values<uint64_t>(in.from[0])[lane],
         barrier = warp.values<uint64_t>(in.from[2])[lane];
    if (!box.map)
      return Status::Fail;
    if (to % Alignment || !warp.block.barriers.count(static_cast<uint32_t>(barrier)))
      return warp.fail(in, "expected a place at a multiple of 128 bytes and an mbarrier");
    for (unsigned i = 0; i < in.numListed; ++i)
      box.first[i] = warp.values<int32_t>(warp.listed(in, i))[lane];
    BulkCopy copy;
    copy.barrier = static_cast<uint32_t>(barrier);
    copy.line = in.line;
    if (!sendBox(warp, in, static_cast<uint32_t>(lane), box, to, copy))
      return Status::Fail;
    warp.block.bulkCopies.push_back(std::move(copy));
  }
  // So that it counts as known to who sees the barrier's phase end.
  ++warp.knowledge.own[warp.number];
  return Status::Next;
}

/// `.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [to], [map, {coordinates}],
/// [barrier]`.
void decodeCopyBox(Decoder &d) {
  int axes = d.which({"1d", "2d", "3d", "4d", "5d"}) + 1;
  bool isToShared = d.has("shared::cta") || d.has("shared::cluster");
  d.has("tile");
  if (!isToShared || !d.has("global") || !d.has("mbarrier::complete_tx::bytes"))
    return d.refuse("expected a copy from global to shared memory that an mbarrier counts");
  if (d.numOperands() != 3 || d.operand(1).parts.size() != 2)
    return d.refuse("expected a place, a tensor map with coordinates, and an mbarrier");
  for (unsigned slot = 0; slot < 3; ++slot) {
    const Operand &at = d.operand(slot);
    if (at.kind != Operand::Address || at.bits)
      return d.refuse("expected addresses without offsets");
    d.in.from[slot] = d.source(at.parts[0], 64);
  }
  d.listSources(d.operand(1).parts[1], 32);
  if (static_cast<int>(d.listed.size()) != axes)
    return d.refuse("expected a coordinate for each axis");
  d.in.run = copyBox;
}

} // namespace

void ptx::addBulkCopies(OpcodeTable &table) { table["cp.async.bulk.tensor"] = decodeCopyBox; }
