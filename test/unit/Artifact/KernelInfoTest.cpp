//===- KernelInfoTest.cpp - facts of a kernel, its header and manifest ----===//

#include "attn/Artifact/Bundle.h"
#include "attn/IR/AttnDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/JSON.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

constexpr const char *plannedModule = R"(
module attributes {attn.target = #attn.target<kind = cpu, name = "cpu:test",
                                              features = "+avx512f,-sse4a,+avx2">} {
  attn.spec @s {query_heads = 2, key_heads = 1, qk_size = 16}
  func.func @s_prefill(%q: tensor<?x2x?x16xbf16> {attn.name = "query"},
                       %k: tensor<?x1x?x16xbf16> {attn.name = "key"},
                       %p: index {attn.name = "key"})
      -> (tensor<?x2x?x16xbf16> {attn.name = "out"})
      attributes {attn.entry = "prefill", attn.spec = @s} {
    %o = attn.attention %q, %k, %k scale(0.25) schedule<rows = 8, keys = 32>
      {attn.schedule_reasons = ["rows = 8: because"]}
      : tensor<?x2x?x16xbf16>, tensor<?x1x?x16xbf16>, tensor<?x1x?x16xbf16>
      -> tensor<?x2x?x16xbf16>
    return %o : tensor<?x2x?x16xbf16>
  }
  func.func private @helper()
})";

class KernelInfoTest : public ::testing::Test {
protected:
  KernelInfoTest() { context.loadDialect<AttnDialect, func::FuncDialect>(); }

  KernelInfo gather(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    FailureOr<KernelInfo> info = gatherKernelInfo(*module, "my-kernel");
    EXPECT_TRUE(succeeded(info));
    return succeeded(info) ? *info : KernelInfo();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

} // namespace

TEST_F(KernelInfoTest, GathersEntriesArgumentsAndTarget) {
  KernelInfo info = gather(plannedModule);
  EXPECT_EQ(info.name, "my_kernel");
  EXPECT_EQ(info.targetName, "cpu:test");
  EXPECT_EQ(info.features, (std::vector<std::string>{"avx2", "avx512f"}));
  ASSERT_EQ(info.entries.size(), 1u) << "private functions are no entries";
  const EntryInfo &entry = info.entries[0];
  EXPECT_EQ(entry.role, "prefill");
  EXPECT_EQ(entry.spec, "s");
  ASSERT_EQ(entry.arguments.size(), 4u);
  EXPECT_EQ(entry.arguments[0].dtype, "bf16");
  EXPECT_EQ(entry.arguments[0].shape,
            (std::vector<int64_t>{ShapedType::kDynamic, 2, ShapedType::kDynamic, 16}));
  EXPECT_EQ(entry.arguments[2].dtype, "i64") << "an index travels as 64 bits";
  EXPECT_TRUE(entry.arguments[2].shape.empty());
  EXPECT_EQ(entry.arguments[2].name, "key_1") << "names are made unique";
  EXPECT_TRUE(entry.arguments[3].isOutput);
  ASSERT_EQ(entry.schedules.size(), 1u);
  EXPECT_EQ(entry.schedules[0].reasons, (std::vector<std::string>{"rows = 8: because"}));
}

TEST_F(KernelInfoTest, NamesArgumentsThatHaveNone) {
  KernelInfo info = gather(R"(func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
    return %a : tensor<?xf32>
  })");
  EXPECT_EQ(info.entries[0].arguments[0].name, "arg0");
  EXPECT_EQ(info.entries[0].arguments[1].name, "out0");
  EXPECT_EQ(info.entries[0].role, "");
}

TEST_F(KernelInfoTest, RefusesWhatCannotCrossTheInterface) {
  for (const char *type : {"tensor<?x?x?x?x?xf32>", "tensor<?xi1>", "complex<f32>"}) {
    std::string text = std::string("func.func @f(%a: ") + type + ") { return }";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) { message = d.str(); });
    EXPECT_TRUE(failed(gatherKernelInfo(*module, "k"))) << type;
    EXPECT_NE(message.find("expected 'arg0' to be a tensor of rank 0 to 4"), std::string::npos);
  }
}

TEST_F(KernelInfoTest, ManifestIsJsonAndTheSameEachTime) {
  KernelInfo info = gather(plannedModule);
  std::string text = printManifest(info);
  EXPECT_EQ(text, printManifest(gather(plannedModule)));
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(text);
  ASSERT_TRUE(static_cast<bool>(json));
  const llvm::json::Object &entry = *(*json->getAsObject()->getArray("entries"))[0].getAsObject();
  EXPECT_EQ(entry.getString("name"), "s_prefill");
  const llvm::json::Array &shape =
      *(*entry.getArray("arguments"))[0].getAsObject()->getArray("shape");
  EXPECT_EQ(shape[0], llvm::json::Value(nullptr));
  EXPECT_EQ(shape[3], llvm::json::Value(16));
}

TEST_F(KernelInfoTest, HeaderHasAMakerPerArgumentAndACallPerEntry) {
  std::string header = printHeader(gather(plannedModule));
  auto has = [&](const char *text) { return header.find(text) != std::string::npos; };
  EXPECT_TRUE(has("#ifndef ATTN_KERNEL_MY_KERNEL_H"));
  EXPECT_TRUE(
      has("attn_tensor s_prefill_query(const uint16_t *data, int64_t batch, int64_t length)"));
  EXPECT_TRUE(has("attn_tensor s_prefill_out(uint16_t *data, int64_t batch, int64_t length)"));
  EXPECT_TRUE(has("attn_tensor s_prefill_key_1(const int64_t *data)"));
  EXPECT_TRUE(has("const int64_t sizes[] = {batch, 2, length, 16};"));
  EXPECT_TRUE(has("s_prefill_run(attn_tensor query, attn_tensor key, attn_tensor key_1, "
                  "attn_tensor out, int32_t threads)"));
  EXPECT_TRUE(has("attn.spec @s"));
}

TEST(CIdentifier, MakesIdentifiersOfAnything) {
  EXPECT_EQ(cIdentifier("llama-3-8b"), "llama_3_8b");
  EXPECT_EQ(cIdentifier("7b"), "_7b");
  EXPECT_EQ(cIdentifier(""), "_");
  EXPECT_EQ(cIdentifier("a/b\"\xC3\xA9"), "a_b___");
}
