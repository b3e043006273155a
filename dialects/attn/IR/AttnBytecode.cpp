//===- AttnBytecode.cpp - version of the dialect in bytecode -----------------===//
//
// Attributes and types are stored as their text, so whoever changes that text or the meaning of
// an operation raises the version here and upgrades older modules in `upgradeFromVersion`.
//
//===----------------------------------------------------------------------===//
#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnOps.h"
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

//===----------------------------------------------------------------------===//
// attn.spec: a dictionary of its fields since version 1.1, so that a new field is no new format
//===----------------------------------------------------------------------===//

/// The fields of version 1.0, one after the other; `isOptional` may be absent.
static constexpr struct {
  StringLiteral name;
  bool isOptional;
} oldFields[] = {
    {"alibi", true},      {"dtype", true},        {"form", true},        {"key_heads", true},
    {"key_map", true},    {"key_norm", true},     {"kv_from", true},     {"latent", true},
    {"layers", true},     {"mask", true},         {"norm_gain", true},   {"normalizer", true},
    {"qk_size", true},    {"query_heads", false}, {"query_map", true},   {"query_norm", true},
    {"rope", true},       {"scale", true},        {"sinks", true},       {"softcap", true},
    {"sym_name", false},  {"v_size", true},       {"value_heads", true}, {"value_map", true},
    {"value_norm", true}, {"width", true}};

static const AttnVersion dictionarySince(1, 1);

static LogicalResult readOldFields(DialectBytecodeReader &reader, NamedAttrList &fields) {
  for (const auto &field : oldFields) {
    Attribute value;
    if (failed(field.isOptional ? reader.readOptionalAttribute(value)
                                : reader.readAttribute(value)))
      return failure();
    if (value)
      fields.append(field.name, value);
  }
  return success();
}

LogicalResult SpecOp::readProperties(DialectBytecodeReader &reader, OperationState &state) {
  DictionaryAttr all;
  auto found = reader.getDialectVersion<AttnDialect>();
  if (succeeded(found) && static_cast<const AttnVersion &>(**found) < dictionarySince) {
    NamedAttrList fields;
    if (failed(readOldFields(reader, fields)))
      return failure();
    all = fields.getDictionary(reader.getContext());
  } else if (failed(reader.readAttribute(all))) {
    return failure();
  }
  return setPropertiesFromAttr(state.getOrAddProperties<Properties>(), all,
                               [&] { return reader.emitError(); });
}

/// What is asked for as an older version leaves out the fields that it had no place for.
void SpecOp::writeProperties(DialectBytecodeWriter &writer) {
  auto all = cast<DictionaryAttr>(getPropertiesAsAttr(getContext(), getProperties()));
  auto asked = writer.getDialectVersion<AttnDialect>();
  if (failed(asked) || !(static_cast<const AttnVersion &>(**asked) < dictionarySince))
    return writer.writeAttribute(all);
  for (const auto &field : oldFields)
    field.isOptional ? writer.writeOptionalAttribute(all.get(field.name))
                     : writer.writeAttribute(all.get(field.name));
}
