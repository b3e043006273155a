//===- Tune.cpp - searches schedules on this machine ----------------------===//
#include "attn/Tuning/Tune.h"
#include "Workshop.h"
#include "attn/Tuning/Candidates.h"
#include "attn/Tuning/Progress.h"
#include "attn/Tuning/Store.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include <chrono>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

static double wallClock() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

static std::string textOf(ScheduleAttr schedule) {
  std::string text;
  llvm::raw_string_ostream(text) << schedule;
  return text;
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

namespace {

/// Climbs from the planner's schedules: of all neighbours the fastest becomes the next centre,
/// until none is faster, the budget is spent, or somebody interrupts.
class Search {
public:
  Search(Workshop &workshop, func::FuncOp planned, TargetAttr target, Progress &progress)
      : workshop(workshop), planned(planned), target(target), progress(progress) {}

  /// Fails with a sentence in `wrong` when the planner's own kernel does not run.
  LogicalResult run(std::string &wrong);
  const Trial &first() const { return *start; }
  const Trial &best() const { return *centre; }
  double gain() const { return start->seconds / centre->seconds; }
  int64_t tried() const { return done; }

private:
  /// Launches of one candidate, and of the two in the final comparison, in seconds.
  static constexpr double shortTime = 0.1, longTime = 0.3;
  /// A difference below this is noise.
  static constexpr double leastGain = 1.01;

  SmallVector<Schedules> around();
  bool tryAll(ArrayRef<Schedules> candidates);
  void compareAgain();
  bool mustStop() const { return progress.isOver() || InterruptFlag::isSet(); }

  Workshop &workshop;
  func::FuncOp planned;
  TargetAttr target;
  Progress &progress;
  std::shared_ptr<Trial> start, centre;
  llvm::DenseSet<Attribute> seen;
  int64_t done = 0, known = 0;
};

} // namespace

/// One attribute for a list of schedules, to remember it by.
static Attribute keyOfSchedules(MLIRContext *context, const Schedules &schedules) {
  SmallVector<Attribute> list(schedules.begin(), schedules.end());
  return ArrayAttr::get(context, list);
}

/// Neighbours of the centre that were not tried: one attention of the entry changes at a time.
SmallVector<Schedules> Search::around() {
  SmallVector<Schedules> found;
  setSchedules(planned, centre->schedules);
  unsigned index = 0;
  planned.walk([&](AttentionOp op) {
    for (ScheduleAttr schedule : feasibleNeighbours(op, target)) {
      Schedules changed = centre->schedules;
      changed[index] = schedule;
      if (seen.insert(keyOfSchedules(op.getContext(), changed)).second)
        found.push_back(changed);
    }
    ++index;
  });
  setSchedules(planned, start->schedules);
  return found;
}

/// Whether one of them is faster than the centre; it becomes the centre.
bool Search::tryAll(ArrayRef<Schedules> candidates) {
  std::shared_ptr<Trial> fastest = centre;
  known = done + static_cast<int64_t>(candidates.size());
  for (const Schedules &schedules : candidates) {
    if (mustStop())
      break;
    std::string wrong;
    std::shared_ptr<Trial> trial = workshop.make(schedules, wrong);
    ++done;
    if (trial)
      workshop.time(*trial, shortTime);
    if (trial && trial->seconds * leastGain < fastest->seconds) {
      fastest = trial;
      progress.say(llvm::formatv("{0:F2} times the planner's after {1} candidates",
                                 start->seconds / fastest->seconds, done)
                       .str());
    }
    progress.show(done, known, start->seconds / fastest->seconds);
  }
  bool moved = fastest != centre;
  centre = fastest;
  return moved;
}

/// The best and the planner's in turns, so that a moment in which the machine was slow favours
/// neither. The planner's stays unless it is beaten again.
void Search::compareAgain() {
  if (centre == start)
    return;
  start->seconds = centre->seconds = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 5; ++round) {
    workshop.time(*start, longTime / 5);
    workshop.time(*centre, longTime / 5);
  }
  if (gain() < leastGain)
    centre = start;
}

