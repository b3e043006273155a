//===- AttnLayerOps.cpp - hidden states, cache, weights: text and rules ------===//
#include "AttnAssembly.h"
#include "attn/IR/AttnOps.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

/// `type` has exactly `shape`, with the element type of `like`.
static LogicalResult verifyResult(Operation *op, ShapedType type, ArrayRef<int64_t> shape,
                                  ShapedType like, StringRef rule) {
  if (hasShape(type, shape) && type.getElementType() == like.getElementType())
    return success();
  return op->emitOpError() << "result must be " << shapeText(shape) << " of "
                           << like.getElementType() << ", found " << type << " (" << rule << ")";
}

//===----------------------------------------------------------------------===//
// Hidden states and the cache
//===----------------------------------------------------------------------===//

LogicalResult TokensOp::verify() {
  ShapedType input = getInput().getType();
  if (input.isDynamicDim(2))
    return emitOpError() << "width must be static, found " << input << " (tokens_c1)";
  if (failed(verifyStatic(*this, "result", getResult().getType(), "tokens_c1")))
    return failure();
  return verifyResult(*this, getResult().getType(),
                      {input.getDimSize(0), 1, input.getDimSize(1), input.getDimSize(2)}, input,
                      "tokens_c1");
}

LogicalResult ProjectOp::verify() {
  ShapedType input = getInput().getType(), weight = getWeight().getType();
  if (failed(verifyStatic(*this, "input", input, "project_c1")))
    return failure();
  if (!weight.hasStaticShape() || weight.getDimSize(0) != input.getDimSize(1) ||
      weight.getDimSize(1) != input.getDimSize(3))
    return emitOpError() << "weight must be [" << input.getDimSize(1) << ", " << input.getDimSize(3)
                         << ", width], found " << weight << " (project_c1)";
  ShapedType result = getResult().getType();
  if (result.isDynamicDim(2))
    return emitOpError() << "width must be static, found " << result << " (project_c2)";
  return verifyResult(*this, result,
                      {input.getDimSize(0), input.getDimSize(2), weight.getDimSize(2)}, input,
                      "project_c2");
}

LogicalResult AppendOp::verify() {
  ShapedType cache = getCache().getType(), rows = getRows().getType();
  if (failed(verifyStatic(*this, "cache", cache, "append_c1")) ||
      failed(verifyStatic(*this, "rows", rows, "append_c1")))
    return failure();
  SmallVector<int64_t> shape(cache.getShape());
  shape[2] = rows.getDimSize(2);
  if (!hasShape(rows, shape) || rows.getElementType() != cache.getElementType())
    return emitOpError() << "rows must be " << shapeText(shape) << " of " << cache.getElementType()
                         << " like the cache, found " << rows << " (append_c1)";
  return success();
}

//===----------------------------------------------------------------------===//
// Further token transforms
//===----------------------------------------------------------------------===//

ParseResult AddOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::UnresolvedOperand> parts;
  Type type;
  if (parser.parseOperandList(parts) || parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonType(type) || parser.resolveOperands(parts, type, state.operands))
    return failure();
  state.addTypes(type);
  return success();
}

void AddOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getParts();
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getResult().getType();
}

LogicalResult AddOp::verify() {
  auto result = cast<ShapedType>(getResult().getType());
  if (getParts().empty())
    return emitOpError("needs at least one part (add_c1)");
  for (Type type : getParts().getTypes())
    if (type != result)
      return emitOpError() << "parts must have the result's type " << result << ", found " << type
                           << " (add_c1)";
  if (result.getRank() == 4)
    return verifyStatic(*this, "result", result, "add_c1");
  if (result.isDynamicDim(2))
    return emitOpError() << "width must be static, found " << result << " (add_c1)";
  return success();
}

LogicalResult GateOp::verify() {
  return verifyStatic(*this, "input", getInput().getType(), "gate_c1");
}

LogicalResult attn::verifyBefore(Operation *op, Value before, ShapedType input, int64_t least,
                                 StringRef rule) {
  if (!before)
    return success();
  auto type = cast<ShapedType>(before.getType());
  SmallVector<int64_t> shape(input.getShape());
  shape[2] = type.getDimSize(2);
  if (!type.isDynamicDim(2) && type.getDimSize(2) >= std::max<int64_t>(least, 1) &&
      hasShape(type, shape) && type.getElementType() == input.getElementType())
    return success();
  return op->emitOpError()
         << "tokens before must be the input's but for a static number of at least "
         << std::max<int64_t>(least, 1) << ", found " << type << " for " << input << " (" << rule
         << ")";
}

LogicalResult CarryOp::verify() {
  ShapedType tokens = getTokens().getType();
  if (failed(verifyStatic(*this, "tokens", tokens, "carry_c1")))
    return failure();
  return verifyBefore(*this, getBefore(), tokens, 1, "carry_c1");
}

