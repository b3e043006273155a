//===- AttnMask.cpp - the mask algebra ---------------------------------------===//
#include "attn/IR/AttnAttrs.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::attn;

using EmitError = function_ref<InFlightDiagnostic()>;

namespace {
/// A word of the algebra and how many numbers it may take.
struct MaskWord {
  StringRef name;
  MaskKind kind;
  unsigned least, most;
};
} // namespace

static const MaskWord maskWords[] = {
    {"all", MaskKind::All, 0, 0},
    {"none", MaskKind::None, 0, 0},
    {"causal", MaskKind::Causal, 0, 0},
    {"window", MaskKind::Window, 1, 2},
    {"sink", MaskKind::Sink, 1, 1},
    {"prefix", MaskKind::Prefix, 1, 1},
    {"chunk", MaskKind::Chunk, 1, 1},
    {"stride", MaskKind::Stride, 1, 1},
    {"prefix_length", MaskKind::PrefixLength, 1, 1},
    {"document", MaskKind::Document, 1, 1},
    {"dense", MaskKind::Dense, 1, 1},
    {"blocks", MaskKind::Blocks, 3, 3},
};

/// Whether the last number of the word is a mask operand's.
static bool refersToOperand(MaskKind kind) {
  return kind == MaskKind::PrefixLength || kind == MaskKind::Document || kind == MaskKind::Dense ||
         kind == MaskKind::Blocks;
}

static const MaskWord *findWord(MaskKind kind) {
  const auto *it = llvm::find_if(maskWords, [&](const MaskWord &w) { return w.kind == kind; });
  return it == std::end(maskWords) ? nullptr : it;
}

