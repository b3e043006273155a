//===- AttnOps.cpp - token transforms and partial results: text and rules ----===//
#include "attn/IR/AttnOps.h"
#include "AttnAssembly.h"
#include "mlir/IR/Builders.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Token transforms
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  if (getTable().empty())
    return emitOpError("table must not be empty (lookup_c1)");
  return success();
}

LogicalResult RopeOp::verify() {
  ShapedType type = getInput().getType();
  if (failed(verifyStatic(*this, "input", type, "rope_c1")))
    return failure();
  int64_t end = getRope().getStart() + getRope().getDims();
  if (end > type.getDimSize(3))
    return emitOpError() << "rotates elements up to " << end << " of a head of size "
                         << type.getDimSize(3) << " (rope_c1)";
  auto bases = static_cast<int64_t>(getRope().getReals("bases").size());
  if (bases != 0 && bases != type.getDimSize(1))
    return emitOpError() << "bases has " << bases << " entries for " << type.getDimSize(1)
                         << " heads (rope_c2)";
  return success();
}

LogicalResult NormOp::verify() {
  ShapedType type = getInput().getType();
  if (failed(verifyStatic(*this, "input", type, "norm_c1")))
    return failure();
  if (!getGain())
    return success();
  auto gain = cast<ShapedType>(getGain().getType());
  SmallVector<int64_t> shape = {type.getDimSize(1), type.getDimSize(3)};
  if (gain.getShape() != ArrayRef<int64_t>(shape).take_back(gain.getRank()))
    return emitOpError() << "gain must be [" << shape[1] << "] or " << shapeText(shape)
                         << ", found " << gain << " (norm_c1)";
  return success();
}

LogicalResult ExpandOp::verify() {
  ShapedType input = getInput().getType(), weight = getWeight().getType(),
             result = getResult().getType();
  if (failed(verifyStatic(*this, "input", input, "expand_c1")) ||
      failed(verifyStatic(*this, "result", result, "expand_c3")))
    return failure();
  if (!weight.hasStaticShape())
    return emitOpError() << "weight must have a static shape, found " << weight << " (expand_c1)";
  int64_t from = input.getDimSize(1), heads = weight.getDimSize(0);
  if (heads < 1 || (from != heads && from != 1 && heads != 1))
    return emitOpError() << "input has " << from << " heads and weight " << heads
                         << "; they must be equal or one of them 1 (expand_c1)";
  int64_t inner = weight.getDimSize(getTransposed() ? 2 : 1),
          outer = weight.getDimSize(getTransposed() ? 1 : 2);
  if (inner != input.getDimSize(3))
    return emitOpError() << "weight takes vectors of size " << inner << ", the input's are "
                         << input.getDimSize(3) << " (expand_c2)";
  SmallVector<int64_t> shape = {input.getDimSize(0), std::max(from, heads), input.getDimSize(2),
                                outer};
  if (!hasShape(result, shape) || result.getElementType() != input.getElementType())
    return emitOpError() << "result must be " << shapeText(shape) << " of "
                         << input.getElementType() << ", found " << result << " (expand_c3)";
  return success();
}

/// concat_c1: every part fits `shape`, [B, heads, S, any], with its own head count or one head.
static LogicalResult verifyPart(ConcatOp op, ShapedType part, ArrayRef<int64_t> shape) {
  if (part.getDimSize(1) != 1 && part.getDimSize(1) != shape[1])
    return op.emitOpError() << "parts must have " << shape[1] << " heads or one, found " << part
                            << " (concat_c1)";
  ShapedType result = op.getResult().getType();
  if (!compatible(part.getDimSize(0), result.getDimSize(0)) ||
      !compatible(part.getDimSize(2), result.getDimSize(2)) ||
      part.getElementType() != result.getElementType())
    return op.emitOpError() << "parts must agree with the result in batch, sequence and element "
                               "type, found "
                            << part << " (concat_c1)";
  return success();
}

