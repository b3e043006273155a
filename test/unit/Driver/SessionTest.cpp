//===- SessionTest.cpp - refusals, internal failures and reproducers ------===//

#include "attn/Driver/Session.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

/// What a test pass does with the module.
enum class Behaviour { Refuse, FailSilently, BreakIR, Crash };

/// A pass with a name of this project or another.
struct MisbehavingPass : PassWrapper<MisbehavingPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MisbehavingPass)
  MisbehavingPass(StringRef name, Behaviour behaviour) : name(name), behaviour(behaviour) {}
  StringRef getArgument() const override { return name; }

  void runOnOperation() override {
    switch (behaviour) {
    case Behaviour::Refuse:
      getOperation().emitError("expected something else");
      return signalPassFailure();
    case Behaviour::FailSilently:
      return signalPassFailure();
    case Behaviour::BreakIR: {
      // A function without terminator does not verify.
      auto builder = OpBuilder::atBlockEnd(getOperation().getBody());
      auto type = builder.getFunctionType({}, {});
      func::FuncOp::create(builder, getOperation().getLoc(), "broken", type).addEntryBlock();
      return;
    }
    case Behaviour::Crash:
      __builtin_trap();
    }
  }

  StringRef name;
  Behaviour behaviour;
};

class SessionTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("attn-session", folder));
    input = (folder + "/input.mlir").str();
    reproducer = (folder + "/reproducer.mlir").str();
    std::error_code code;
    llvm::raw_fd_ostream(input, code) << "attn.spec @s {query_heads = 2, qk_size = 16}\n";
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  Outcome runPass(StringRef name, Behaviour behaviour) {
    Session session(os);
    session.setReproducerPath(reproducer);
    EXPECT_EQ(session.load(input), Outcome::Success);
    return session.run(
        [&](OpPassManager &pm) { pm.addPass(std::make_unique<MisbehavingPass>(name, behaviour)); });
  }
  bool saysInternal() { return messages.find("internal failure in pass") != std::string::npos; }
  std::string reproducerText() {
    auto buffer = llvm::MemoryBuffer::getFile(reproducer);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }

  SmallString<128> folder;
  std::string input, reproducer, messages;
  llvm::raw_string_ostream os{messages};
};

} // namespace

TEST_F(SessionTest, ARefusalWithAReasonIsTheUsersError) {
  EXPECT_EQ(runPass("attn-example", Behaviour::Refuse), Outcome::UserError);
  EXPECT_NE(messages.find("expected something else"), std::string::npos);
  EXPECT_FALSE(saysInternal());
  EXPECT_EQ(reproducerText(), "");
}

TEST_F(SessionTest, AFailureWithoutAReasonIsInternal) {
  EXPECT_EQ(runPass("attn-example", Behaviour::FailSilently), Outcome::InternalError);
  EXPECT_TRUE(saysInternal()) << messages;
}

TEST_F(SessionTest, ABrokenStateIsInternal) {
  EXPECT_EQ(runPass("attn-verify-example", Behaviour::Refuse), Outcome::InternalError);
}

TEST_F(SessionTest, AnUpstreamPassThatFailsIsInternal) {
  EXPECT_EQ(runPass("convert-example", Behaviour::Refuse), Outcome::InternalError);
}

TEST_F(SessionTest, InvalidIRIsInternal) {
  EXPECT_EQ(runPass("attn-example", Behaviour::BreakIR), Outcome::InternalError);
  EXPECT_TRUE(saysInternal()) << messages;
}

TEST_F(SessionTest, ACrashIsInternalAndLeavesAReproducer) {
  EXPECT_EQ(runPass("attn-example", Behaviour::Crash), Outcome::InternalError);
  EXPECT_NE(messages.find("attn-opt --run-reproducer " + reproducer), std::string::npos)
      << messages;
  std::string text = reproducerText();
  EXPECT_NE(text.find("attn.spec @s"), std::string::npos);
  EXPECT_NE(text.find("attn-example"), std::string::npos);
}

TEST_F(SessionTest, NamesTheKernelAfterItsSpecOrFile) {
  Session session(os);
  ASSERT_EQ(session.load(input), Outcome::Success);
  EXPECT_EQ(session.kernelName(), "s");
  session.module().getBody()->clear();
  EXPECT_EQ(session.kernelName(), "input");
}
