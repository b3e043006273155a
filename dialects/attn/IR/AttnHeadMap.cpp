//===- AttnHeadMap.cpp - which heads a score head reads ----------------------===//
#include "attn/IR/AttnOps.h"
#include <map>

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
  std::map<std::pair<int64_t, int64_t>, size_t> known;
  for (int64_t h = 0; h < map.size(); ++h) {
    auto [it, isNew] = known.try_emplace({map.key[h], map.value[h]}, groups.size());
    if (isNew)
      groups.push_back({map.key[h], map.value[h], {}});
    groups[it->second].heads.push_back(h);
  }
  return groups;
}