LogicalResult ConcatOp::verify() {
  if (getParts().empty())
    return emitOpError("needs at least one part (concat_c1)");
  ShapedType result = getResult().getType();
  SmallVector<int64_t> shape = {result.getDimSize(0), 1, result.getDimSize(2), 0};
  for (Value part : getParts()) {
    auto type = cast<ShapedType>(part.getType());
    if (failed(verifyStatic(*this, "part", type, "concat_c1")))
      return failure();
    shape[1] = std::max(shape[1], type.getDimSize(1));
    shape[3] += type.getDimSize(3);
  }
  for (Value part : getParts())
    if (failed(verifyPart(*this, cast<ShapedType>(part.getType()), shape)))
      return failure();
  if (!hasShape(result, shape))
    return emitOpError() << "result must be " << shapeText(shape) << ", found " << result
                         << " (concat_c2)";
  return verifyStatic(*this, "result", result, "concat_c2");
}

LogicalResult ColumnsOp::verify() {
  ShapedType input = getInput().getType(), result = getResult().getType();
  if (failed(verifyStatic(*this, "input", input, "columns_c1")) ||
      failed(verifyStatic(*this, "result", result, "columns_c1")))
    return failure();
  int64_t first = getFirst(), size = result.getDimSize(3);
  if (first < 0 || first > input.getDimSize(3) - size)
    return emitOpError() << "columns " << first << " to " << first + size
                         << " are not inside a head of size " << input.getDimSize(3)
                         << " (columns_c1)";
  if (!hasShape(result, {input.getDimSize(0), input.getDimSize(1), input.getDimSize(2), size}) ||
      input.getElementType() != result.getElementType())
    return emitOpError() << "result " << result
                         << " must differ from the input only in the head size (columns_c1)";
  return success();
}

LogicalResult HeadsOp::verify() {
  ShapedType input = getInput().getType(), result = getResult().getType();
  if (failed(verifyStatic(*this, "input", input, "select_heads_c1")) ||
      failed(verifyStatic(*this, "result", result, "select_heads_c1")))
    return failure();
  if (static_cast<int64_t>(getTable().size()) != result.getDimSize(1))
    return emitOpError() << "table has " << getTable().size() << " entries for "
                         << result.getDimSize(1) << " result heads (select_heads_c1)";
  for (int64_t entry : getTable())
    if (entry < 0 || entry >= input.getDimSize(1))
      return emitOpError() << "table entry " << entry << " is not one of the "
                           << input.getDimSize(1) << " heads (select_heads_c1)";
  if (!hasShape(result, {input.getDimSize(0), result.getDimSize(1), input.getDimSize(2),
                         input.getDimSize(3)}) ||
      input.getElementType() != result.getElementType())
    return emitOpError() << "result " << result
                         << " must differ from the input only in the head count (select_heads_c1)";
  return success();
}

LogicalResult ScaleOp::verify() {
  if (!std::isfinite(getFactor().convertToDouble()))
    return emitOpError("factor must be finite (scale_c1)");
  return verifyStatic(*this, "input", getInput().getType(), "scale_c1");
}

LogicalResult ShortConvOp::verify() {
  ShapedType input = getInput().getType(), weight = getWeight().getType();
  if (failed(verifyStatic(*this, "input", input, "short_conv_c1")))
    return failure();
  if (!weight.hasStaticShape() || weight.getDimSize(0) != input.getDimSize(1) ||
      weight.getDimSize(2) != input.getDimSize(3) || weight.getDimSize(1) < 1)
    return emitOpError() << "weight must be [" << input.getDimSize(1) << ", taps, "
                         << input.getDimSize(3) << "], found " << weight << " (short_conv_c1)";
  return verifyBefore(*this, getBefore(), input, weight.getDimSize(1) - 1, "short_conv_c2");
}