LogicalResult NewestOp::verify() {
  ShapedType input = getInput().getType(), result = getResult().getType();
  if (failed(verifyStatic(*this, "input", input, "newest_c1")))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape[2] = result.getDimSize(2);
  if (result.isDynamicDim(2) || result.getDimSize(2) < 1 || !hasShape(result, shape) ||
      result.getElementType() != input.getElementType())
    return emitOpError() << "result must be the input's but for a static number of tokens, found "
                         << result << " (newest_c1)";
  return success();
}

LogicalResult BiasOp::verify() {
  auto input = cast<ShapedType>(getInput().getType()), bias = cast<ShapedType>(getBias().getType());
  bool isHeads = input.getRank() == 4;
  if (isHeads && failed(verifyStatic(*this, "input", input, "bias_c1")))
    return failure();
  SmallVector<int64_t> shape = {input.getShape().back()};
  if (isHeads)
    shape.insert(shape.begin(), input.getDimSize(1));
  if (bias.hasStaticShape() && bias.getShape() == ArrayRef(shape) &&
      bias.getElementType() == input.getElementType())
    return success();
  return emitOpError() << "bias must be " << shapeText(shape) << " of " << input.getElementType()
                       << ", static, found " << bias << " (bias_c1)";
}

LogicalResult ClampOp::verify() {
  double limit = getLimit().convertToDouble();
  if (!(limit > 0) || !std::isfinite(limit))
    return emitOpError("limit must be positive and finite (clamp_c1)");
  return verifyStatic(*this, "input", getInput().getType(), "clamp_c1");
}

LogicalResult ShiftOp::verify() {
  auto tokens = static_cast<int64_t>(getTokens());
  if (tokens < 1 || tokens > 1 << 20)
    return emitOpError() << "tokens must be from 1 to 2^20, found " << tokens << " (shift_c1)";
  if (failed(verifyStatic(*this, "input", getInput().getType(), "shift_c1")))
    return failure();
  return verifyBefore(*this, getBefore(), getInput().getType(), tokens, "shift_c2");
}

LogicalResult JoinHeadsOp::verify() {
  ShapedType input = getInput().getType();
  if (failed(verifyStatic(*this, "input", input, "join_heads_c1")) ||
      failed(verifyStatic(*this, "result", getResult().getType(), "join_heads_c1")))
    return failure();
  return verifyResult(
      *this, getResult().getType(),
      {input.getDimSize(0), 1, input.getDimSize(2), input.getDimSize(1) * input.getDimSize(3)},
      input, "join_heads_c1");
}

//===----------------------------------------------------------------------===//
// Weights made of weights
//===----------------------------------------------------------------------===//

LogicalResult ComposeOp::verify() {
  ShapedType first = getFirst().getType(), second = getSecond().getType();
  if (!first.hasStaticShape() || !second.hasStaticShape() ||
      (first.getDimSize(0) != second.getDimSize(0) && first.getDimSize(0) != 1 &&
       second.getDimSize(0) != 1))
    return emitOpError() << "weights must be static, with equal heads or one; found " << first
                         << " and " << second << " (compose_c1)";
  if (first.getDimSize(2) != second.getDimSize(1))
    return emitOpError() << "the first weight gives vectors of size " << first.getDimSize(2)
                         << ", the second takes " << second.getDimSize(1) << " (compose_c2)";
  if (second.getElementType() != first.getElementType())
    return emitOpError() << "weights must have one element type, found " << first << " and "
                         << second << " (compose_c3)";
  return verifyResult(*this, getResult().getType(),
                      {std::max(first.getDimSize(0), second.getDimSize(0)), first.getDimSize(1),
                       second.getDimSize(2)},
                      first, "compose_c3");
}

LogicalResult CombineOp::verify() {
  ShapedType weight = getWeight().getType(), coefficients = getCoefficients().getType();
  if (!weight.hasStaticShape() || !coefficients.hasStaticShape() ||
      coefficients.getDimSize(1) < 1 || weight.getDimSize(0) % coefficients.getDimSize(1) != 0)
    return emitOpError() << "coefficients must be [results, atoms] with atoms that divide the "
                            "weight's heads, static; found "
                         << coefficients << " for " << weight << " (combine_c1)";
  int64_t heads = weight.getDimSize(0) / coefficients.getDimSize(1) * coefficients.getDimSize(0);
  return verifyResult(*this, getResult().getType(),
                      {heads, weight.getDimSize(1), weight.getDimSize(2)}, weight, "combine_c2");
}

LogicalResult SelectionOp::verify() {
  ShapedType result = getResult().getType();
  auto entries = static_cast<int64_t>(getTable().size());
  if (!result.hasStaticShape() || result.getDimSize(0) != entries || result.getDimSize(2) < 1 ||
      result.getDimSize(1) % result.getDimSize(2) != 0)
    return emitOpError() << "result must be [" << entries << ", heads * size, size], static, found "
                         << result << " (selection_c1)";
  int64_t heads = result.getDimSize(1) / result.getDimSize(2);
  for (int64_t entry : getTable())
    if (entry < 0 || entry >= heads)
      return emitOpError() << "table entry " << entry << " is not one of the " << heads
                           << " heads (selection_c2)";
  return success();
}