StringRef attn::stringifyMaskKind(MaskKind kind) {
  switch (kind) {
  case MaskKind::And:
    return "and";
  case MaskKind::Or:
    return "or";
  case MaskKind::Not:
    return "not";
  case MaskKind::PerHead:
    return "per_head";
  default:
    return findWord(kind)->name;
  }
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

MaskAttr MaskAttr::getWord(MLIRContext *context, MaskKind kind, ArrayRef<int64_t> values) {
  return get(context, kind, values, ArrayRef<Attribute>());
}
MaskAttr MaskAttr::getAll(MLIRContext *context) { return getWord(context, MaskKind::All); }

static MaskAttr join(MaskKind kind, MaskKind neutral, MaskAttr lhs, MaskAttr rhs) {
  if (lhs.getKind() == neutral || lhs == rhs)
    return rhs;
  if (rhs.getKind() == neutral)
    return lhs;
  SmallVector<Attribute> parts;
  for (MaskAttr side : {lhs, rhs}) {
    if (side.getKind() == kind)
      llvm::append_range(parts, side.getChildren());
    else
      parts.push_back(side);
  }
  return MaskAttr::get(lhs.getContext(), kind, ArrayRef<int64_t>(), parts);
}

MaskAttr MaskAttr::getAnd(MaskAttr lhs, MaskAttr rhs) {
  return join(MaskKind::And, MaskKind::All, lhs, rhs);
}
MaskAttr MaskAttr::getOr(MaskAttr lhs, MaskAttr rhs) {
  return join(MaskKind::Or, MaskKind::None, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool MaskAttr::contains(MaskKind word) const {
  return getKind() == word || llvm::any_of(getChildren(), [&](Attribute child) {
           return cast<MaskAttr>(child).contains(word);
         });
}

bool MaskAttr::dependsOnHead() const {
  return contains(MaskKind::PerHead) || contains(MaskKind::Dense) || contains(MaskKind::Blocks);
}

int64_t MaskAttr::getNumOperands() const {
  if (refersToOperand(getKind()))
    return getValues().back() + 1;
  int64_t count = 0;
  for (Attribute child : getChildren())
    count = std::max(count, cast<MaskAttr>(child).getNumOperands());
  return count;
}

MaskAttr MaskAttr::forHead(int64_t head) const {
  if (getKind() == MaskKind::PerHead)
    return getChild(static_cast<unsigned>(getValues()[head])).forHead(head);
  if (getChildren().empty())
    return *this;
  auto parts = llvm::map_to_vector(getChildren(), [&](Attribute child) -> Attribute {
    return cast<MaskAttr>(child).forHead(head);
  });
  return get(getContext(), getKind(), getValues(), parts);
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// How tightly an expression binds: or 0, and 1, everything else 2.
static int precedence(MaskKind kind) {
  return kind == MaskKind::Or ? 0 : kind == MaskKind::And ? 1 : 2;
}

static void printExpr(raw_ostream &os, MaskAttr mask, int outer) {
  int own = precedence(mask.getKind());
  if (own < outer)
    os << '(';
  switch (mask.getKind()) {
  case MaskKind::And:
  case MaskKind::Or:
    llvm::interleave(
        mask.getChildren(), [&](Attribute child) { printExpr(os, cast<MaskAttr>(child), own + 1); },
        [&] { os << ' ' << stringifyMaskKind(mask.getKind()) << ' '; });
    break;
  case MaskKind::Not:
    os << "not ";
    printExpr(os, mask.getChild(0), 2);
    break;
  case MaskKind::PerHead:
    os << "per_head<[";
    llvm::interleaveComma(mask.getChildren(), os,
                          [&](Attribute child) { printExpr(os, cast<MaskAttr>(child), 0); });
    os << "], [";
    llvm::interleaveComma(mask.getValues(), os);
    os << "]>";
    break;
  default:
    os << stringifyMaskKind(mask.getKind());
    if (!mask.getValues().empty()) {
      os << '<';
      llvm::interleaveComma(mask.getValues(), os);
      os << '>';
    }
  }
  if (own < outer)
    os << ')';
}

std::string MaskAttr::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  printExpr(os, *this, 0);
  return text;
}

void MaskAttr::print(AsmPrinter &printer) const { printer << '<' << str() << '>'; }

namespace {
/// Recursive descent over the grammar of `#attn.mask`. Depth is bounded, so that no input
/// exhausts the stack.
class MaskParser {
public:
  explicit MaskParser(AsmParser &parser) : parser(parser), context(parser.getContext()) {}

  MaskAttr expression() {
    return sequence(MaskKind::Or, [&] { return term(); });
  }

private:
  MaskAttr term() {
    return sequence(MaskKind::And, [&] { return factor(); });
  }

  MaskAttr sequence(MaskKind kind, function_ref<MaskAttr()> next) {
    SmallVector<Attribute> parts;
    do {
      MaskAttr part = next();
      if (!part)
        return {};
      parts.push_back(part);
    } while (succeeded(parser.parseOptionalKeyword(stringifyMaskKind(kind))));
    if (parts.size() == 1)
      return cast<MaskAttr>(parts.front());
    return MaskAttr::get(context, kind, ArrayRef<int64_t>(), parts);
  }

  MaskAttr factor() {
    struct Depth {
      explicit Depth(unsigned &d) : d(++d) {}
      ~Depth() { --d; }
      unsigned &d;
    } scope(depth);
    if (depth > 100) {
      parser.emitError(parser.getCurrentLocation(), "mask expression is nested more than 100 deep");
      return {};
    }
    if (succeeded(parser.parseOptionalLParen())) {
      MaskAttr inner = expression();
      return inner && succeeded(parser.parseRParen()) ? inner : MaskAttr();
    }
    if (succeeded(parser.parseOptionalKeyword("not"))) {
      MaskAttr inner = factor();
      return inner ? MaskAttr::get(context, MaskKind::Not, ArrayRef<int64_t>(),
                                   ArrayRef<Attribute>(inner))
                   : inner;
    }
    if (succeeded(parser.parseOptionalKeyword("per_head")))
      return perHead();
    return word();
  }

  MaskAttr perHead() {
    SmallVector<Attribute> parts;
    SmallVector<int64_t> table;
    SMLoc loc = parser.getCurrentLocation();
    auto part = [&]() -> ParseResult {
      MaskAttr mask = expression();
      parts.push_back(mask);
      return success(static_cast<bool>(mask));
    };
    auto entry = [&] { return parser.parseInteger(table.emplace_back(0)); };
    if (parser.parseLess() || parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, part) ||
        parser.parseComma() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, entry) ||
        parser.parseGreater())
      return {};
    return checked(loc, MaskKind::PerHead, table, parts);
  }

  MaskAttr word() {
    SMLoc loc = parser.getCurrentLocation();
    StringRef name;
    if (failed(parser.parseOptionalKeyword(&name))) {
      parser.emitError(loc,
                       "expected a mask word such as 'causal' or 'window<4096>', 'not' or '('");
      return {};
    }
    const auto *it = llvm::find_if(maskWords, [&](const MaskWord &w) { return w.name == name; });
    if (it == std::end(maskWords)) {
      unknown(loc, name);
      return {};
    }
    SmallVector<int64_t> values;
    auto number = [&] { return parser.parseInteger(values.emplace_back(0)); };
    if (it->most > 0 && parseAngleList(parser, number))
      return {};
    return checked(loc, it->kind, values, {});
  }

  MaskAttr checked(SMLoc loc, MaskKind kind, ArrayRef<int64_t> values, ArrayRef<Attribute> parts) {
    auto emitError = [&] { return parser.emitError(loc); };
    function_ref<InFlightDiagnostic()> emit = emitError;
    return MaskAttr::getChecked(emit, context, kind, values, parts);
  }

  void unknown(SMLoc loc, StringRef name) {
    SmallVector<StringRef> names =
        llvm::map_to_vector(maskWords, [](const MaskWord &w) { return w.name; });
    names.append({"per_head", "not"});
    InFlightDiagnostic diag = parser.emitError(loc, "unknown mask word '")
                              << name << "'; known are ";
    llvm::interleaveComma(names, diag, [&](StringRef n) { diag << "'" << n << "'"; });
    StringRef near = nearestWord(name, names);
    if (!near.empty())
      diag << "; did you mean '" << near << "'?";
  }

  AsmParser &parser;
  MLIRContext *context;
  unsigned depth = 0;
};
} // namespace

Attribute MaskAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  MaskAttr mask = MaskParser(parser).expression();
  if (!mask || parser.parseGreater())
    return {};
  return mask;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static LogicalResult verifyPerHead(EmitError emitError, ArrayRef<int64_t> table,
                                   ArrayRef<Attribute> children) {
  if (children.empty() || table.empty())
    return emitError() << "per_head needs at least one expression and one table entry";
  for (int64_t entry : table)
    if (entry < 0 || entry >= static_cast<int64_t>(children.size()))
      return emitError() << "per_head table entry " << entry << " is not one of the "
                         << children.size() << " expressions";
  return success();
}

static LogicalResult verifyCount(EmitError emitError, const MaskWord &word, size_t found) {
  if (found >= word.least && found <= word.most)
    return success();
  InFlightDiagnostic diag = emitError() << "mask word '" << word.name << "' takes " << word.least;
  if (word.most != word.least)
    diag << " or " << word.most;
  return diag << (word.most == 1 ? " number" : " numbers") << ", found " << found;
}

/// Numbers are lengths (positive) but the last of an operand word, which counts operands.
static LogicalResult verifyNumbers(EmitError emitError, const MaskWord &word,
                                   ArrayRef<int64_t> values) {
  if (failed(verifyCount(emitError, word, values.size())))
    return failure();
  constexpr int64_t most = int64_t(1) << 40;
  for (auto [i, value] : llvm::enumerate(values)) {
    bool isOperand = refersToOperand(word.kind) && i + 1 == values.size();
    if (value < (isOperand ? 0 : 1) || value > most)
      return emitError() << "mask word '" << word.name << "' takes "
                         << (isOperand ? "an operand number from 0 to " : "lengths from 1 to ")
                         << most << ", found " << value;
  }
  return success();
}

LogicalResult MaskAttr::verify(EmitError emitError, MaskKind kind, ArrayRef<int64_t> values,
                               ArrayRef<Attribute> children) {
  if (!llvm::all_of(children, [](Attribute child) { return isa_and_nonnull<MaskAttr>(child); }))
    return emitError() << "parts of a mask must be masks";
  if (kind == MaskKind::PerHead)
    return verifyPerHead(emitError, values, children);
  if (const MaskWord *word = findWord(kind)) {
    if (!children.empty())
      return emitError() << "mask word '" << word->name << "' has no parts";
    return verifyNumbers(emitError, *word, values);
  }
  bool joins = kind == MaskKind::And || kind == MaskKind::Or;
  if (!joins && kind != MaskKind::Not)
    return emitError() << "unknown kind of mask " << static_cast<uint32_t>(kind);
  if (!values.empty() || (joins ? children.size() < 2 : children.size() != 1))
    return emitError() << "'" << stringifyMaskKind(kind) << "' takes "
                       << (joins ? "two masks or more" : "one mask") << " and no number";
  return success();
}
