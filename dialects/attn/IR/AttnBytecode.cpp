//===- AttnBytecode.cpp - version of the dialect in bytecode -----------------===//
//
// Attributes and types are stored as their text, so whoever changes that text or the meaning of
// an operation raises the version here and upgrades older modules in `upgradeFromVersion`.
//
//===----------------------------------------------------------------------===//
#include "attn/IR/AttnDialect.h"
#include "mlir/Bytecode/BytecodeImplementation.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
struct AttnBytecodeInterface : BytecodeDialectInterface {
  explicit AttnBytecodeInterface(Dialect *dialect) : BytecodeDialectInterface(dialect) {}

  /// Writes the version asked for in the writer's configuration, else the current one.
  void writeVersion(DialectBytecodeWriter &writer) const override {
    AttnVersion version = AttnVersion::current();
    auto asked = writer.getDialectVersion<AttnDialect>();
    if (succeeded(asked))
      version = static_cast<const AttnVersion &>(**asked);
    writer.writeVarInt(version.major);
    writer.writeVarInt(version.minor);
  }

  std::unique_ptr<DialectVersion> readVersion(DialectBytecodeReader &reader) const override {
    uint64_t major, minor;
    if (failed(reader.readVarInt(major)) || failed(reader.readVarInt(minor)))
      return nullptr;
    AttnVersion found(major, minor), current = AttnVersion::current();
    if (current < found) {
      reader.emitError() << "expected version " << current.major << '.' << current.minor
                         << " or older of the attn dialect, found " << major << '.' << minor
                         << "; read it with a newer attn-mlir";
      return nullptr;
    }
    return std::make_unique<AttnVersion>(found);
  }
};
} // namespace

void AttnDialect::registerBytecode() { addInterfaces<AttnBytecodeInterface>(); }
