//===- TargetTest.cpp - the registry, and the CPU target through it ----------===//

#include "attn/InitAll.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>
#include <mutex>

using namespace mlir;
using namespace mlir::attn;

namespace {
/// A context with everything registered, and what was reported to it.
class TargetTest : public ::testing::Test {
protected:
  TargetTest() {
    static std::once_flag once;
    std::call_once(once, [] { attn::registerCPUTarget(); });
    DialectRegistry registry;
    attn::registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<AttnDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      reports.push_back(diagnostic.str());
      return success();
    });
  }

  std::function<InFlightDiagnostic()> report = [this] {
    return emitError(UnknownLoc::get(&context));
  };

  std::unique_ptr<Target> target(StringRef spelling) { return createTarget(spelling, report); }

  /// A kernel in state `lowered`.
  OwningOpRef<ModuleOp> lowered(const Target &target, StringRef text = kernel) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    PassManager pm(&context);
    buildPlanning(pm, target.name());
    buildTiling(pm);
    target.buildLowering(pm);
    EXPECT_TRUE(succeeded(pm.run(*module)));
    return module;
  }

  static constexpr const char *kernel = R"(
func.func @f(%q: tensor<?x2x?x16xf32>, %k: tensor<?x1x?x16xf32>) -> tensor<?x2x?x16xf32> {
  %o = attn.attention %q, %k, %k scale(0.25) mask(<causal>)
      : tensor<?x2x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32> -> tensor<?x2x?x16xf32>
  return %o : tensor<?x2x?x16xf32>
})";

  MLIRContext context;
  std::vector<std::string> reports;
};

/// Takes any variant, does nothing.
struct EmptyTarget : Target {
  std::string name() const override { return "first"; }
  TargetAttr facts(MLIRContext *context) const override {
    return TargetAttr::get(context, Builder(context).getDictionaryAttr({}));
  }
  void buildLowering(OpPassManager &) const override {}
  FailureOr<std::string> serialize(ModuleOp, OutputKind) const override { return failure(); }
  LogicalResult link(ArrayRef<std::string>, StringRef,
                     function_ref<InFlightDiagnostic()>) const override {
    return failure();
  }
};
} // namespace

TEST_F(TargetTest, FirstRegistrationStays) {
  static std::string seen; // the registry outlives this test
  registerTarget("empty", [](StringRef variant, function_ref<InFlightDiagnostic()>) {
    seen = variant.str();
    return std::make_unique<EmptyTarget>();
  });
  registerTarget("empty", [](StringRef, function_ref<InFlightDiagnostic()>) {
    return std::unique_ptr<Target>();
  });
  ASSERT_NE(target("empty:a:b"), nullptr);
  EXPECT_EQ(seen, "a:b");
  EXPECT_EQ(target("emty"), nullptr);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports.front().find("did you mean 'empty'?"), std::string::npos);
}

TEST_F(TargetTest, NameChoosesTheSameTargetAgain) {
  for (StringRef spelling : {"cpu", "cpu:x86-64-v3", "cpu:znver4", "cpu:aarch64"}) {
    auto first = target(spelling);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->name(), spelling);
    EXPECT_EQ(first->facts(&context), target(first->name())->facts(&context));
  }
  EXPECT_TRUE(reports.empty());
}

TEST_F(TargetTest, SameInputGivesSameBytes) {
  for (StringRef spelling : {"cpu:x86-64-v3", "cpu:aarch64"})
    for (OutputKind kind : {OutputKind::LLVMIR, OutputKind::Assembly, OutputKind::Object}) {
      auto chosen = target(spelling);
      auto first = chosen->serialize(*lowered(*chosen), kind);
      auto second = target(spelling)->serialize(*lowered(*chosen), kind);
      ASSERT_TRUE(succeeded(first) && succeeded(second));
      EXPECT_EQ(*first, *second);
    }
}

/// A module of several kernels compiles in halves, one kernel in one piece.
TEST_F(TargetTest, LibrariesComeInTheSameObjects) {
  std::string two = (StringRef(kernel) + StringRef(kernel).split("@f").first + "@g" +
                     StringRef(kernel).split("@f").second)
                        .str();
  // An entry, and the body of its parallel region, which is called through the runtime.
  for (auto [text, count] : {std::pair(std::string(kernel), 2u), std::pair(two, 4u)}) {
    auto chosen = target("cpu:x86-64-v3");
    auto first = chosen->objects(*lowered(*chosen, text));
    auto second = chosen->objects(*lowered(*chosen, text));
    ASSERT_TRUE(succeeded(first) && succeeded(second));
    EXPECT_EQ(first->size(), count);
    EXPECT_EQ(*first, *second);
  }
}

TEST_F(TargetTest, TargetsOfAListComeMostDemandingFirst) {
  auto targets = createTargets("cpu:x86-64+x86-64-v4+x86-64-v3", report);
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0]->name(), "cpu:x86-64-v4");
  EXPECT_EQ(targets[1]->name(), "cpu:x86-64-v3");
  EXPECT_EQ(targets[2]->name(), "cpu:x86-64");
  EXPECT_EQ(createTargets("cpu:x86-64-v3", report).size(), 1u);
  EXPECT_TRUE(reports.empty());
  EXPECT_TRUE(createTargets("cpu:x86-64+aarch64", report).empty());
  EXPECT_EQ(reports.size(), 1u);
}

TEST_F(TargetTest, ObjectsAreOfTheTargetsArchitecture) {
  for (auto [spelling, machine] : {std::pair("cpu:x86-64", 62), std::pair("cpu:aarch64", 183)}) {
    auto chosen = target(spelling);
    auto object = chosen->serialize(*lowered(*chosen), OutputKind::Object);
    ASSERT_TRUE(succeeded(object) && object->size() > 20);
    EXPECT_EQ(object->substr(0, 4), "\x7f"
                                    "ELF");
    EXPECT_EQ(static_cast<unsigned char>((*object)[18]), machine); // e_machine
  }
}

TEST_F(TargetTest, LinkingWhatIsNoObjectSaysWhatTheLinkerSaid) {
  SmallString<128> text;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("target-test", "o", text));
  std::string library = (text + ".so").str();
  EXPECT_TRUE(failed(target("cpu")->link({"/nonexistent/kernel.o"}, library, report)));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports.front().find("/nonexistent/kernel.o"), std::string::npos);
  EXPECT_FALSE(llvm::sys::fs::exists(library));
  llvm::sys::fs::remove(text);
}
