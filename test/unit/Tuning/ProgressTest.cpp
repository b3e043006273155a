//===- ProgressTest.cpp - how far a search is, and when it will end -------===//

#include "attn/Tuning/Progress.h"

#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <gtest/gtest.h>

using namespace mlir::attn::tuning;

TEST(SecondsLeft, BeforeAnythingIsDoneIsTheBudget) {
  EXPECT_DOUBLE_EQ(secondsLeft(0, 60, 0, 10), 60);
  EXPECT_DOUBLE_EQ(secondsLeft(5, 60, 0, 10), 55);
}

TEST(SecondsLeft, FollowsTheSpeedSoFar) {
  EXPECT_DOUBLE_EQ(secondsLeft(4, 60, 2, 10), 16) << "two seconds each, eight to go";
  EXPECT_DOUBLE_EQ(secondsLeft(20, 60, 10, 10), 0);
}

TEST(SecondsLeft, IsNeverMoreThanTheBudgetNorNegative) {
  EXPECT_DOUBLE_EQ(secondsLeft(50, 60, 5, 100), 10);
  EXPECT_DOUBLE_EQ(secondsLeft(70, 60, 5, 100), 0);
  EXPECT_DOUBLE_EQ(secondsLeft(70, 60, 12, 10), 0);
}

namespace {

struct Shown {
  double time = 0;
  std::string text;

  std::string run(bool isTerminal) {
    llvm::raw_string_ostream os(text);
    Progress progress(os, isTerminal, "tune f", 60, [this] { return time; });
    time = 4;
    progress.show(2, 10, 1.25);
    progress.say("1.25 times");
    EXPECT_FALSE(progress.isOver());
    time = 60;
    EXPECT_TRUE(progress.isOver());
    return text;
  }
};

} // namespace

TEST(Progress, IsALineWithABarOnATerminal) {
  std::string text = Shown().run(true);
  EXPECT_NE(text.find("tune f [####"), std::string::npos) << text;
  EXPECT_NE(text.find("2/10, best 1.25x, 16 s left"), std::string::npos) << text;
  EXPECT_NE(text.find("\rtune f: 1.25 times\n"), std::string::npos) << text;
}

TEST(Progress, IsPlainLinesElsewhere) { EXPECT_EQ(Shown().run(false), "tune f: 1.25 times\n"); }

TEST(InterruptFlag, TakesTheFirstCtrlC) {
  InterruptFlag flag;
  EXPECT_FALSE(InterruptFlag::isSet());
  std::raise(SIGINT);
  EXPECT_TRUE(InterruptFlag::isSet());
}
