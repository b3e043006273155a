//===- CacheFormulasTest.cpp - what the mechanisms' papers cache ----------===//
//
// Every file of the sections "Latent and factored" and "Across layers" of docs/Mechanisms.md:
// numbers cached per token and layer, the same if every head's keys and values were cached, and
// those of MHA in a model of that width, from the papers' formulas and the sizes a file chose.
//
//===----------------------------------------------------------------------===//

#include "attn/Artifact/Report.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

/// Numbers per token and layer, on the average of `layers` layers where there are several.
struct Formula {
  const char *file;
  /// A function of the file, or specs (with `@`) whose layers together are counted.
  std::vector<StringRef> names;
  double cached, expanded, mha;
};

/// A number that no function shows: the query arrives absorbed.
constexpr double unknown = 0;

/// d_k = nope + rope and d_v of each of `heads` heads.
constexpr double allHeads(double heads, double nope, double rope, double v) {
  return heads * (nope + rope + v);
}
constexpr double mha(double width) { return 2 * width; }

const std::vector<Formula> formulas = {
    // MLA: r + rope.
    {"mla-expanded", {"@mla_expanded"}, 512 + 64, allHeads(16, 128, 64, 128), mha(2048)},
    {"mla-absorbed", {"@mla_absorbed"}, 512 + 64, allHeads(16, 128, 64, 128), mha(2048)},
    {"mla-v2-lite", {"@mla_v2_lite"}, 512 + 64, allHeads(16, 128, 64, 128), mha(2048)},
    {"mla-v3", {"@mla_v3"}, 576, allHeads(128, 128, 64, 128), mha(7168)},
    {"mla-kimi-k2", {"@mla_kimi_k2"}, 576, allHeads(64, 128, 64, 128), mha(7168)},
    {"mla-minicpm3", {"@mla_minicpm3"}, 256 + 32, allHeads(40, 64, 32, 64), mha(2560)},
    // 2 G d_h: the latent is the keys and values of the groups.
    {"transmla", {"@transmla"}, 2 * 4 * 16, allHeads(16, 16, 0, 16), mha(256)},
    // The latent and a rotary key per head: 31.25 % of MHA.
    {"mha2mla", {"mha2mla"}, 0.3125 * mha(1024), allHeads(8, 112, 16, 128), mha(1024)},
    // 15.6 % of a teacher that caches 1024.
    {"x-ecomla", {"@x_ecomla"}, 0.15625 * 1024, allHeads(32, 32, 32, 64), mha(2048)},
    // (r + rope) / s; in training a row per token.
    {"mtla-training-mask", {"@mtla_training_mask"}, 256 + 32, allHeads(8, 64, 32, 64), mha(512)},
    {"mtla", {"mtla_prefill"}, (256 + 32) / 2, allHeads(8, 64, 32, 64), mha(512)},
    {"mtla", {"mtla_decode"}, (256 + 32) / 2, allHeads(8, 64, 32, 64), mha(512)},
    // r + rope, r = g 2 d_h.
    {"gla", {"gla"}, 2 * 2 * 64 + 32, unknown, mha(512)},
    // Hkv d_h + d_h / 2.
    {"gta", {"gta"}, 2 * 64 + 32, 2 * 64 + 32, mha(512)},
    // Both shards: r + rope.
    {"tpla", {"tpla"}, 512 + 64, unknown, mha(2048)},
    // 2 C, and C.
    {"mfa", {"mfa"}, 2 * 128, 2 * 128, mha(2048)},
    {"mfa-kr", {"mfa_kr"}, 128, allHeads(16, 128, 0, 128), mha(2048)},
    // 2 Hk d_h: an eighth of MHA.
    {"cca", {"cca"}, mha(512) / 8, 2 * 2 * 32, mha(512)},
    // d.
    {"el-attention", {"el_attention"}, 256, allHeads(8, 32, 0, 32), mha(256)},
    // A quarter of the heads.
    {"compressed-kv-heads", {"compressed_kv_heads"}, mha(256) / 4, 2 * 2 * 32, mha(256)},
    // 2 Hk d_h L / c in L layers.
    {"cla", {"@cla_first", "@cla_second"}, 2 * 1 * 128 / 2, 2 * 1 * 128 / 2, mha(2048)},
    {"cla-pair", {"cla_pair"}, 2 * 1 * 64 / 2, 2 * 1 * 64 / 2, mha(256)},
    // 2 m g d_h in all, with m = 4 of 12 layers: the file has one holder and its two readers.
    {"mlkv",
     {"@mlkv_holder", "@mlkv_reader"},
     2 * 4 * 3 * 64 / 12.0,
     2 * 4 * 3 * 64 / 12.0,
     mha(768)},
    // As MHA; an earlier layer's entry is read twice.
    {"skip-layer", {"skip_layer"}, mha(512), mha(512), mha(512)},
    {"masa", {"masa"}, mha(128), mha(128), mha(128)},
};

