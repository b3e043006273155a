//===- Progress.h - how far a search is, and when it will end -------------===//
#ifndef ATTN_TUNING_PROGRESS_H
#define ATTN_TUNING_PROGRESS_H

#include "mlir/Support/LLVM.h"
#include <functional>
#include <string>

namespace mlir::attn::tuning {

/// Seconds until a search ends that stops after its candidates or its budget, whichever is first.
/// Before anything is done only the budget is known.
double secondsLeft(double elapsed, double budget, int64_t done, int64_t known);

/// Shows a search: on a terminal one line that is written over, with a bar; elsewhere one line for
/// each better schedule.
class Progress {
public:
  /// `clock` gives seconds from any start.
  Progress(raw_ostream &os, bool isTerminal, std::string title, double budget,
           std::function<double()> clock);
  ~Progress();

  /// `known` candidates are to be tried at least, `done` have been; `gain` is the best speed so far
  /// over the first schedule's.
  void show(int64_t done, int64_t known, double gain);
  /// A line that stays.
  void say(const Twine &line);
  double elapsed() const { return clock() - start; }
  bool isOver() const { return elapsed() >= budget; }

private:
  void clear();

  raw_ostream &os;
  bool isTerminal;
  std::string title;
  double budget;
  std::function<double()> clock;
  double start;
  size_t shown = 0;
};

/// While one lives, the first Ctrl-C only sets a flag, the second ends the program as usual.
class InterruptFlag {
public:
  InterruptFlag();
  ~InterruptFlag();
  static bool isSet();

private:
  void (*before)(int);
};

} // namespace mlir::attn::tuning

#endif // ATTN_TUNING_PROGRESS_H
