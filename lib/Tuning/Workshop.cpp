//===- Workshop.cpp - compiles, checks and times schedules of one entry ----===//
#include "Workshop.h"
#include "attn/IR/AttnOps.h"
#include "llvm/Support/FileSystem.h"
#include <chrono>
#include <cmath>
#include <ctime>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;
using namespace mlir::attn::tuning;

void tuning::setSchedules(func::FuncOp function, const Schedules &schedules) {
  unsigned next = 0;
  function.walk([&](AttentionOp op) { op.setScheduleAttr(schedules[next++]); });
}

Schedules tuning::schedulesOf(func::FuncOp function) {
  Schedules schedules;
  function.walk([&](AttentionOp op) { schedules.push_back(op.getScheduleAttr()); });
  return schedules;
}

Workshop::Workshop(PlannedKernel &kernel, func::FuncOp definition, const TuneRequest &request)
    : kernel(kernel), definition(definition), request(request) {}

Workshop::~Workshop() {
  if (!folder.empty())
    llvm::sys::fs::remove_directories(folder);
}

LogicalResult Workshop::prepare(std::string &wrong) {
  auto role = definition->getAttrOfType<StringAttr>("attn.entry");
  InputSizes sizes{request.sizes.batch, request.sizes.queryLengthFor(role ? role.getValue() : ""),
                   request.sizes.keyLength};
  auto filled = makeInputs(definition, sizes, /*seed=*/1);
  if (failed(filled) || llvm::sys::fs::createUniqueDirectory("attn-tune", folder)) {
    wrong = failed(filled) ? "no inputs can be made for it" : "cannot make a temporary folder";
    return failure();
  }
  inputs = std::move(*filled);
  return success();
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

Outcome Workshop::compileTo(StringRef path, const Schedules &schedules) {
  // Candidates that a later pass cannot obey are no error of the input.
  ScopedDiagnosticHandler mute(kernel.session.context(), [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> candidate = kernel.session.module().clone();
  setSchedules(candidate->lookupSymbol<func::FuncOp>(definition.getSymName()), schedules);
  CompileOptions options;
  options.target = kernel.target.name();
  options.entries = {definition.getSymName().str()};
  OwningOpRef<ModuleOp> planned = kernel.session.exchangeModule(std::move(candidate));
  Outcome outcome = compileBundle(kernel.session, options, path);
  kernel.session.exchangeModule(std::move(planned));
  return outcome;
}

std::unique_ptr<Trial> Workshop::make(const Schedules &schedules, std::string &wrong) {
  std::string path = (folder + "/" + Twine(made++)).str();
  if (compileTo(path, schedules) != Outcome::Success) {
    wrong = "the target cannot obey it";
    return nullptr;
  }
  auto trial = std::make_unique<Trial>();
  trial->schedules = schedules;
  trial->bundle = attn_rt::Bundle::open(path, wrong);
  // Loaded code stays without its file; many candidates would fill the disk.
  llvm::sys::fs::remove_directories(path);
  const attn_rt::Entry *entry =
      trial->bundle ? trial->bundle->find(definition.getSymName().str()) : nullptr;
  if (!entry)
    return nullptr;
  trial->launch = std::make_unique<Launch>(*entry, definition, inputs, /*guarded=*/false,
                                           /*device=*/nullptr);
  wrong = trial->launch->run(request.threads);
  if (wrong.empty() && !computesTheSame(*trial->launch))
    wrong = "it computes something else than the planner's";
  return wrong.empty() ? std::move(trial) : nullptr;
}

//===----------------------------------------------------------------------===//
// Comparison and time
//===----------------------------------------------------------------------===//

/// Another order of sums and other roundings of weights: some units of the element type, compared
/// with the size of all values.
static bool isClose(const HostTensor &found, const HostTensor &wanted) {
  double squares = 0;
  int64_t finite = 0;
  for (double value : wanted.values)
    if (std::isfinite(value)) {
      squares += value * value;
      ++finite;
    }
  double size = std::sqrt(squares / static_cast<double>(std::max<int64_t>(1, finite)));
  double allowed = 64 * std::max(unitRoundoff(wanted.kind), 1e-7) * std::max(size, 1e-30);
  for (auto [a, b] : llvm::zip_equal(found.values, wanted.values)) {
    bool same = std::isfinite(b) ? std::abs(a - b) <= allowed + allowed * std::abs(b)
                                 : a == b || (std::isnan(a) && std::isnan(b));
    if (!same)
      return false;
  }
  return true;
}

bool Workshop::computesTheSame(const Launch &launch) {
  bool isFirst = expected.empty();
  for (unsigned i = 0; i < launch.numOutputs(); ++i) {
    HostTensor found = launch.output(i);
    if (isFirst)
      expected.push_back(std::move(found));
    else if (!isClose(found, expected[i]))
      return false;
  }
  return true;
}

/// Seconds from any start: of this thread's processor time for one thread, so that other work on
/// the machine counts less.
static double now(int32_t threads) {
  timespec time;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double Workshop::timeOnce(const Trial &trial) {
  double start = now(request.threads);
  std::string wrong = trial.launch->run(request.threads);
  return wrong.empty() ? now(request.threads) - start : std::numeric_limits<double>::infinity();
}

void Workshop::time(Trial &trial, double seconds) {
  constexpr int least = 3, most = 200;
  double total = 0;
  for (int i = 0; i < most && (total < seconds || (i < least && total < 2 * seconds)); ++i) {
    double once = timeOnce(trial);
    trial.seconds = std::min(trial.seconds, once);
    total += once;
  }
}
