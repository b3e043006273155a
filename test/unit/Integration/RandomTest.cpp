//===- RandomTest.cpp - random attentions, the same in every run --------------===//
#include "AttentionText.h"
#include "Kernel.h"

#include <random>

using namespace mlir;
using namespace mlir::attn::test;

namespace {
/// Chooses; only integers of the generator are used, which are the same on every machine.
class Chooser {
public:
  explicit Chooser(uint64_t seed) : engine(seed) {}
  int64_t upTo(int64_t count) {
    return static_cast<int64_t>(engine() % static_cast<uint64_t>(count));
  }
  int64_t between(int64_t least, int64_t most) { return least + upTo(most - least + 1); }
  bool oneIn(int64_t count) { return upTo(count) == 0; }
  std::string oneOf(std::initializer_list<const char *> words) {
    return words.begin()[upTo(words.size())];
  }

private:
  std::mt19937_64 engine;
};

/// A mask expression; words with operands add their types to the text.
class MaskWriter {
public:
  MaskWriter(Chooser &choose, AttentionText &text, int64_t heads)
      : choose(choose), text(text), heads(heads) {}

  std::string expression(int depth) {
    if (depth == 0 || choose.oneIn(3))
      return word();
    switch (choose.upTo(4)) {
    case 0:
      return "not (" + expression(depth - 1) + ")";
    case 1:
      return perHead(depth - 1);
    case 2:
      return "(" + expression(depth - 1) + " or " + expression(depth - 1) + ")";
    default:
      return "(" + expression(depth - 1) + " and " + expression(depth - 1) + ")";
    }
  }

private:
  std::string operand(const std::string &type) {
    text.maskOperands.push_back("tensor<" + type + choose.oneOf({"i8", "i32", "i64"}) + ">");
    return std::to_string(text.maskOperands.size() - 1);
  }
  std::string number() { return std::to_string(choose.between(1, 40)); }
  std::string word() {
    std::string all = std::to_string(heads);
    switch (choose.upTo(13)) {
    case 0:
      return "window<" + number() + ">";
    case 1:
      return "window<" + number() + ", " + number() + ">";
    case 2:
      return "sink<" + number() + ">";
    case 3:
      return "prefix<" + number() + ">";
    case 4:
      return "chunk<" + number() + ">";
    case 5:
      return "stride<" + number() + ">";
    case 6:
      return "prefix_length<" + operand("?x") + ">";
    case 7:
      return "document<" + operand("?x?x") + ">";
    case 8:
      return "dense<" + operand("?x" + (choose.oneIn(2) ? all : "1") + "x?x?x") + ">";
    case 9:
      return "blocks<" + number() + ", " + number() + ", " + operand("?x" + all + "x?x?x") + ">";
    case 10:
      return "all";
    default:
      return "causal";
    }
  }
  std::string perHead(int depth) {
    std::string result = "per_head<[" + expression(depth) + ", " + expression(depth) + "], [";
    for (int64_t h = 0; h < heads; ++h)
      result += (h ? ", " : "") + std::to_string(choose.upTo(2));
    return result + "]>";
  }

  Chooser &choose;
  AttentionText &text;
  int64_t heads;
};
} // namespace

static std::string table(Chooser &choose, const char *axis, int64_t scoreHeads, int64_t heads) {
  std::string result = std::string(axis) + " = [";
  for (int64_t h = 0; h < scoreHeads; ++h)
    result += (h ? ", " : "") + std::to_string(choose.upTo(heads));
  return result + "]";
}

/// Even groups of any three counts that divide the largest, or tables.
static void chooseHeads(Chooser &choose, AttentionText &text) {
  text.scoreHeads = choose.between(1, 10);
  int64_t *counts[] = {&text.queryHeads, &text.keyHeads, &text.valueHeads};
  if (choose.oneIn(3)) {
    for (int64_t *count : counts)
      *count = choose.between(1, 5);
    text.heads = table(choose, "query", text.scoreHeads, text.queryHeads) + ", " +
                 table(choose, "key", text.scoreHeads, text.keyHeads) + ", " +
                 table(choose, "value", text.scoreHeads, text.valueHeads);
    return;
  }
  for (int64_t *count : counts)
    do
      *count = choose.between(1, text.scoreHeads);
    while (text.scoreHeads % *count != 0);
  // The longest axis sets the number of score heads.
  *counts[choose.upTo(3)] = text.scoreHeads;
}

static std::string chooseSchedule(Chooser &choose) {
  if (choose.oneIn(2))
    return "";
  int64_t block = choose.between(2, 4);
  return "rows = 16, keys = " + std::to_string(block * choose.between(1, 9)) +
         ", panels = " + std::to_string(choose.between(1, 4)) +
         ", register_keys = " + std::to_string(block) +
         ", register_values = " + std::to_string(choose.between(2, 4)) +
         ", unroll = " + std::to_string(choose.between(1, 4)) +
         ", order = " + choose.oneOf({"linear", "longest_first"});
}

static AttentionText chooseText(Chooser &choose) {
  AttentionText text;
  chooseHeads(choose, text);
  text.qkSize = 8 * choose.between(1, 10);
  text.vSize = choose.oneIn(2) ? text.qkSize : 8 * choose.between(1, 10);
  text.dtype = choose.oneOf({"f32", "bf16", "f16"});
  text.mask = MaskWriter(choose, text, text.scoreHeads).expression(2);
  text.normalizer = choose.oneIn(4) ? choose.oneOf({"relu", "sigmoid"}) : "";
  text.sinks = text.normalizer.empty() && choose.oneIn(3);
  text.offset = choose.oneIn(4);
  if (choose.oneIn(2))
    text.score = choose.oneIn(2) ? softcapRegion : choose.oneIn(2) ? alibiRegion : biasRegion;
  if (text.score == biasRegion)
    text.table = "tensor<?x?x?xf32>";
  text.schedule = chooseSchedule(choose);
  return text;
}

class Random : public testing::TestWithParam<int> {};

TEST_P(Random, EqualsItsDefinition) {
  Chooser choose(GetParam());
  AttentionText text = chooseText(choose);
  SCOPED_TRACE(text.str());
  auto kernel = Kernel::compile(text.str());
  ASSERT_TRUE(kernel);
  int64_t longest = choose.oneIn(4) ? 110 : 50;
  for (int i = 0; i < 4; ++i) {
    InputSizes sizes{choose.between(1, 2), choose.oneIn(4) ? 1 : choose.between(1, longest),
                     choose.between(1, longest)};
    expectCorrect(*kernel, sizes, choose.upTo(1000000));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Random, testing::Range(0, 60));
