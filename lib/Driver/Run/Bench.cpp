//===- Bench.cpp - times an entry -----------------------------------------===//

#include "Measure.h"

#include <algorithm>
#include <chrono>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

using Clock = std::chrono::steady_clock;

static double timeOnce(Launch &launch, int32_t threads, std::string &wrong) {
  auto start = Clock::now();
  wrong = launch.run(threads);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Launches until both `atLeast` times and `seconds` are reached, at most `atMost` times.
static std::vector<double> timeMany(Launch &launch, int32_t threads, size_t atLeast, size_t atMost,
                                    double seconds, std::string &wrong) {
  std::vector<double> times;
  double total = 0;
  while (wrong.empty() && times.size() < atMost && (times.size() < atLeast || total < seconds)) {
    times.push_back(timeOnce(launch, threads, wrong));
    total += times.back();
  }
  return times;
}

static double medianOf(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  size_t half = times.size() / 2;
  return times.size() % 2 ? times[half] : (times[half - 1] + times[half]) / 2;
}

/// The machine cannot be done sooner than its arithmetic, nor than its memory. A ceiling that could
/// not be measured sets no limit.
static void fillShares(RunRecord &record, const MachineCeiling &ceiling) {
  double least = ceiling.bytes > 0 ? record.cost.bytes / ceiling.bytes : 0;
  if (ceiling.flops > 0)
    least = std::max(least, record.cost.flops / ceiling.flops);
  record.ceiling = least > 0 ? record.cost.flops / least : 0;
  record.ceilingShare = *record.medianSeconds > 0 ? least / *record.medianSeconds : 0;
  record.measuredCeiling = ceiling;
}

/// Rested: a card that idled runs faster than one that is hot.
static std::vector<double> timeOnDevice(Launch &launch, Device &device, std::string &wrong) {
  constexpr unsigned groups = 5;
  constexpr double restSeconds = 0.08;
  std::vector<double> times;
  wrong = device.time([&] { return launch.enqueue(); }, groups, restSeconds, times);
  return times;
}

LogicalResult attn::benchEntry(const Subject &subject, const MachineCeiling &ceiling,
                               RunRecord &record, std::string &verdict) {
  InputSizes sizes{subject.sizes.batch, *subject.sizes.queryLength, subject.sizes.keyLength};
  auto inputs = makeInputs(subject.function, sizes, subject.seed);
  if (failed(inputs)) {
    verdict = "no inputs can be made for it";
    return failure();
  }
  Launch launch(subject.entry, subject.function, *inputs, /*guarded=*/false, subject.device);
  std::vector<double> times;
  verdict = launch.prepare();
  if (!verdict.empty())
    return failure();
  launch.growCaches(subject.function);
  if (subject.device) {
    times = timeOnDevice(launch, *subject.device, verdict);
  } else {
    timeMany(launch, subject.threads, 2, 100, 0.1, verdict);
    times = timeMany(launch, subject.threads, 10, 1000, 0.5, verdict);
  }
  if (!verdict.empty())
    return failure();
  record.medianSeconds = medianOf(times);
  fillShares(record, ceiling);
  return success();
}
