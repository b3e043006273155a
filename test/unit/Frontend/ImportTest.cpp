//===- ImportTest.cpp - configs become verified modules of attn.spec ------===//

#include "attn/Frontend/ImportHFConfig.h"
#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnOps.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

struct Import : testing::Test {
  Import()
      : handler(&context, [&](Diagnostic &d) {
          llvm::raw_string_ostream(errors) << d.getLocation() << ": " << d << "\n";
        }) {}

  OwningOpRef<ModuleOp> importText(StringRef text) {
    return importHFConfig(&context, {text, "m.json"});
  }

  OwningOpRef<ModuleOp> importModel(StringRef name) {
    std::string path = (Twine(ATTN_MODELS_DIR) + "/" + name + ".json").str();
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? importHFConfig(&context, **buffer) : nullptr;
  }

  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    return text;
  }

  MLIRContext context;
  std::string errors;
  ScopedDiagnosticHandler handler;
};

SpecOp findSpec(ModuleOp module, StringRef name) { return module.lookupSymbol<SpecOp>(name); }

TEST_F(Import, EveryExampleRoundTrips) {
  std::error_code error;
  int count = 0;
  for (llvm::sys::fs::directory_iterator it(ATTN_MODELS_DIR, error), end; it != end && !error;
       it.increment(error)) {
    OwningOpRef<ModuleOp> module = importModel(llvm::sys::path::stem(it->path()));
    ASSERT_TRUE(module) << it->path() << "\n" << errors;
    std::string text = print(*module);
    OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(again) << it->path() << "\n" << errors << text;
    EXPECT_EQ(print(*again), text);
    ++count;
  }
  EXPECT_GE(count, 25);
}

TEST_F(Import, LlamaFields) {
  OwningOpRef<ModuleOp> module = importModel("llama-3-8b");
  ASSERT_TRUE(module) << errors;
  SpecOp spec = findSpec(*module, "llama_3_8b");
  ASSERT_TRUE(spec) << print(*module);
  EXPECT_EQ(spec.getQueryHeads(), 32u);
  EXPECT_EQ(spec.keyHeads(), 8);
  EXPECT_EQ(spec.valueHeads(), 8);
  EXPECT_EQ(spec.qkSize(), 128);
  EXPECT_EQ(spec.vSize(), 128);
  EXPECT_EQ(spec.getWidth(), 4096u);
  EXPECT_TRUE(spec.elementType().isBF16());
  EXPECT_EQ(spec.maskOrDefault().str(), "causal");
  EXPECT_EQ(spec.getRope()->getReal("base"), 500000.0);
  EXPECT_EQ(spec.getRope()->getDims(), 128);
  EXPECT_FALSE(spec.getScale());
  EXPECT_EQ(spec.getLayers()->size(), 32u);
  EXPECT_EQ((*module)->getAttrOfType<StringAttr>("attn.family"), "llama");
}

TEST_F(Import, TwoSpecsOfGemma2) {
  OwningOpRef<ModuleOp> module = importModel("gemma-2-9b");
  ASSERT_TRUE(module) << errors;
  SpecOp window = findSpec(*module, "gemma_2_9b_window");
  SpecOp global = findSpec(*module, "gemma_2_9b_global");
  ASSERT_TRUE(window && global) << print(*module);
  EXPECT_EQ(window.maskOrDefault().str(), "causal and window<4096>");
  EXPECT_EQ(global.maskOrDefault().str(), "causal");
  EXPECT_EQ(window.getSoftcap()->convertToDouble(), 50.0);
  EXPECT_EQ(window.scoreScale(), 0.0625);
  EXPECT_EQ(window.getLayers()->front(), 0);
  EXPECT_EQ(global.getLayers()->front(), 1);
}

TEST_F(Import, SinksNormsSlopes) {
  OwningOpRef<ModuleOp> oss = importModel("gpt-oss-20b");
  EXPECT_TRUE(findSpec(*oss, "gpt_oss_20b_window").getSinks());
  EXPECT_FALSE(findSpec(*oss, "gpt_oss_20b_global").getRope()->getFlag("truncate"));
  OwningOpRef<ModuleOp> gemma = importModel("gemma-3-4b");
  SpecOp global = findSpec(*gemma, "gemma_3_4b_global");
  EXPECT_EQ(global.getQueryNorm()->getReal("gain_offset"), 1.0);
  EXPECT_EQ(global.getKeyNorm(), global.getQueryNorm());
  EXPECT_TRUE(global.getNormGain());
  OwningOpRef<ModuleOp> bloom = importModel("bloom-7b1");
  EXPECT_EQ(findSpec(*bloom, "bloom_7b1").getAlibi()->size(), 32u);
}

TEST_F(Import, LatentOfDeepSeek) {
  OwningOpRef<ModuleOp> module = importModel("deepseek-v2-lite");
  SpecOp spec = findSpec(*module, "deepseek_v2_lite");
  ASSERT_TRUE(spec) << errors;
  EXPECT_EQ(spec.getLatent()->getInt("kv_rank"), 512);
  EXPECT_EQ(spec.getLatent()->getInt("nope"), 128);
  EXPECT_EQ(spec.getLatent()->getInt("rope"), 64);
  EXPECT_EQ(spec.getLatent()->getInt("q_rank"), 0);
  EXPECT_EQ(spec.qkSize(), 192);
  EXPECT_EQ(spec.vSize(), 128);
  EXPECT_EQ(spec.getRope()->getStart(), 128);
  EXPECT_TRUE(spec.getRope()->isInterleaved());
  EXPECT_NEAR(spec.scoreScale(), 0.11472138679292611, 1e-15);
}

TEST_F(Import, LongRopeUsesTheLongFactorsAtTheServedLength) {
  OwningOpRef<ModuleOp> module = importModel("phi-3-mini-128k");
  SpecOp spec = findSpec(*module, "phi_3_mini_128k");
  ASSERT_TRUE(spec) << errors;
  SmallVector<double> frequencies = spec.getRope()->getFrequencies();
  ASSERT_EQ(frequencies.size(), 48u);
  EXPECT_DOUBLE_EQ(frequencies[0], 1.0 / 1.0700000524520874);
}

TEST_F(Import, SharedLayersNameTheirSource) {
  OwningOpRef<ModuleOp> module = importText(
      R"({"model_type": "llama", "hidden_size": 128, "num_attention_heads": 2,
          "num_hidden_layers": 4, "use_cla": true, "cla_share_factor": 2})");
  ASSERT_TRUE(module) << errors;
  EXPECT_EQ(findSpec(*module, "m_1").getKvFrom(), 0u);
  EXPECT_EQ(findSpec(*module, "m_2").getKvFrom(), 2u);
}

TEST_F(Import, ErrorsAreLocatedInTheConfig) {
  EXPECT_FALSE(importText("{\n  \"model_type\": \"llama\",\n  \"hidden_size\": \"4096\"\n}"));
  EXPECT_NE(errors.find("m.json\":3:18): expected 'hidden_size' to be an integer"),
            std::string::npos)
      << errors;
}

} // namespace
