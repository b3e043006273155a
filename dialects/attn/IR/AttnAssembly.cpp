//===- AttnAssembly.cpp - text and rules that several operations share -------===//
#include "AttnAssembly.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Custom directives
//===----------------------------------------------------------------------===//

ParseResult attn::parseReal(OpAsmParser &parser, FloatAttr &attr) {
  double value = 0;
  if (parser.parseFloat(value))
    return failure();
  attr = parser.getBuilder().getF64FloatAttr(value);
  return success();
}

void attn::printReal(OpAsmPrinter &printer, Operation *, FloatAttr attr) {
  printer << printReal(attr.getValueAsDouble());
}

ParseResult attn::parseReals(OpAsmParser &parser, DenseF64ArrayAttr &attr) {
  SmallVector<double> values;
  auto one = [&] { return parser.parseFloat(values.emplace_back(0.0)); };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  attr = parser.getBuilder().getDenseF64ArrayAttr(values);
  return success();
}

void attn::printReals(OpAsmPrinter &printer, Operation *, DenseF64ArrayAttr attr) {
  printer << '[';
  llvm::interleaveComma(attr.asArrayRef(), printer, [&](double v) { printer << printReal(v); });
  printer << ']';
}

ParseResult attn::parseMaskExpr(OpAsmParser &parser, MaskAttr &mask) {
  mask = dyn_cast_or_null<MaskAttr>(MaskAttr::parse(parser, {}));
  return success(static_cast<bool>(mask));
}

void attn::printMaskExpr(OpAsmPrinter &printer, Operation *, MaskAttr mask) {
  printer << '<' << mask.str() << '>';
}

ParseResult attn::parseHeadMaps(OpAsmParser &parser, DenseI64ArrayAttr &query,
                                DenseI64ArrayAttr &key, DenseI64ArrayAttr &value) {
  auto slotOf = [&](StringRef axis) -> DenseI64ArrayAttr * {
    return axis == "query" ? &query : axis == "key" ? &key : axis == "value" ? &value : nullptr;
  };
  auto one = [&]() -> ParseResult {
    SMLoc loc = parser.getCurrentLocation();
    StringRef axis;
    SmallVector<int64_t> table;
    auto entry = [&] { return parser.parseInteger(table.emplace_back(0)); };
    if (parser.parseKeyword(&axis) || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, entry))
      return failure();
    DenseI64ArrayAttr *slot = slotOf(axis);
    if (!slot || *slot)
      return parser.emitError(loc,
                              "expected each of 'query', 'key' and 'value' at most once, found '")
             << axis << "'";
    *slot = DenseI64ArrayAttr::get(parser.getContext(), table);
    return success();
  };
  return parser.parseCommaSeparatedList(one);
}