//===----------------------------------------------------------------------===//
// Partial results: `op %a, %b WORD %x, %y attr-dict : head type, row type`
//===----------------------------------------------------------------------===//

static ParseResult parsePartial(OpAsmParser &parser, OperationState &state, StringRef word,
                                unsigned results) {
  SmallVector<OpAsmParser::UnresolvedOperand> parts, rows;
  Type part, row;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseOperandList(parts) || parser.parseKeyword(word) ||
      parser.parseOperandList(rows) || parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonType(part) || parser.parseComma() || parser.parseType(row))
    return failure();
  if (parts.size() != rows.size())
    return parser.emitError(loc, "expected one operand after '")
           << word << "' for each part, found " << rows.size() << " for " << parts.size();
  if (parser.resolveOperands(parts, part, state.operands) ||
      parser.resolveOperands(rows, row, state.operands))
    return failure();
  state.addTypes(part);
  if (results == 2)
    state.addTypes(row);
  return success();
}

static void printPartial(OpAsmPrinter &printer, Operation *op, OperandRange parts, StringRef word,
                         OperandRange rows) {
  printer << ' ' << parts << ' ' << word << ' ' << rows;
  printer.printOptionalAttrDict(op->getAttrs());
  printer << " : " << parts.front().getType() << ", " << rows.front().getType();
}

/// As many row operands as parts. Accessors split the operands in halves, so an odd count shows
/// only here.
static LogicalResult verifyCounts(Operation *op, StringRef rule) {
  unsigned count = op->getNumOperands();
  if (count == 0 || count % 2 != 0)
    return op->emitOpError() << "needs one row operand for each part, and at least one part; found "
                             << count << " operands (" << rule << ")";
  return success();
}

static LogicalResult verifyTypes(Operation *op, OperandRange parts, OperandRange rows,
                                 ShapedType result, StringRef rule) {
  if (failed(verifyStatic(op, "result", result, rule)))
    return failure();
  for (Type type : parts.getTypes())
    if (type != result)
      return op->emitOpError() << "parts must have the result's type " << result << ", found "
                               << type << " (" << rule << ")";
  auto row = cast<ShapedType>(rows.front().getType());
  ArrayRef<int64_t> shape = result.getShape().take_front(3);
  if (!hasShape(row, shape))
    return op->emitOpError() << "row operands must be " << shapeText(shape) << ", found " << row
                             << " (" << rule << ")";
  for (Type type : rows.getTypes())
    if (type != row)
      return op->emitOpError() << "row operands must have one type, found " << row << " and "
                               << type << " (" << rule << ")";
  return success();
}

ParseResult MergeOp::parse(OpAsmParser &parser, OperationState &state) {
  return parsePartial(parser, state, "lse", 2);
}

void MergeOp::print(OpAsmPrinter &printer) {
  printPartial(printer, *this, getOuts(), "lse", getLses());
}

LogicalResult MergeOp::verify() {
  if (failed(verifyCounts(*this, "merge_c1")) ||
      failed(verifyTypes(*this, getOuts(), getLses(), getOut().getType(), "merge_c2")))
    return failure();
  if (getLses().front().getType() != getLse().getType())
    return emitOpError() << "lse operands must have the result's type " << getLse().getType()
                         << ", found " << getLses().front().getType() << " (merge_c2)";
  return success();
}

ParseResult GatedSumOp::parse(OpAsmParser &parser, OperationState &state) {
  return parsePartial(parser, state, "gates", 1);
}

void GatedSumOp::print(OpAsmPrinter &printer) {
  printPartial(printer, *this, getParts(), "gates", getGates());
}

LogicalResult GatedSumOp::verify() {
  if (failed(verifyCounts(*this, "gated_sum_c1")))
    return failure();
  return verifyTypes(*this, getParts(), getGates(), getOut().getType(), "gated_sum_c2");
}

#define GET_OP_CLASSES
#include "attn/IR/AttnOps.cpp.inc"
