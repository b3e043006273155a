//===- AttnRecords.cpp - attributes made of named fields ---------------------===//
#include "attn/IR/AttnRecords.h"
#include "attn/IR/AttnAttrs.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/Format.h"
#include <charconv>
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

static RecordField intField(StringRef name, double value) {
  return {name, FieldKind::Int, value, {}, {}, false};
}
static RecordField flagField(StringRef name, bool value) {
  return {name, FieldKind::Flag, static_cast<double>(value), {}, {}, false};
}
static RecordField realField(StringRef name, double value) {
  return {name, FieldKind::Real, value, {}, {}, false};
}
static RecordField listField(StringRef name, FieldKind kind) {
  return {name, kind, 0, {}, {}, false};
}
static RecordField requiredInt(StringRef name) { return {name, FieldKind::Int, 0, {}, {}, true}; }
static RecordField wordField(StringRef name, ArrayRef<StringRef> words) {
  return {name, FieldKind::Word, 0, words.front(), words, false};
}
static RecordField textField(StringRef name) { return {name, FieldKind::Text, 0, {}, {}, false}; }

ArrayRef<RecordField> RopeAttr::fieldTable() {
  static const StringRef layouts[] = {"halves", "interleaved"};
  static const StringRef scalings[] = {"none", "linear", "dynamic", "yarn", "llama3", "longrope"};
  static const RecordField table[] = {
      requiredInt("dims"),
      intField("start", 0),
      realField("base", 10000),
      listField("bases", FieldKind::Reals),
      wordField("layout", layouts),
      wordField("scaling", scalings),
      realField("factor", 1),
      intField("original_length", 0),
      intField("served_length", 0),
      realField("low_freq", 1),
      realField("high_freq", 4),
      realField("beta_fast", 32),
      realField("beta_slow", 1),
      flagField("truncate", true),
      realField("magnitude", 1),
      listField("short_factors", FieldKind::Reals),
      listField("long_factors", FieldKind::Reals),
  };
  return table;
}

ArrayRef<RecordField> NormAttr::fieldTable() {
  static const StringRef kinds[] = {"rms", "l2", "layer"};
  static const RecordField table[] = {
      wordField("kind", kinds),
      realField("eps", 1e-6),
      realField("scale", 1),
      realField("gain_offset", 0),
  };
  return table;
}

ArrayRef<RecordField> LatentAttr::fieldTable() {
  static const RecordField table[] = {requiredInt("kv_rank"), requiredInt("nope"),
                                      intField("rope", 0), intField("q_rank", 0)};
  return table;
}

ArrayRef<RecordField> TargetAttr::fieldTable() {
  static const StringRef kinds[] = {"cpu", "gpu"};
  static const StringRef loops[] = {"vectors", "lanes"};
  static const RecordField table[] = {
      wordField("kind", kinds),
      textField("name"),
      textField("triple"),
      textField("processor"),
      textField("features"),
      intField("lanes", 4), // float32 per vector register
      intField("vector_registers", 16),
      intField("fma_per_cycle", 1),     // vector FMA issued per cycle
      intField("fma_latency", 4),       // cycles
      intField("loads_per_cycle", 2),   // vector loads
      flagField("fused", false),        // has fused multiply-add
      flagField("masked", false),       // has lane masks and scalef (AVX-512)
      flagField("bf16_dot", false),     // bf16 pair dot products into f32
      flagField("bf16_convert", false), // f32 -> bf16 conversion
      flagField("f16_convert", false),  // f16 <-> f32 conversion
      flagField("amx", false),
      intField("l1", 32768),  // bytes per core
      intField("l2", 524288), // bytes per core
      intField("cores", 1),
      intField("prefetch_ahead", 6144), // bytes between a request for a row and its use; 0: none
      intField("shared_memory", 0),     // bytes a block may have (GPU)
      intField("registers", 0),         // 32-bit words per multiprocessor (GPU)
      textField("tensor_core"),
      wordField("loops", loops), // how independent loops over elements run
  };
  return table;
}

