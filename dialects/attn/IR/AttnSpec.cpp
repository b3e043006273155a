//===- AttnSpec.cpp - attn.spec: text, defaults and rules --------------------===//
#include "AttnAssembly.h"
#include "attn/IR/AttnOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Text: `attn.spec @name { field = value, ... }`; unlike a plain dictionary, an unknown
// field is answered with the nearest known one.
//===----------------------------------------------------------------------===//

/// Every field, in the order people write and read them (table generation sorts its own list).
static const StringRef specFields[] = {
    "query_heads", "key_heads",  "value_heads", "query_map", "key_map", "value_map", "qk_size",
    "v_size",      "width",      "latent",      "form",      "rope",    "alibi",     "query_norm",
    "key_norm",    "value_norm", "norm_gain",   "scale",     "softcap", "mask",      "sinks",
    "bias",        "clip_qkv",   "normalizer",  "dtype",     "layers",  "kv_from"};

/// Names without a dot are fields.
static LogicalResult checkFieldNames(function_ref<InFlightDiagnostic()> emitError,
                                     ArrayRef<NamedAttribute> fields) {
  for (NamedAttribute field : fields) {
    StringRef name = field.getName().getValue();
    if (llvm::is_contained(specFields, name) || name.contains('.'))
      continue;
    InFlightDiagnostic diag = emitError() << "attn.spec has no field '" << name << "'";
    StringRef near = nearestWord(name, specFields);
    if (!near.empty())
      diag << "; did you mean '" << near << "'?";
    return diag << " (spec_c12)";
  }
  return success();
}

ParseResult SpecOp::parse(OpAsmParser &parser, OperationState &state) {
  StringAttr name;
  NamedAttrList fields;
  if (parser.parseSymbolName(name, SymbolTable::getSymbolAttrName(), state.attributes))
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseOptionalAttrDict(fields))
    return failure();
  if (failed(checkFieldNames([&] { return parser.emitError(loc); }, fields.getAttrs())))
    return failure();
  state.attributes.append(fields);
  // Without this a value of the wrong kind would be dropped in silence.
  return SpecOp::verifyInherentAttrs(state.name, state.attributes,
                                     [&] { return parser.emitError(loc); });
}

/// Fields in the order of their declaration, then attributes of other dialects.
static SmallVector<NamedAttribute> orderedFields(SpecOp op) {
  SmallVector<NamedAttribute> fields;
  DictionaryAttr all = op->getAttrDictionary();
  for (StringRef name : specFields)
    if (std::optional<NamedAttribute> field = all.getNamed(name))
      fields.push_back(*field);
  llvm::append_range(fields, op->getDiscardableAttrs());
  return fields;
}

void SpecOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " {";
  llvm::interleaveComma(orderedFields(*this), printer, [&](NamedAttribute field) {
    printer.printKeywordOrString(field.getName().getValue());
    if (isa<UnitAttr>(field.getValue()))
      return;
    printer << " = ";
    auto integer = dyn_cast<IntegerAttr>(field.getValue());
    if (integer && integer.getType().isSignlessInteger(64))
      printer.printAttributeWithoutType(integer);
    else
      printer.printAttribute(field.getValue());
  });
  printer << '}';
}

//===----------------------------------------------------------------------===//
// Defaults
//===----------------------------------------------------------------------===//

int64_t SpecOp::scoreHeads() {
  for (auto table : {getQueryMapAttr(), getKeyMapAttr(), getValueMapAttr()})
    if (table)
      return table.size();
  return std::max({static_cast<int64_t>(getQueryHeads()), keyHeads(), valueHeads()});
}

int64_t SpecOp::qkSize() {
  if (getLatent())
    return getLatent()->getInt("nope") + getLatent()->getInt("rope");
  return getQkSize().value_or(0);
}

int64_t SpecOp::vSize() {
  if (getVSize())
    return *getVSize();
  return getLatent() ? getLatent()->getInt("nope") : qkSize();
}

double SpecOp::scoreScale() {
  return getScale() ? getScale()->convertToDouble()
                    : 1.0 / std::sqrt(static_cast<double>(qkSize()));
}

MaskAttr SpecOp::maskOrDefault() {
  return getMask() ? *getMask() : MaskAttr::getWord(getContext(), MaskKind::Causal);
}
Normalizer SpecOp::normalizerOrDefault() { return getNormalizer().value_or(Normalizer::Softmax); }
Type SpecOp::elementType() { return getDtype() ? *getDtype() : Float32Type::get(getContext()); }

