//===- HeadMapTest.cpp - which heads a score head reads -----------------------===//
#include "IRTest.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

using Table = SmallVector<int64_t>;

TEST(HeadMapTest, EvenGroupsAreConsecutive) {
  EXPECT_EQ(evenHeadMap(8, 2), Table({0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(evenHeadMap(4, 4), Table({0, 1, 2, 3}));
  EXPECT_EQ(evenHeadMap(3, 1), Table({0, 0, 0}));
}

TEST(HeadMapTest, SeventyOneHeadsShareOne) { EXPECT_EQ(evenHeadMap(71, 1), Table(71, 0)); }

TEST(HeadMapTest, GroupsCoverEveryHeadOnce) {
  HeadMap map = {evenHeadMap(12, 12), evenHeadMap(12, 3), evenHeadMap(12, 4)};
  std::set<int64_t> seen;
  for (const HeadGroup &group : computeHeadGroups(map))
    for (int64_t head : group.heads) {
      EXPECT_TRUE(seen.insert(head).second);
      EXPECT_EQ(map.key[head], group.key);
      EXPECT_EQ(map.value[head], group.value);
    }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(HeadMapTest, GroupsSplitWhereTheValueHeadChanges) {
  auto groups = computeHeadGroups({{0, 1, 2, 3}, {0, 0, 1, 1}, {0, 1, 1, 1}});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].heads, Table({0}));
  EXPECT_EQ(groups[1].heads, Table({1}));
  EXPECT_EQ(groups[2].heads, Table({2, 3}));
}

TEST(HeadMapTest, HeadsOfAGroupNeedNotBeNeighbours) {
  auto groups = computeHeadGroups({{0, 1, 2}, {1, 0, 1}, {0, 0, 0}});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].key, 1);
  EXPECT_EQ(groups[0].heads, Table({0, 2}));
  EXPECT_EQ(groups[1].key, 0);
  EXPECT_EQ(groups[1].heads, Table({1}));
}

TEST(HeadMapTest, KeyHeadThatNobodyReadsMakesNoGroup) {
  auto groups = computeHeadGroups({{0, 1}, {2, 2}, {0, 0}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].key, 2);
}

TEST(HeadMapTest, NoHeadsMakeNoGroups) { EXPECT_TRUE(computeHeadGroups({}).empty()); }

} // namespace
