//===- Parallel.cpp - independent iterations on all processors ---------------===//
#include "Parallel.h"
#include "attn/Reference/Evaluate.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace mlir::attn;

static std::atomic<unsigned> wantedThreads{0};

void reference::setEvaluationThreads(unsigned threads) { wantedThreads = threads; }

static int64_t threadsFor(int64_t count, int64_t cost) {
  // A thread starts in tens of microseconds; below this much work that is a loss.
  constexpr int64_t worthwhile = 200000;
  int64_t threads = wantedThreads.load();
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  int64_t parts = count * std::max<int64_t>(cost, 1) / worthwhile + 1;
  return std::max<int64_t>(1, std::min({threads, count, parts}));
}

void reference::parallelFor(int64_t count, int64_t cost, llvm::function_ref<void(int64_t)> body) {
  int64_t threads = threadsFor(count, cost);
  int64_t chunk = std::max<int64_t>(1, count / (threads * 16));
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t first; (first = next.fetch_add(chunk)) < count;)
      for (int64_t i = first, last = std::min(first + chunk, count); i < last; ++i)
        body(i);
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < threads; ++i)
    others.emplace_back(work);
  work();
  for (std::thread &other : others)
    other.join();
}