void attn::printHeadMaps(OpAsmPrinter &printer, Operation *, DenseI64ArrayAttr query,
                         DenseI64ArrayAttr key, DenseI64ArrayAttr value) {
  StringRef separator;
  for (auto [name, table] :
       {std::pair<StringRef, DenseI64ArrayAttr>{"query", query}, {"key", key}, {"value", value}}) {
    if (!table)
      continue;
    printer << separator << name << " = [";
    llvm::interleaveComma(table.asArrayRef(), printer);
    printer << ']';
    separator = ", ";
  }
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

bool attn::compatible(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

bool attn::hasShape(ShapedType type, ArrayRef<int64_t> shape) {
  return type.getRank() == static_cast<int64_t>(shape.size()) &&
         llvm::all_of(llvm::zip(type.getShape(), shape),
                      [](auto pair) { return compatible(std::get<0>(pair), std::get<1>(pair)); });
}

std::string attn::shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(
      shape, os, [&](int64_t size) { ShapedType::isDynamic(size) ? os << '?' : os << size; });
  return text + "]";
}

LogicalResult attn::verifyStatic(Operation *op, StringRef name, ShapedType type, StringRef rule) {
  constexpr int64_t most = int64_t(1) << 20;
  for (int64_t axis : {1, 3})
    if (type.isDynamicDim(axis) || type.getDimSize(axis) <= 0 || type.getDimSize(axis) > most)
      return op->emitOpError() << name << " must have a static "
                               << (axis == 1 ? "head count" : "head size") << " from 1 to " << most
                               << ", found " << type << " (" << rule << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// Score region and mask
//===----------------------------------------------------------------------===//

/// A score may be computed again, or not at all: its operations read at most.
static LogicalResult verifyReadsOnly(Operation *op, Region &region, StringRef rule) {
  for (Operation &inner : region.front().without_terminator()) {
    auto effects = getEffectsRecursively(&inner);
    bool reads = effects && llvm::all_of(*effects, [](const MemoryEffects::EffectInstance &e) {
                   return isa<MemoryEffects::Read>(e.getEffect());
                 });
    if (!reads)
      return op->emitOpError() << "score region must not have side effects, found '"
                               << inner.getName() << "' (" << rule << ")";
  }
  return success();
}

LogicalResult attn::verifyScoreRegion(Operation *op, Region &region, StringRef rule) {
  if (region.empty())
    return success();
  Block &block = region.front();
  Builder b(op->getContext());
  SmallVector<Type> expected = {b.getF32Type()};
  expected.append(4, b.getIndexType());
  if (!llvm::equal(block.getArgumentTypes(), expected))
    return op->emitOpError() << "score region must take (f32, index, index, index, index): score, "
                                "batch, score head, query position, key index ("
                             << rule << ")";
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getNumOperands() != 1 || !yield.getOperand(0).getType().isF32())
    return op->emitOpError() << "score region must end in attn.yield of one f32 (" << rule << ")";
  return verifyReadsOnly(op, region, rule);
}

/// Rank of the operand a word reads; zero for a word without operand.
static int64_t operandRank(MaskKind kind) {
  switch (kind) {
  case MaskKind::PrefixLength:
    return 1;
  case MaskKind::Document:
    return 2;
  case MaskKind::Dense:
  case MaskKind::Blocks:
    return 4;
  default:
    return 0;
  }
}

static LogicalResult verifyWordOperand(Operation *op, MaskAttr mask, ValueRange operands,
                                       StringRef rule) {
  int64_t rank = operandRank(mask.getKind());
  if (rank == 0)
    return success();
  int64_t number = mask.getValues().back();
  StringRef word = stringifyMaskKind(mask.getKind());
  if (number >= static_cast<int64_t>(operands.size()))
    return op->emitOpError() << "mask word '" << word << "' refers to operand " << number
                             << ", but there are " << operands.size() << " mask operands (" << rule
                             << ")";
  auto type = cast<ShapedType>(operands[number].getType());
  if (type.getRank() != rank)
    return op->emitOpError() << "mask word '" << word << "' needs an operand of rank " << rank
                             << ", found " << type << " (" << rule << ")";
  return success();
}

static LogicalResult verifyWords(Operation *op, MaskAttr mask, ValueRange operands,
                                 std::optional<int64_t> scoreHeads, StringRef rule) {
  auto entries = static_cast<int64_t>(mask.getValues().size());
  if (mask.getKind() == MaskKind::PerHead && scoreHeads && entries != *scoreHeads)
    return op->emitOpError() << "per_head table of the mask has " << entries
                             << " entries, expected " << *scoreHeads << ", one per score head ("
                             << rule << ")";
  if (failed(verifyWordOperand(op, mask, operands, rule)))
    return failure();
  for (Attribute child : mask.getChildren())
    if (failed(verifyWords(op, cast<MaskAttr>(child), operands, scoreHeads, rule)))
      return failure();
  return success();
}

LogicalResult attn::verifyMask(Operation *op, MaskAttr mask, ValueRange operands,
                               std::optional<int64_t> scoreHeads, StringRef rule) {
  if (failed(verifyWords(op, mask, operands, scoreHeads, rule)))
    return failure();
  int64_t used = mask.getNumOperands();
  if (used < static_cast<int64_t>(operands.size()))
    return op->emitOpError() << "there are " << operands.size()
                             << " mask operands, but the mask refers to " << used << " (" << rule
                             << ")";
  return success();
}