ArrayRef<RecordField> ScheduleAttr::fieldTable() {
  static const StringRef roles[] = {"uniform", "specialised"};
  static const StringRef maxima[] = {"exact", "lazy"};
  static const StringRef orders[] = {"linear", "longest_first"};
  static const StringRef forms[] = {"panels", "stream", "group"};
  static const StringRef powers[] = {"polynomial", "table", "short_table"};
  static const StringRef bypasses[] = {"none", "keys", "values", "both"};
  static const RecordField table[] = {
      requiredInt("rows"),
      requiredInt("keys"),
      intField("panels", 1),
      intField("lanes", 0),
      intField("register_keys", 0),
      intField("register_values", 0),
      intField("unroll", 4),
      intField("stages", 1),
      wordField("roles", roles),
      intField("consumers", 1),
      intField("blocks", 1), // per multiprocessor
      intField("split_output", 1),
      flagField("values_in_keys", false),
      flagField("q_in_registers", false),
      flagField("p_in_registers", false),
      flagField("overlap", false),
      flagField("pingpong", false),
      flagField("peek", false),
      flagField("persistent", false),
      wordField("maximum", maxima),
      wordField("powers", powers),
      wordField("bypass", bypasses),
      intField("splits", 1),
      wordField("order", orders),
      wordField("form", forms),
      flagField("strict", false),
  };
  return table;
}

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

static const RecordField *findField(ArrayRef<RecordField> table, StringRef name) {
  const auto *it = llvm::find_if(table, [&](const RecordField &f) { return f.name == name; });
  return it == table.end() ? nullptr : it;
}

int64_t attn::recordInt(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name) {
  if (auto attr = fields.getAs<IntegerAttr>(name))
    return attr.getInt();
  const RecordField *field = findField(table, name);
  assert(field && (field->kind == FieldKind::Int || field->kind == FieldKind::Flag) &&
         "no such integer field");
  return static_cast<int64_t>(field->number);
}

double attn::recordReal(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name) {
  if (auto attr = fields.getAs<FloatAttr>(name))
    return attr.getValueAsDouble();
  const RecordField *field = findField(table, name);
  assert(field && field->kind == FieldKind::Real && "no such real field");
  return field->number;
}

StringRef attn::recordWord(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name) {
  if (auto attr = fields.getAs<StringAttr>(name))
    return attr.getValue();
  const RecordField *field = findField(table, name);
  assert(field && "no such word field");
  return field->word;
}

SmallVector<int64_t> attn::recordInts(DictionaryAttr fields, StringRef name) {
  auto attr = fields.getAs<DenseI64ArrayAttr>(name);
  return attr ? SmallVector<int64_t>(attr.asArrayRef()) : SmallVector<int64_t>();
}