class CacheFormulas : public ::testing::Test {
protected:
  CacheFormulas() {
    context
        .loadDialect<AttnDialect, func::FuncDialect, arith::ArithDialect, tensor::TensorDialect>();
  }
  MLIRContext context;
};

std::string textOf(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile((ATTN_SOURCE_DIR "/" + path).str());
  EXPECT_TRUE(static_cast<bool>(buffer)) << path.str();
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// A function of the spec; what it computes does not matter to the cache.
std::string entryOf(StringRef spec) {
  return ("func.func @entry_of_" + spec.drop_front() +
          "(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> attributes {attn.spec = " + spec +
          R"(} {
  %o = attn.attention %q, %q, %q scale(0.25)
    : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
)")
      .str();
}

/// Facts of each name of the formula, in a module of the file.
std::vector<HeadFacts> factsOf(MLIRContext &context, const Formula &formula) {
  std::string text = textOf(("examples/mechanisms/" + StringRef(formula.file) + ".mlir").str());
  std::vector<std::string> functions;
  for (StringRef name : formula.names) {
    functions.push_back(name.starts_with("@") ? ("entry_of_" + name.drop_front()).str()
                                              : name.str());
    if (name.starts_with("@"))
      text += entryOf(name);
  }
  auto module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module);
  std::vector<HeadFacts> facts;
  for (const std::string &name : functions)
    facts.push_back(headFactsOf(module->lookupSymbol<func::FuncOp>(name)));
  return facts;
}

constexpr int64_t bytesOfF32 = 4;

} // namespace

TEST_F(CacheFormulas, AreWhatTheReportSays) {
  for (const Formula &formula : formulas) {
    SCOPED_TRACE(formula.file);
    double cached = 0, expanded = 0, layers = 0;
    for (const HeadFacts &facts : factsOf(context, formula)) {
      double own = std::max<double>(static_cast<double>(facts.layers.size()), 1);
      cached += own * static_cast<double>(facts.cacheBytesPerToken) / bytesOfF32;
      expanded += own * static_cast<double>(facts.expandedBytesPerToken) / bytesOfF32;
      layers += own;
      EXPECT_EQ(static_cast<double>(facts.mhaBytesPerToken), bytesOfF32 * formula.mha);
      if (formula.names.size() == 1)
        EXPECT_DOUBLE_EQ(facts.cacheRatio(), formula.cached / formula.mha);
    }
    EXPECT_DOUBLE_EQ(cached / layers, formula.cached);
    EXPECT_DOUBLE_EQ(expanded / layers, formula.expanded);
  }
}

/// Files that a section of docs/Mechanisms.md lists.
static std::vector<std::string> filesOfSection(StringRef title) {
  std::string page = textOf("docs/Mechanisms.md");
  StringRef section = StringRef(page).split(("## " + title).str()).second.split("\n## ").first;
  EXPECT_FALSE(section.empty()) << title.str();
  std::vector<std::string> files;
  StringRef opening = "(../examples/mechanisms/";
  for (size_t at = section.find(opening); at != StringRef::npos; at = section.find(opening, at + 1))
    files.push_back(section.substr(at + opening.size()).split(".mlir)").first.str());
  return files;
}

TEST_F(CacheFormulas, CoverEveryFile) {
  llvm::StringSet<> known;
  for (const Formula &formula : formulas)
    known.insert(formula.file);
  for (StringRef title : {"Latent and factored", "Across layers"}) {
    std::vector<std::string> files = filesOfSection(title);
    EXPECT_GE(files.size(), 5u);
    for (const std::string &file : files)
      EXPECT_TRUE(known.contains(file)) << file << ": add its formula";
  }
}

// Grouped queries whose weights are made of others'.
TEST_F(CacheFormulas, OfWeightRewrites) {
  auto cached = [&](const char *file, StringRef name) {
    return factsOf(context, {file, {name}, 0, 0, 0}).front().cacheBytesPerToken / bytesOfF32;
  };
  EXPECT_EQ(cached("wgqa", "wgqa"), 2 * 4 * 16) << "WGQA: 2 G d_h";
  EXPECT_EQ(cached("knocking-heads", "knocking_heads"), 2 * 2 * 64) << "KHA: as GQA";
  EXPECT_EQ(cached("knocking-heads-mlp", "knocking_heads_mlp"), 2 * 2 * 64) << "KHA: as GQA";
}
