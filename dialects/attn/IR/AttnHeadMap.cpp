//===- AttnHeadMap.cpp - which heads a score head reads ----------------------===//
#include "attn/IR/AttnOps.h"

using namespace mlir;
using namespace mlir::attn;

SmallVector<int64_t> attn::evenHeadMap(int64_t scoreHeads, int64_t heads) {
  SmallVector<int64_t> map(scoreHeads);
  for (auto [h, entry] : llvm::enumerate(map))
    entry = static_cast<int64_t>(h) * heads / scoreHeads;
  return map;
}

SmallVector<HeadGroup> attn::computeHeadGroups(const HeadMap &map) {
  SmallVector<HeadGroup> groups;
  for (int64_t h = 0; h < map.size(); ++h) {
    auto *it = llvm::find_if(
        groups, [&](const HeadGroup &g) { return g.key == map.key[h] && g.value == map.value[h]; });
    if (it == groups.end())
      it = &groups.emplace_back(HeadGroup{map.key[h], map.value[h], {}});
    it->heads.push_back(h);
  }
  return groups;
}
