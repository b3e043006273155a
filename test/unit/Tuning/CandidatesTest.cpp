//===- CandidatesTest.cpp - schedules near a schedule ---------------------===//

#include "attn/Tuning/Candidates.h"

#include "attn/IR/AttnDialect.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

namespace {

class CandidatesTest : public ::testing::Test {
protected:
  CandidatesTest() { context.loadDialect<AttnDialect, func::FuncDialect>(); }

  ScheduleAttr schedule(StringRef fields) {
    std::string text = ("#attn.schedule<" + fields + ">").str();
    return cast<ScheduleAttr>(parseAttribute(text, &context));
  }

  MLIRContext context;
};

constexpr const char *panels =
    "rows = 16, keys = 120, panels = 4, lanes = 8, register_keys = 6, register_values = 6";

/// How many integer fields differ.
int differences(ScheduleAttr a, ScheduleAttr b) {
  int count = 0;
  for (StringRef name : {"rows", "keys", "panels", "register_keys", "register_values", "unroll"})
    count += a.getInt(name) != b.getInt(name);
  return count;
}

} // namespace

TEST_F(CandidatesTest, AreDifferentAndNeverTheStart) {
  ScheduleAttr start = schedule(panels);
  SmallVector<ScheduleAttr> near = neighbours(start);
  EXPECT_GT(near.size(), 10u);
  std::set<const void *> seen;
  for (ScheduleAttr each : near) {
    EXPECT_NE(each, start);
    EXPECT_TRUE(seen.insert(each.getAsOpaquePointer()).second) << "twice";
    EXPECT_EQ(each.getInt("lanes"), 8);
    EXPECT_EQ(each.getInt("keys") % each.getInt("register_keys"), 0);
    EXPECT_GE(differences(each, start), 1);
    EXPECT_LE(differences(each, start), 4);
  }
}

TEST_F(CandidatesTest, ComeInTheSameOrder) {
  EXPECT_EQ(neighbours(schedule(panels)), neighbours(schedule(panels)));
}

TEST_F(CandidatesTest, PanelsDoubleAndHalve) {
  std::set<int64_t> seen;
  for (ScheduleAttr each : neighbours(schedule(panels)))
    seen.insert(each.getInt("panels"));
  EXPECT_EQ(seen, (std::set<int64_t>{2, 4, 8}));
}

TEST_F(CandidatesTest, AStreamMayBecomePanelsWithoutSplits) {
  ScheduleAttr start = schedule("rows = 8, keys = 32, lanes = 8, register_keys = 4, "
                                "register_values = 2, splits = 64, form = stream");
  bool found = false;
  for (ScheduleAttr each : neighbours(start))
    if (each.getWord("form") != "stream") {
      found = true;
      EXPECT_EQ(each.getInt("splits"), 1);
    }
  EXPECT_TRUE(found);
}

TEST_F(CandidatesTest, WithoutLanesThereIsNothingToTry) {
  EXPECT_TRUE(neighbours(schedule("rows = 16, keys = 64")).empty());
}

TEST_F(CandidatesTest, OnlyWhatTheTargetCanObey) {
  auto module = parseSourceString<ModuleOp>(R"(
func.func @f(%q: tensor<?x2x?x64xf32>, %k: tensor<?x1x?x64xf32>) -> tensor<?x2x?x64xf32> {
  %o = attn.attention %q, %k, %k scale(0.125) schedule<rows = 16, keys = 120, panels = 4, lanes = 8,
      register_keys = 6, register_values = 6>
      : tensor<?x2x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x2x?x64xf32>
  return %o : tensor<?x2x?x64xf32>
})",
                                            &context);
  ASSERT_TRUE(module);
  auto target = cast<TargetAttr>(parseAttribute(
      "#attn.target<kind = cpu, lanes = 8, vector_registers = 16, fused = 1, l2 = 1048576>",
      &context));
  module->walk([&](AttentionOp op) {
    ScheduleAttr before = op.getScheduleAttr();
    SmallVector<ScheduleAttr> all = neighbours(before), kept = feasibleNeighbours(op, target);
    EXPECT_LT(kept.size(), all.size()) << "12 x 2 accumulators do not fit sixteen registers";
    EXPECT_GT(kept.size(), 3u);
    EXPECT_EQ(op.getScheduleAttr(), before);
  });
}
