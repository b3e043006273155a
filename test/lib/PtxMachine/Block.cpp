//===- Block.cpp - warps that take turns ------------------------------------------------===//
#include "Block.h"
#include "Grid.h"

#include <algorithm>
#include <numeric>

using namespace ptx;

Block::Block(Grid &grid, const Kernel &kernel, uint32_t number, unsigned threads,
             uint64_t sharedBytes)
    : grid(grid), kernel(kernel), number(number), threads(threads),
      shared(sharedBytes, threads / WarpSize, grid.number % 2 ? 0 : grid.number * 1000003 + number),
      nextActor(threads / WarpSize) {
  for (unsigned i = 0; i < threads / WarpSize; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i, kernel));
}

bool Block::isDone() const {
  for (const auto &warp : warps)
    if (!warp->isDone())
      return false;
  return true;
}

/// Copies arrive when the seed says so, the oldest first without one.
bool Block::deliver() {
  if (bulkCopies.empty())
    return true;
  size_t which = grid.random(static_cast<uint32_t>(bulkCopies.size()));
  BulkCopy copy = std::move(bulkCopies[which]);
  bulkCopies.erase(bulkCopies.begin() + static_cast<long>(which));
  TransactionBarrier &barrier = barriers[copy.barrier];
  Accessor who;
  who.actor = barrier.actor, who.line = copy.line;
  who.isAsyncProxy = true;
  barrier.building.own.resize(std::max<size_t>(barrier.building.own.size(), barrier.actor + 1), 0);
  who.clock = barrier.building.own[barrier.actor] = ++deliveries;
  for (const BulkCopy::Piece &piece : copy.pieces)
    shared.arrive(who, piece.address, piece.data.size(), piece.data.data(), piece.isDefined);
  barrier.bytes -= copy.bytes;
  grid.progress();
  complete(barrier);
  return true;
}

void Block::complete(TransactionBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.pending = barrier.expected;
  ++barrier.phase;
  barrier.done = std::move(barrier.building);
  barrier.building = {};
  grid.progress();
}

bool Block::runRound() {
  static constexpr unsigned PlainQuantum = 256, SmallestQuantum = 4;
  std::vector<uint32_t> order(warps.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); grid.settings.seed && i > 1; --i)
    std::swap(order[i - 1], order[grid.random(static_cast<uint32_t>(i))]);
  for (uint32_t which : order) {
    Warp &warp = *warps[which];
    unsigned quantum =
        grid.settings.seed ? SmallestQuantum + grid.random(PlainQuantum) : PlainQuantum;
    if (warp.isDone() || warp.isBlocked())
      continue;
    if (!warp.run(quantum))
      return false;
    if (warp.isDone())
      for (NamedBarrier &barrier : named)
        complete(barrier);
  }
  bool arrives = !grid.settings.seed || grid.random(3) == 0;
  return !arrives || deliver();
}

bool Block::finish() {
  for (const auto &warp : warps)
    if (!warp->products.empty())
      return grid.fail("the kernel ended before products of line " +
                       std::to_string(warp->products[0].in->line) + " were waited for");
  for (size_t i = 0; i < warps.size(); ++i)
    if (warps[i]->productsStarted != warps[i / 4 * 4]->productsStarted)
      return grid.fail("warps of one warpgroup started different numbers of products");
  if (!bulkCopies.empty())
    return grid.fail("the kernel ended before the copy of line " +
                     std::to_string(bulkCopies[0].line) + " arrived");
  return true;
}

std::string Block::where() const {
  std::string text;
  for (const auto &warp : warps)
    if (!warp->isDone())
      text += "\n  block " + std::to_string(number) + ", warp " + std::to_string(warp->number) +
              ": " + warp->where();
  return text;
}