SmallVector<double> attn::recordReals(DictionaryAttr fields, StringRef name) {
  auto attr = fields.getAs<DenseF64ArrayAttr>(name);
  return attr ? SmallVector<double>(attr.asArrayRef()) : SmallVector<double>();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

StringRef attn::nearestWord(StringRef word, ArrayRef<StringRef> candidates) {
  StringRef best;
  unsigned bestDistance = static_cast<unsigned>(word.size() / 3 + 2);
  for (StringRef candidate : candidates) {
    unsigned distance = word.edit_distance(candidate, true, bestDistance);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/// Appends "; did you mean 'x'?" when some candidate is near.
static InFlightDiagnostic &&suggest(InFlightDiagnostic &&diag, StringRef word,
                                    ArrayRef<StringRef> all) {
  diag << "; known are ";
  llvm::interleaveComma(all, diag, [&](StringRef w) { diag << "'" << w << "'"; });
  StringRef near = nearestWord(word, all);
  if (!near.empty())
    diag << "; did you mean '" << near << "'?";
  return std::move(diag);
}

static FailureOr<Attribute> parseNumbers(AsmParser &parser, bool real) {
  SmallVector<int64_t> ints;
  SmallVector<double> reals;
  auto one = [&]() -> ParseResult {
    return real ? parser.parseFloat(reals.emplace_back(0.0))
                : parser.parseInteger(ints.emplace_back(0));
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  if (real)
    return Attribute(DenseF64ArrayAttr::get(parser.getContext(), reals));
  return Attribute(DenseI64ArrayAttr::get(parser.getContext(), ints));
}

static FailureOr<Attribute> parseWord(AsmParser &parser, const RecordField &field) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef word;
  if (parser.parseKeyword(&word))
    return failure();
  if (!llvm::is_contained(field.words, word))
    return suggest(parser.emitError(loc, "unknown ") << field.name << " '" << word << "'", word,
                   field.words);
  return Attribute(StringAttr::get(parser.getContext(), word));
}

static FailureOr<Attribute> parseField(AsmParser &parser, const RecordField &field) {
  Builder b(parser.getContext());
  int64_t integer = 0;
  double real = 0;
  std::string text;
  switch (field.kind) {
  case FieldKind::Int:
  case FieldKind::Flag:
    return parser.parseInteger(integer) ? FailureOr<Attribute>(failure())
                                        : Attribute(b.getI64IntegerAttr(integer));
  case FieldKind::Real:
    return parser.parseFloat(real) ? FailureOr<Attribute>(failure())
                                   : Attribute(b.getF64FloatAttr(real));
  case FieldKind::Text:
    return parser.parseString(&text) ? FailureOr<Attribute>(failure())
                                     : Attribute(b.getStringAttr(text));
  case FieldKind::Word:
    return parseWord(parser, field);
  case FieldKind::Ints:
  case FieldKind::Reals:
    return parseNumbers(parser, field.kind == FieldKind::Reals);
  }
  return failure();
}

static SmallVector<StringRef> fieldNames(ArrayRef<RecordField> table) {
  return llvm::map_to_vector(table, [](const RecordField &f) { return f.name; });
}

ParseResult attn::parseAngleList(AsmParser &parser, function_ref<ParseResult()> element) {
  if (parser.parseLess())
    return failure();
  if (succeeded(parser.parseOptionalGreater()))
    return success();
  return failure(parser.parseCommaSeparatedList(element) || parser.parseGreater());
}

FailureOr<DictionaryAttr> attn::parseRecord(AsmParser &parser, ArrayRef<RecordField> table) {
  NamedAttrList list;
  auto one = [&]() -> ParseResult {
    SMLoc loc = parser.getCurrentLocation();
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    const RecordField *field = findField(table, name);
    if (!field)
      return suggest(parser.emitError(loc, "unknown field '") << name << "'", name,
                     fieldNames(table));
    if (list.get(name))
      return parser.emitError(loc, "field '") << name << "' is given twice";
    if (parser.parseEqual())
      return failure();
    FailureOr<Attribute> value = parseField(parser, *field);
    if (failed(value))
      return failure();
    list.append(name, *value);
    return success();
  };
  if (parseAngleList(parser, one))
    return failure();
  return list.getDictionary(parser.getContext());
}

std::string attn::printReal(double value) {
  if (!std::isfinite(value)) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format_hex(llvm::bit_cast<uint64_t>(value), 18, true);
    return text;
  }
  double size = std::fabs(value);
  bool plain = size == 0 || (size >= 1e-5 && size < 1e16);
  char buffer[32];
  auto end = std::to_chars(std::begin(buffer), std::end(buffer), value,
                           plain ? std::chars_format::fixed : std::chars_format::scientific)
                 .ptr;
  std::string text(buffer, end);
  if (text.find('.') == std::string::npos)
    text.insert(std::min(text.find('e'), text.size()), ".0");
  // `1.0e-06` would read back the same, but 1.0e-6 is what people write.
  if (size_t digits = text.find('e') + 2; digits > 1 && text[digits] == '0')
    text.erase(digits, 1);
  return text;
}

template <typename Range, typename Fn>
static void printList(AsmPrinter &printer, Range &&range, Fn each) {
  printer << '[';
  llvm::interleaveComma(range, printer.getStream(), each);
  printer << ']';
}

static void printField(AsmPrinter &printer, Attribute value, FieldKind kind) {
  switch (kind) {
  case FieldKind::Int:
  case FieldKind::Flag:
    printer << cast<IntegerAttr>(value).getInt();
    return;
  case FieldKind::Real:
    printer << printReal(cast<FloatAttr>(value).getValueAsDouble());
    return;
  case FieldKind::Text:
    printer << value;
    return;
  case FieldKind::Word:
    printer << cast<StringAttr>(value).getValue();
    return;
  case FieldKind::Ints:
    printList(printer, cast<DenseI64ArrayAttr>(value).asArrayRef(),
              [&](int64_t v) { printer << v; });
    return;
  case FieldKind::Reals:
    printList(printer, cast<DenseF64ArrayAttr>(value).asArrayRef(),
              [&](double v) { printer << printReal(v); });
    return;
  }
}

void attn::printRecord(AsmPrinter &printer, DictionaryAttr fields, ArrayRef<RecordField> table) {
  printer << '<';
  bool first = true;
  for (const RecordField &field : table) {
    Attribute value = fields.get(field.name);
    if (!value)
      continue;
    printer << (first ? "" : ", ") << field.name << " = ";
    printField(printer, value, field.kind);
    first = false;
  }
  printer << '>';
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static bool isInteger(Attribute value, int64_t most) {
  auto attr = dyn_cast<IntegerAttr>(value);
  return attr && attr.getType().isSignlessInteger(64) && attr.getInt() >= 0 &&
         attr.getInt() <= most;
}

static bool isReal(Attribute value) {
  auto attr = dyn_cast<FloatAttr>(value);
  return attr && attr.getType().isF64() && attr.getValue().isFinite();
}

static bool areReals(Attribute value) {
  auto attr = dyn_cast<DenseF64ArrayAttr>(value);
  return attr && llvm::all_of(attr.asArrayRef(), [](double v) { return std::isfinite(v); });
}

static bool holds(Attribute value, const RecordField &field) {
  switch (field.kind) {
  case FieldKind::Int:
    return isInteger(value, int64_t(1) << 40);
  case FieldKind::Flag:
    return isInteger(value, 1);
  case FieldKind::Real:
    return isReal(value);
  case FieldKind::Text:
    return isa<StringAttr>(value);
  case FieldKind::Word:
    return isa<StringAttr>(value) &&
           llvm::is_contained(field.words, cast<StringAttr>(value).getValue());
  case FieldKind::Ints:
    return isa<DenseI64ArrayAttr>(value);
  case FieldKind::Reals:
    return areReals(value);
  }
  return false;
}

/// What `holds` asks for, in words.
static StringRef expectation(FieldKind kind) {
  switch (kind) {
  case FieldKind::Int:
    return "an integer from 0 to 2^40";
  case FieldKind::Flag:
    return "0 or 1";
  case FieldKind::Real:
    return "a finite real number";
  case FieldKind::Text:
    return "a string";
  case FieldKind::Word:
    return "one of its words";
  case FieldKind::Ints:
    return "a list of integers";
  case FieldKind::Reals:
    return "a list of finite real numbers";
  }
  return "";
}

LogicalResult attn::verifyRecord(function_ref<InFlightDiagnostic()> emitError,
                                 DictionaryAttr fields, ArrayRef<RecordField> table,
                                 StringRef record) {
  for (NamedAttribute entry : fields) {
    const RecordField *field = findField(table, entry.getName());
    if (!field)
      return suggest(emitError() << record << " has no field '" << entry.getName() << "'",
                     entry.getName(), fieldNames(table));
    if (!holds(entry.getValue(), *field))
      return emitError() << record << " field '" << field->name << "' takes "
                         << expectation(field->kind) << ", found " << entry.getValue();
  }
  for (const RecordField &field : table)
    if (field.required && !fields.get(field.name))
      return emitError() << record << " needs the field '" << field.name << "'";
  return success();
}
