//===- BytecodeTest.cpp - the dialect's version in bytecode --------------------===//
#include "IRTest.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

class BytecodeTest : public IRTest {
protected:
  /// A module with one spec, stored as if by the given version of the dialect.
  std::string store(std::optional<AttnVersion> version) {
    auto module =
        parseSourceString<ModuleOp>("attn.spec @s {query_heads = 4, qk_size = 64}", &context);
    BytecodeWriterConfig config;
    if (version)
      config.setDialectVersion<AttnDialect>(std::make_unique<AttnVersion>(*version));
    std::string bytes;
    llvm::raw_string_ostream os(bytes);
    EXPECT_TRUE(succeeded(writeBytecodeToFile(*module, os, config)));
    return bytes;
  }

  /// The messages while reading; none on success.
  std::string read(StringRef bytes) {
    std::string messages;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
    auto module = parseSourceString<ModuleOp>(bytes, &context);
    EXPECT_EQ(static_cast<bool>(module), messages.empty()) << messages;
    return messages;
  }
};

TEST_F(BytecodeTest, CurrentVersionIsWrittenAndRead) { EXPECT_EQ(read(store(std::nullopt)), ""); }

TEST_F(BytecodeTest, OlderVersionsAreRead) {
  for (AttnVersion version : {AttnVersion(0, 9), AttnVersion(1, 0)})
    EXPECT_EQ(read(store(version)), "");
}

TEST_F(BytecodeTest, VersionStandsInTheFile) {
  EXPECT_EQ(store(AttnVersion::current()), store(std::nullopt));
  EXPECT_NE(store(AttnVersion(0, 9)), store(std::nullopt));
}

TEST_F(BytecodeTest, NewerMajorVersionIsRefused) {
  std::string message = read(store(AttnVersion(2, 0)));
  EXPECT_NE(message.find("expected version 1.1 or older of the attn dialect, found 2.0"),
            std::string::npos)
      << message;
}

TEST_F(BytecodeTest, NewerMinorVersionIsRefused) {
  std::string message = read(store(AttnVersion(1, 2)));
  EXPECT_NE(message.find("found 1.2; read it with a newer attn-mlir"), std::string::npos)
      << message;
}

TEST_F(BytecodeTest, TruncatedFilesAreRefusedWithoutCrash) {
  std::string bytes = store(std::nullopt);
  for (size_t size = 4; size < bytes.size(); ++size)
    EXPECT_NE(read(StringRef(bytes).take_front(size)), "") << size;
}

} // namespace
