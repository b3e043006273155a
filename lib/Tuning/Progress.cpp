//===- Progress.cpp - how far a search is, and when it will end -----------===//
#include "attn/Tuning/Progress.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <csignal>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

double tuning::secondsLeft(double elapsed, double budget, int64_t done, int64_t known) {
  double untilBudget = std::max(0.0, budget - elapsed);
  if (done <= 0)
    return untilBudget;
  double each = elapsed / static_cast<double>(done);
  return std::min(untilBudget, each * static_cast<double>(std::max<int64_t>(0, known - done)));
}

Progress::Progress(raw_ostream &os, bool isTerminal, std::string title, double budget,
                   std::function<double()> clock)
    : os(os), isTerminal(isTerminal), title(std::move(title)), budget(budget),
      clock(std::move(clock)), start(this->clock()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown)
    os << '\r' << std::string(shown, ' ') << '\r';
  shown = 0;
  os.flush();
}

void Progress::say(const Twine &line) {
  clear();
  os << title << ": " << line << "\n";
  os.flush();
}

void Progress::show(int64_t done, int64_t known, double gain) {
  if (!isTerminal)
    return;
  constexpr int64_t width = 24;
  int64_t filled = std::min(width, width * done / std::max<int64_t>(1, known));
  std::string bar(filled, '#');
  bar.resize(width, '.');
  std::string line = llvm::formatv("{0} [{1}] {2}/{3}, best {4:F2}x, {5:F0} s left", title, bar,
                                   done, known, gain, secondsLeft(elapsed(), budget, done, known));
  clear();
  os << line;
  shown = line.size();
  os.flush();
}

//===----------------------------------------------------------------------===//
// Ctrl-C
//===----------------------------------------------------------------------===//

static volatile std::sig_atomic_t interrupted = 0;

static void interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);
}

InterruptFlag::InterruptFlag() : before(std::signal(SIGINT, interrupt)) { interrupted = 0; }
InterruptFlag::~InterruptFlag() { std::signal(SIGINT, before); }
bool InterruptFlag::isSet() { return interrupted != 0; }
