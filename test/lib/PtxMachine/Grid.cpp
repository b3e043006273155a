//===- Grid.cpp - a launch ---------------------------------------------------------------===//
#include "Grid.h"

#include <algorithm>
#include <numeric>

using namespace ptx;

Grid::Grid(GlobalMemory &memory, const Launch &launch, const Settings &settings, uint32_t number)
    : memory(memory), launch(launch), settings(settings), number(number),
      state(settings.seed * 0x9e3779b97f4a7c15 + number) {}

bool Grid::fail(std::string text) {
  if (problem.empty())
    problem = "kernel '" + launch.kernel->name + "': " + std::move(text);
  return false;
}

uint32_t Grid::random(uint32_t n) {
  if (!settings.seed)
    return 0;
  // The constants of Knuth's MMIX; the upper half is the random one.
  state = state * 6364136223846793005 + 1442695040888963407;
  return static_cast<uint32_t>((state >> 32) % n);
}

bool Grid::check() {
  const Kernel &kernel = *launch.kernel;
  if (!launch.threads || launch.threads % WarpSize || launch.threads > 1024)
    return fail("blocks of " + std::to_string(launch.threads) + " threads");
  if (kernel.maxThreads && launch.threads > kernel.maxThreads)
    return fail("blocks of " + std::to_string(launch.threads) + " threads, at most " +
                std::to_string(kernel.maxThreads) + " are declared");
  return true;
}

/// Parameters as the kernel reads them, at a multiple of 128 bytes.
void Grid::copyParameters() {
  static constexpr size_t Alignment = 128;
  const Kernel &kernel = *launch.kernel;
  parameters.assign(kernel.parameterBytes + 2 * Alignment, 0xff);
  parameterShift =
      (Alignment - reinterpret_cast<uintptr_t>(parameters.data()) % Alignment) % Alignment;
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    std::memcpy(parameterBase() + kernel.parameters[i].offset, launch.parameters[i],
                kernel.parameters[i].bytes);
}

/// As many blocks run side by side as the kernel says that the device must hold, and more of the
/// others as these end.
bool Grid::fillSlots() {
  static constexpr uint64_t Alignment = 1024;
  const Kernel &kernel = *launch.kernel;
  size_t slots = static_cast<size_t>(settings.processors) * std::max(1u, kernel.minBlocks);
  uint64_t shared = Alignment + (kernel.sharedBytes + Alignment - 1) / Alignment * Alignment +
                    launch.dynamicShared;
  for (size_t i = 0; i < running.size();) {
    if (!running[i]->isDone()) {
      ++i;
      continue;
    }
    if (!running[i]->finish())
      return false;
    running.erase(running.begin() + static_cast<long>(i));
    progress();
  }
  while (running.size() < slots && !order.empty()) {
    running.push_back(std::make_unique<Block>(*this, kernel, order.back(), launch.threads, shared));
    order.pop_back();
  }
  return true;
}

std::string Grid::stuck() const {
  std::string text = "nothing goes on:";
  for (const auto &block : running)
    text += block->where();
  return text;
}

bool Grid::runRound() {
  // Rounds in which warps only look at what they wait for.
  static constexpr uint32_t MostIdleRounds = 2000;
  for (const auto &block : running)
    if (!block->runRound())
      return false;
  if (++idleRounds > MostIdleRounds)
    return fail(stuck());
  return true;
}

std::string Grid::run() {
  if (!check())
    return problem;
  copyParameters();
  auto base = reinterpret_cast<uint64_t>(parameterBase());
  memory.add(base, launch.kernel->parameterBytes, /*isUndefined=*/false, /*isReadOnly=*/true);
  order.resize(static_cast<size_t>(launch.grid[0]) * launch.grid[1] * launch.grid[2]);
  std::iota(order.rbegin(), order.rend(), 0);
  for (size_t i = order.size(); settings.seed && i > 1; --i)
    std::swap(order[i - 1], order[random(static_cast<uint32_t>(i))]);
  while (fillSlots() && !running.empty() && runRound())
    ;
  memory.remove(base);
  return problem;
}