bool SpecOp::hasBias(StringRef projection) {
  auto names = [&](Attribute word) { return cast<StringAttr>(word) == projection; };
  return getBias() && llvm::any_of(*getBias(), names);
}

int64_t SpecOp::cachedElementsPerToken(bool) {
  if (getKvFrom())
    return 0;
  if (getLatent())
    return getLatent()->getInt("kv_rank") + getLatent()->getInt("rope");
  return keyHeads() * qkSize() + valueHeads() * vSize();
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

static LogicalResult verifySizes(SpecOp op) {
  auto positive = [&](StringRef name, int64_t value, int64_t most) -> LogicalResult {
    if (value < 1 || value > most)
      return op.emitOpError() << name << " must be from 1 to " << most << ", found " << value
                              << " (spec_c1)";
    return success();
  };
  constexpr int64_t mostHeads = 1 << 16;
  if (!op.getLatent() && !op.getQkSize())
    return op.emitOpError("needs 'qk_size' or 'latent' (spec_c1)");
  if (failed(positive("query_heads", op.getQueryHeads(), mostHeads)) ||
      failed(positive("key_heads", op.keyHeads(), mostHeads)) ||
      failed(positive("value_heads", op.valueHeads(), mostHeads)) ||
      failed(positive("qk_size", op.qkSize(), 576)) ||
      failed(positive("v_size", op.vSize(), 512)) ||
      failed(positive("width", op.getWidth().value_or(1), int64_t(1) << 30)))
    return failure();
  Type type = op.elementType();
  if (!type.isF32() && !type.isBF16() && !type.isF16())
    return op.emitOpError() << "dtype must be f32, bf16 or f16, found " << type << " (spec_c1)";
  return success();
}

static LogicalResult verifyAxis(SpecOp op, StringRef axis, DenseI64ArrayAttr table, int64_t heads) {
  int64_t count = op.scoreHeads();
  if (count == 0)
    return op.emitOpError("head tables must not be empty (spec_c2)");
  if (!table && count % heads != 0)
    return op.emitOpError() << heads << ' ' << axis << " heads do not divide " << count
                            << " score heads; give '" << axis
                            << "_map' with one entry per score head (spec_c2)";
  if (!table)
    return success();
  if (table.size() != count)
    return op.emitOpError() << axis << "_map has " << table.size() << " entries, expected " << count
                            << " (spec_c2)";
  for (int64_t entry : table.asArrayRef())
    if (entry < 0 || entry >= heads)
      return op.emitOpError() << axis << "_map entry " << entry << " is not one of the " << heads
                              << ' ' << axis << " heads (spec_c2)";
  return success();
}

static LogicalResult verifyPosition(SpecOp op) {
  if (auto rope = op.getRope()) {
    int64_t end = rope->getStart() + rope->getDims();
    if (end > op.qkSize())
      return op.emitOpError() << "rope rotates elements up to " << end << " of a head of size "
                              << op.qkSize() << " (spec_c3)";
    auto bases = static_cast<int64_t>(rope->getReals("bases").size());
    if (bases != 0 && bases != op.keyHeads())
      return op.emitOpError() << "rope bases has " << bases << " entries for " << op.keyHeads()
                              << " key heads (spec_c3)";
  }
  if (op.getAlibi() && !llvm::all_of(*op.getAlibi(), [](double v) { return std::isfinite(v); }))
    return op.emitOpError("alibi slopes must be finite (spec_c4)");
  if (op.getAlibi() && static_cast<int64_t>(op.getAlibi()->size()) != op.scoreHeads())
    return op.emitOpError() << "alibi has " << op.getAlibi()->size() << " slopes for "
                            << op.scoreHeads() << " score heads (spec_c4)";
  return success();
}

/// A rank above the width is no compression of it.
static LogicalResult verifyRanks(SpecOp op) {
  for (StringRef rank : {"kv_rank", "q_rank"})
    if (op.getWidth() && op.getLatent()->getInt(rank) > static_cast<int64_t>(*op.getWidth()))
      return op.emitOpError() << rank << " " << op.getLatent()->getInt(rank)
                              << " of the latent exceeds the model width " << *op.getWidth()
                              << "; a rank is at most the width (spec_c13)";
  return success();
}

static LogicalResult verifyLatent(SpecOp op) {
  if (op.getForm() && !op.getLatent())
    return op.emitOpError("'form' needs 'latent' (spec_c11)");
  if (!op.getLatent())
    return success();
  if (op.getForm() && *op.getForm() != "expanded" && *op.getForm() != "absorbed")
    return op.emitOpError() << "form must be 'expanded' or 'absorbed', found '" << *op.getForm()
                            << "' (spec_c11)";
  if (op.getQkSize() && static_cast<int64_t>(*op.getQkSize()) != op.qkSize())
    return op.emitOpError() << "qk_size " << *op.getQkSize()
                            << " is not nope + rope = " << op.qkSize()
                            << " of the latent (spec_c5)";
  if (op.keyHeads() != static_cast<int64_t>(op.getQueryHeads()) || op.valueHeads() != op.keyHeads())
    return op.emitOpError() << "a latent expands to one key and value head per query head ("
                            << op.getQueryHeads() << "), found " << op.keyHeads() << " and "
                            << op.valueHeads() << " (spec_c5)";
  return verifyRanks(op);
}

static LogicalResult verifyLayers(SpecOp op) {
  constexpr int64_t most = 1 << 20;
  ArrayRef<int64_t> layers = op.getLayers().value_or(ArrayRef<int64_t>());
  llvm::SmallDenseSet<int64_t> seen;
  for (int64_t layer : layers)
    if (layer < 0 || layer > most || !seen.insert(layer).second)
      return op.emitOpError() << "layers must be different, from 0 to " << most << ", found "
                              << layer << " (spec_c9)";
  if (!op.getKvFrom())
    return success();
  int64_t source = *op.getKvFrom();
  if (source < 0)
    return op.emitOpError() << "kv_from must not be negative, found " << source << " (spec_c6)";
  for (int64_t layer : layers)
    if (source >= layer)
      return op.emitOpError() << "kv_from must name an earlier layer than " << layer << ", found "
                              << source << " (spec_c6)";
  return success();
}

/// The projections a layer of this spec has.
static SmallVector<StringRef> projectionsOf(SpecOp op) {
  SmallVector<StringRef> all = {"query"};
  if (op.getLatent() && !op.getKvFrom())
    all.push_back("latent");
  if (!op.getLatent() && !op.getKvFrom())
    all.append({"key", "value"});
  all.push_back("output");
  return all;
}

static LogicalResult verifyProjections(SpecOp op) {
  SmallVector<StringRef> left = projectionsOf(op);
  for (Attribute word : op.getBias().value_or(ArrayAttr::get(op.getContext(), {}))) {
    StringRef name = cast<StringAttr>(word).getValue();
    if (!llvm::is_contained(left, name))
      return op.emitOpError() << "bias must name projections of this layer, each once: "
                              << llvm::join(projectionsOf(op), ", ") << "; found '" << name
                              << "' (spec_c14)";
    llvm::erase(left, name);
  }
  if (!op.getClipQkv())
    return success();
  double limit = op.getClipQkv()->convertToDouble();
  if (!(limit > 0) || !std::isfinite(limit))
    return op.emitOpError("clip_qkv must be positive and finite (spec_c15)");
  if (op.getLatent())
    return op.emitOpError("clip_qkv is of projected keys and values, which a latent has none of; "
                          "remove one of them (spec_c15)");
  return success();
}

static LogicalResult verifyScores(SpecOp op) {
  if (op.getSoftcap() && !(op.getSoftcap()->convertToDouble() > 0 &&
                           std::isfinite(op.getSoftcap()->convertToDouble())))
    return op.emitOpError("softcap must be positive and finite (spec_c7)");
  if (!std::isfinite(op.scoreScale()))
    return op.emitOpError("scale must be finite (spec_c7)");
  if (op.getSinks() && op.normalizerOrDefault() != Normalizer::Softmax)
    return op.emitOpError("sinks join only a softmax (spec_c8)");
  MaskAttr mask = op.maskOrDefault();
  if (mask.getNumOperands() != 0)
    return op.emitOpError() << "mask '" << mask.str()
                            << "' needs operands; write the function with "
                            << "attn.attention instead (spec_c10)";
  return verifyMask(op, mask, {}, op.scoreHeads(), "spec_c10");
}

LogicalResult SpecOp::verify() {
  SmallVector<NamedAttribute> others(getOperation()->getDiscardableAttrs());
  if (failed(checkFieldNames([&] { return emitError(); }, others)))
    return failure();
  if (failed(verifySizes(*this)) ||
      failed(verifyAxis(*this, "query", getQueryMapAttr(), getQueryHeads())) ||
      failed(verifyAxis(*this, "key", getKeyMapAttr(), keyHeads())) ||
      failed(verifyAxis(*this, "value", getValueMapAttr(), valueHeads())))
    return failure();
  if (failed(verifyPosition(*this)) || failed(verifyLatent(*this)) || failed(verifyLayers(*this)) ||
      failed(verifyProjections(*this)))
    return failure();
  return verifyScores(*this);
}