LogicalResult Search::run(std::string &wrong) {
  start = centre = workshop.make(schedulesOf(planned), wrong);
  if (!start)
    return failure();
  seen.insert(keyOfSchedules(planned.getContext(), start->schedules));
  workshop.time(*start, longTime);
  bool moved = true;
  while (moved && !mustStop()) {
    SmallVector<Schedules> candidates = around();
    moved = !candidates.empty() && tryAll(candidates);
  }
  compareAgain();
  return success();
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

namespace {

/// All entries of a kernel, and the file of results.
class Tuner {
public:
  Tuner(PlannedKernel &kernel, const TuneRequest &request, raw_ostream &diagnostics)
      : kernel(kernel), request(request), os(diagnostics) {}
  Outcome run();

private:
  Outcome tune(func::FuncOp planned, func::FuncOp definition, double budget);
  void useRemembered(func::FuncOp planned, const Key &key);
  Outcome remember(const Search &search, func::FuncOp definition, const Key &key);
  void apply(func::FuncOp planned, const Schedules &schedules);
  SmallVector<func::FuncOp> entries();

  PlannedKernel &kernel;
  const TuneRequest &request;
  raw_ostream &os;
  std::string path;
  Store store;
  TargetAttr target;
};

} // namespace

/// Entries with an attention to tune.
SmallVector<func::FuncOp> Tuner::entries() {
  SmallVector<func::FuncOp> found;
  for (auto function : kernel.session.module().getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal() && !schedulesOf(function).empty())
      found.push_back(function);
  return found;
}

void Tuner::apply(func::FuncOp planned, const Schedules &schedules) {
  if (schedules == schedulesOf(planned))
    return;
  setSchedules(planned, schedules);
  Builder b(planned.getContext());
  planned.walk([&](AttentionOp op) {
    op->setAttr("attn.schedule_reasons",
                b.getStrArrayAttr({"chosen by tuning on a machine (attn-compile --tune), not by "
                                   "the cost model"}));
  });
}

/// The schedules of a result; empty when they do not fit the entry.
static Schedules parseSchedules(MLIRContext *context, const Result &result, size_t count) {
  Schedules schedules;
  for (const std::string &text : result.schedules)
    if (auto schedule = dyn_cast_or_null<ScheduleAttr>(parseAttribute(text, context)))
      schedules.push_back(schedule);
  return schedules.size() == count ? schedules : Schedules();
}

void Tuner::useRemembered(func::FuncOp planned, const Key &key) {
  const Result *result = store.find(key);
  size_t count = schedulesOf(planned).size();
  Schedules schedules = result ? parseSchedules(planned.getContext(), *result, count) : Schedules();
  if (schedules.empty()) {
    os << "note: " << planned.getSymName() << ": " << path
       << " has no schedule for this entry on this machine; the planner's is used. Search one with "
          "--tune\n";
    return;
  }
  apply(planned, schedules);
  os << "note: " << planned.getSymName() << ": tuned schedule " << textOf(schedules.front())
     << (count > 1 ? ", …" : "") << "\n";
}

Outcome Tuner::remember(const Search &search, func::FuncOp definition, const Key &key) {
  auto role = definition->getAttrOfType<StringAttr>("attn.entry");
  Result result{key, definition.getSymName().str(), {}};
  for (ScheduleAttr schedule : search.best().schedules)
    result.schedules.push_back(textOf(schedule));
  result.batch = request.sizes.batch;
  result.queryLength = request.sizes.queryLengthFor(role ? role.getValue() : "");
  result.keyLength = request.sizes.keyLength;
  result.threads = request.threads;
  result.seconds = search.best().seconds;
  result.plannedSeconds = search.first().seconds;
  // Another program may have written since.
  if (llvm::Expected<Store> now = Store::read(path))
    store = std::move(*now);
  else
    return kernel.session.error(llvm::toString(now.takeError()));
  store.put(std::move(result));
  if (llvm::Error error = store.write(path))
    return kernel.session.error(llvm::toString(std::move(error)));
  return Outcome::Success;
}

Outcome Tuner::tune(func::FuncOp planned, func::FuncOp definition, double budget) {
  std::string name = planned.getSymName().str(), wrong;
  Key key = keyOf(definition, target);
  Workshop workshop(kernel, definition, request);
  Progress progress(os, llvm::sys::Process::StandardErrIsDisplayed(), "tune " + name, budget,
                    wallClock);
  Search search(workshop, planned, target, progress);
  if (failed(workshop.prepare(wrong)) || failed(search.run(wrong)))
    return kernel.session.error("--tune: " + name + ": " + wrong);
  apply(planned, search.best().schedules);
  progress.say(llvm::formatv("{0}, {1:F2} times the planner's ({2:F3} ms against {3:F3} ms), {4} "
                             "candidates tried{5}",
                             textOf(search.best().schedules.front()), search.gain(),
                             search.best().seconds * 1e3, search.first().seconds * 1e3,
                             search.tried(), InterruptFlag::isSet() ? ", interrupted" : "")
                   .str());
  return remember(search, definition, key);
}

Outcome Tuner::run() {
  path = defaultStorePath();
  llvm::Expected<Store> read = Store::read(path);
  if (!read)
    return kernel.session.error(llvm::toString(read.takeError()));
  store = std::move(*read);
  target = kernel.session.module()->getAttrOfType<TargetAttr>(targetAttrName);
  if (target.getWord("kind") != "cpu")
    return kernel.session.error("--tune and --use-tuned know processors only, found target '" +
                                kernel.target.name() + "'");
  InterruptFlag flag;
  SmallVector<func::FuncOp> all = entries();
  double spent = 0;
  for (auto [i, planned] : llvm::enumerate(all)) {
    auto definition = kernel.elaborated.lookupSymbol<func::FuncOp>(planned.getSymName());
    if (!request.search) {
      useRemembered(planned, keyOf(definition, target));
      continue;
    }
    double start = wallClock();
    Outcome outcome =
        tune(planned, definition, (request.budget - spent) / static_cast<double>(all.size() - i));
    if (outcome != Outcome::Success)
      return outcome;
    spent += wallClock() - start;
  }
  return Outcome::Success;
}

Outcome attn::tuneSchedules(PlannedKernel &kernel, const TuneRequest &request,
                            raw_ostream &diagnostics) {
  return Tuner(kernel, request, diagnostics).run();
}
